// In a browser without a machine behind it there is nowhere for a model to run: say so when asked.

import * as vscode from 'vscode';

export function activate(context: vscode.ExtensionContext): void {
  const say = (): void => {
    void vscode.window.showInformationMessage(
      'Code Llama runs its model beside your files: open this project in VS Code on a desktop, or in a browser with a remote machine behind it.',
    );
  };
  context.subscriptions.push(vscode.commands.registerCommand('codellama.showMenu', say));
}
