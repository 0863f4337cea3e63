// Installs the server into a private environment, after asking, with progress that can be cancelled.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { findOnPath, privateProgram } from './find';
import { run } from './run';

const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.14', 'python'];
const NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 11))';

/** Whether a server is there afterwards. Asks first unless the user asked for it. */
export async function installServer(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  asked: boolean,
): Promise<boolean> {
  const storage = context.globalStorageUri.fsPath;
  const wanted = vscode.workspace.getConfiguration('codellama').get<string>('server.package', 'codellama-lsp[llama]');
  if (!asked) {
    const answer = await vscode.window.showInformationMessage(
      `Code Llama's server was not found. Install ${wanted} into a private Python environment of this extension? This compiles llama.cpp, which takes some minutes.`,
      'Install',
      'Choose a Program',
      'Not Now',
    );
    if (answer === 'Choose a Program') {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'codellama.server.command');
    }
    if (answer !== 'Install') {
      return false;
    }
  }
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Code Llama: installing the server', cancellable: true },
    async (progress, token) => {
      const stop = new AbortController();
      token.onCancellationRequested(() => {
        stop.abort();
      });
      const problem = await install(storage, wanted, log, stop.signal, (message) => {
        progress.report({ message });
      });
      if (problem === undefined || token.isCancellationRequested) {
        return problem === undefined;
      }
      const answer = await vscode.window.showErrorMessage(`Code Llama: ${problem}`, 'Show the Log');
      if (answer !== undefined) {
        log.show();
      }
      return false;
    },
  );
}

/** What went wrong, in a sentence; undefined where nothing did. */
async function install(
  storage: string,
  wanted: string,
  log: vscode.LogOutputChannel,
  signal: AbortSignal,
  report: (message: string) => void,
): Promise<string | undefined> {
  const onText = (text: string): void => {
    log.info(text.trimEnd());
  };
  report('looking for Python');
  const python = await findPython();
  if (python === undefined) {
    return 'no Python 3.11 or newer was found. Install one, or name a server in the setting "codellama.server.command".';
  }
  const environment = join(storage, 'server');
  const pip = privateProgram(storage, process.platform === 'win32' ? 'python.exe' : 'python');
  report('making an environment');
  if ((await run(python, ['-m', 'venv', environment], { onText, signal })).code !== 0) {
    rmSync(environment, { recursive: true, force: true });
    return 'the environment could not be made. On Debian and Ubuntu: apt install python3-venv.';
  }
  report(`installing ${wanted}`);
  const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '--upgrade', wanted];
  if ((await run(pip, args, { onText, signal })).code !== 0) {
    return `${wanted} could not be installed.`;
  }
  return undefined;
}

async function findPython(): Promise<string | undefined> {
  for (const name of PYTHONS) {
    const found = findOnPath([name], process.env['PATH'] ?? '');
    // A name that a version manager put on PATH may still refuse to run.
    if (found !== undefined && (await run(found, ['-c', NEW_ENOUGH])).code === 0) {
      return found;
    }
  }
  return undefined;
}
