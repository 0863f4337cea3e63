// In a browser without a machine behind it there is nowhere for a model to run: every command says so.

import * as vscode from 'vscode';

const WHY =
  'Code Llama runs its model beside your files: open this project in VS Code on a desktop, or in a browser with a remote machine behind it.';

export function activate(context: vscode.ExtensionContext): void {
  const manifest = context.extension.packageJSON as { contributes: { commands: { command: string }[] } };
  const say = (): void => {
    void vscode.window.showInformationMessage(WHY);
  };
  for (const { command } of manifest.contributes.commands) {
    context.subscriptions.push(vscode.commands.registerCommand(command, say));
  }
}
