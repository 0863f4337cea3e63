// Where the extension begins and ends; puts its parts together and knows nothing else.

import * as vscode from 'vscode';
import { registerCommands } from './commands';
import { Server } from './server';
import { sortKeys, type Keys } from './settings';
import { statusBar } from './statusBar';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Code Llama', { log: true });
  const keys = settingKeys(context);
  const started = new Server(context, keys, log);
  server = started;
  context.subscriptions.push(
    log,
    started,
    statusBar(started),
    registerCommands(context, started, log),
    vscode.workspace.onDidChangeConfiguration((event) => {
      // These decide what runs, so they need a new process; the server follows the others itself.
      if (['server', ...keys.personal].some((key) => event.affectsConfiguration(`codellama.${key}`))) {
        void started.restart();
      }
    }),
  );
  void started.start();
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
