// Where the extension begins and ends; puts its parts together and knows nothing else.

import * as vscode from 'vscode';
import { registerCommands } from './commands';
import { Server } from './server';
import { statusBar } from './statusBar';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Code Llama', { log: true });
  const started = new Server(context, settingKeys(context), log);
  server = started;
  context.subscriptions.push(
    log,
    started,
    statusBar(started),
    registerCommands(context, started, log),
    vscode.workspace.onDidChangeConfiguration((event) => {
      // These decide what runs, so they need a new process; the server follows the others itself.
      if (event.affectsConfiguration('codellama.server') || event.affectsConfiguration('codellama.model')) {
        void started.restart();
      }
    }),
  );
  void started.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** The names of our settings, without the section: what package.json contributes. */
function settingKeys(context: vscode.ExtensionContext): string[] {
  const manifest = context.extension.packageJSON as {
    contributes: { configuration: { properties: Record<string, unknown> } };
  };
  return Object.keys(manifest.contributes.configuration.properties).map((name) => name.replace(/^codellama\./, ''));
}
