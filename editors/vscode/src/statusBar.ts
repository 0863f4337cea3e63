// The status bar item: what the server does, its details on hover, the menu on a click.

import * as vscode from 'vscode';
import type { Server } from './server';
import { barText, details, withSwitches } from './statusText';

export function statusBar(server: Pick<Server, 'status' | 'onStatus'>): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('codellama.status', vscode.StatusBarAlignment.Right, 100);
  item.name = 'Code Llama';
  item.command = 'codellama.showMenu';
  const told = new Set<string>();

  const show = (): void => {
    const status = withSwitches(server.status, switches());
    item.text = barText(status);
    item.tooltip = new vscode.MarkdownString(details(status).join('\n\n'));
    item.backgroundColor =
      status.state === 'error' ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    if (status.state === 'error' && status.message !== undefined && !told.has(status.message)) {
      told.add(status.message);
      void warn(status.message, status.remedy);
    } else if (status.state === 'ready') {
      told.clear();
    }
  };
  show();
  item.show();
  return vscode.Disposable.from(
    item,
    server.onStatus(show),
    vscode.window.onDidChangeActiveTextEditor(show),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('codellama')) {
        show();
      }
    }),
  );
}

function switches(): Parameters<typeof withSwitches>[1] {
  const document = vscode.window.activeTextEditor?.document;
  const configured = vscode.workspace.getConfiguration('codellama', document?.uri ?? null);
  return {
    enabled: configured.get<boolean>('enabled', true),
    languagesOff: configured.get<string[]>('languagesOff', []),
    language: document?.languageId,
  };
}

async function warn(message: string, remedy: string | undefined): Promise<void> {
  const text = `Code Llama: ${message}${remedy === undefined ? '' : ` ${remedy}`}`;
  const answer = await vscode.window.showWarningMessage(text, 'Doctor', 'Restart');
  if (answer === 'Doctor') {
    await vscode.commands.executeCommand('codellama.openDoctor');
  } else if (answer === 'Restart') {
    await vscode.commands.executeCommand('codellama.restartServer');
  }
}
