// Where the extension begins and ends; puts its parts together and knows nothing else.

import * as vscode from 'vscode';
import { registerCommands } from './commands';
import { Installer } from './install';
import { Server } from './server';
import { sortKeys, type Keys } from './settings';
import { statusBar } from './statusBar';

const WELCOMED = 'welcomed';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Code Llama', { log: true });
  const keys = settingKeys(context);
  const started = new Server(context, keys, new Installer(context, log), log);
  server = started;
  context.subscriptions.push(
    log,
    started,
    statusBar(started),
    registerCommands(started, log),
    vscode.workspace.onDidChangeConfiguration((event) => {
      // These decide what runs, so they need a new process; the server follows the others itself.
      if (['server', ...keys.personal].some((key) => event.affectsConfiguration(`codellama.${key}`))) {
        void started.restart();
      }
    }),
  );
  void started.start();
  void welcome(context);
}

/** The walkthrough: once, and not in the way of somebody who has a file open already. */
async function welcome(context: vscode.ExtensionContext): Promise<void> {
  if (context.globalState.get<boolean>(WELCOMED) === true || vscode.window.activeTextEditor !== undefined) {
    return;
  }
  await context.globalState.update(WELCOMED, true);
  await vscode.commands.executeCommand('workbench.action.openWalkthrough', `${context.extension.id}#start`, false);
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

function settingKeys(context: vscode.ExtensionContext): Keys {
  const manifest = context.extension.packageJSON as {
    contributes: { configuration: { properties: Record<string, { scope?: string }> } };
  };
  return sortKeys(manifest.contributes.configuration.properties);
}
