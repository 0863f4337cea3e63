// The commands of the palette and of the status bar's menu. Their names differ from the server's
// commands, which the language client registers under their own names.

import * as vscode from 'vscode';
import { menuEntries } from './menu';
import { plainPage, tablesPage, whyPage, type Ended } from './pages';
import { run } from './run';
import type { Server } from './server';
import { toggled } from './settings';
import { details } from './statusText';
import { inEditorWords } from './wording';

const SCHEME = 'codellama-page';

export function registerCommands(server: Server, log: vscode.LogOutputChannel): vscode.Disposable {
  const pages = new Pages();
  const command = (name: string, action: () => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`codellama.${name}`, action);

  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, pages),
    command('showMenu', () => menu(server)),
    command('toggleSuggestions', async () => {
      const result = await server.running()?.execute('codellama.toggle');
      if (result !== undefined) {
        const on = (result as { enabled: boolean }).enabled;
        vscode.window.setStatusBarMessage(`Code Llama: suggestions are ${on ? 'on' : 'off'}`, 5000);
      }
    }),
    command('toggleLanguage', toggleLanguage),
    command('explainLast', async () => {
      const uri = vscode.window.activeTextEditor?.document.uri.toString();
      const result = await server.running()?.execute('codellama.why', uri === undefined ? [] : [uri]);
      if (result !== undefined) {
        await pages.show('Why', whyPage(result as Ended[]));
      }
    }),
    command('showStatistics', async () => {
      const result = await server.running()?.execute('codellama.stats');
      if (result !== undefined) {
        await pages.show('Statistics', tablesPage('Statistics', result as Record<string, unknown>));
      }
    }),
    command('openDoctor', async () => {
      await pages.show('Doctor', await verb(server, 'Doctor', ['doctor']));
    }),
    command('showContext', async () => {
      const editor = vscode.window.activeTextEditor;
      if (editor !== undefined) {
        const { line, character } = editor.selection.active;
        const before = editor.document.lineAt(line).text.slice(0, character);
        // The program counts code points from 1.
        const place = `${editor.document.uri.fsPath}:${line + 1}:${Array.from(before).length + 1}`;
        await pages.show('Context', await verb(server, 'What the model would read', ['context', place]));
      }
    }),
    command('restartServer', () => server.restart()),
    command('reloadModel', async () => {
      const result = await server.running()?.execute('codellama.restartEngine');
      const failed = result as { ok: boolean; message: string; remedy: string } | undefined;
      if (failed !== undefined && !failed.ok) {
        void vscode.window.showWarningMessage(`Code Llama: ${inEditorWords(`${failed.message} ${failed.remedy}`)}`);
      }
    }),
    command('installServer', () => server.install()),
    command('showOutput', () => {
      log.show();
    }),
  );
}

/** A verb of the server's own program; it works where the server does not. */
async function verb(server: Server, title: string, args: readonly string[]): Promise<string> {
  const command = server.command();
  if (command === undefined) {
    return plainPage(title, 'The server is not installed: run "Code Llama: Install or Update the Server".');
  }
  const before = command.args.slice(0, Math.max(command.args.indexOf('serve'), 0));
  const own = command.args.includes('serve') ? before : command.args;
  const environment = vscode.workspace.getConfiguration('codellama').get<Record<string, string>>('server.environment', {});
  const ran = await run(command.program, [...own, ...args], { environment });
  return plainPage(title, ran.text);
}

async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language === undefined) {
    return;
  }
  const configured = vscode.workspace.getConfiguration('codellama');
  const off = toggled(configured.inspect<string[]>('languagesOff')?.globalValue ?? [], language);
  await configured.update('languagesOff', off, vscode.ConfigurationTarget.Global);
  const now = off.includes(language) ? 'off' : 'on';
  vscode.window.setStatusBarMessage(`Code Llama: suggestions in ${language} are ${now}`, 5000);
}

async function menu(server: Server): Promise<void> {
  const entries = menuEntries(server.status.state, vscode.window.activeTextEditor?.document.languageId);
  const placeHolder = details(server.status).join(' · ').replaceAll('**', '');
  const chosen = await vscode.window.showQuickPick([...entries], { title: 'Code Llama', placeHolder });
  if (chosen?.command === 'settings') {
    await vscode.commands.executeCommand('workbench.action.openSettings', '@ext:codellama-lsp.codellama-lsp');
  } else if (chosen !== undefined) {
    await vscode.commands.executeCommand(`codellama.${chosen.command}`);
  }
}

/** Pages that were asked for last, as documents the Markdown preview can show. */
class Pages implements vscode.TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? '';
  }

  async show(name: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/Code Llama ${name}.md` });
    this.texts.set(uri.path, text);
    this.changed.fire(uri);
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  }
}
