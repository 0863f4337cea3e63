// Installs the server into a private environment, after asking, with progress that can be cancelled.

import { rmSync } from 'node:fs';
import * as vscode from 'vscode';
import { finish, newest, outdated, place, programIn, sourceOf, sweep, type Source } from './environments';
import { findOnPath } from './find';
import { reason, step } from './pip';
import { run, type Ran } from './run';

const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.14', 'python'];
const NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 11))';
const BY_HAND = 'name a server in the setting "codellama.server.command".';

export class Installer {
  private running: Promise<boolean> | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    sweep(this.storage);
  }

  private get storage(): string {
    return this.context.globalStorageUri.fsPath;
  }

  /** Ask whether to install, and do it then. Whether there is a new server afterwards. */
  async offer(): Promise<boolean> {
    const answer = await vscode.window.showInformationMessage(
      "Code Llama's server was not found. Install it into a private Python environment of this extension? llama.cpp is compiled for this machine, which can take some minutes.",
      'Install',
      'Choose a Program',
      'Not Now',
    );
    if (answer === 'Choose a Program') {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'codellama.server.command');
    }
    return answer === 'Install' && this.install();
  }

  /** Ask whether to update a private environment that another version of the extension made. */
  async offerUpdate(): Promise<boolean> {
    const installed = newest(this.storage);
    if (installed === undefined || !outdated(installed, this.source())) {
      return false;
    }
    const answer = await vscode.window.showInformationMessage(
      'Code Llama: this version of the extension comes with another server than the installed one.',
      'Update',
      'Not Now',
    );
    return answer === 'Update' && this.install();
  }

  /** Install or update without asking. Whether there is a new server afterwards. */
  install(): Promise<boolean> {
    this.running ??= this.withProgress().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private source(): Source | undefined {
    const named = vscode.workspace.getConfiguration('codellama').inspect<string>('server.package')?.globalValue;
    return sourceOf(named ?? '', this.context.extensionPath);
  }

  private async withProgress(): Promise<boolean> {
    const stop = new AbortController();
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: 'Code Llama: installing the server',
      cancellable: true,
    };
    const problem = await vscode.window.withProgress(options, (progress, token) => {
      token.onCancellationRequested(() => {
        stop.abort();
      });
      return this.make(stop.signal, (message) => {
        progress.report({ message });
      });
    });
    if (problem === undefined) {
      void vscode.window.showInformationMessage('Code Llama: the server is installed.');
      return true;
    }
    if (stop.signal.aborted) {
      this.log.info('the installation was cancelled');
      return false;
    }
    this.log.error(problem);
    void vscode.window.showErrorMessage(`Code Llama: ${problem}`, 'Show the Log').then((answer) => {
      if (answer !== undefined) {
        this.log.show();
      }
    });
    return false;
  }

  /** What went wrong, in a sentence; undefined where nothing did. */
  private async make(signal: AbortSignal, report: (message: string) => void): Promise<string | undefined> {
    if (process.platform === 'win32') {
      return `the server does not run on Windows itself yet. Open the folder in WSL, or ${BY_HAND}`;
    }
    const source = this.source();
    if (source === undefined) {
      return `this build of the extension comes without a server. Set "codellama.server.package", or ${BY_HAND}`;
    }
    report('looking for Python');
    const python = await findPython();
    if (python === undefined) {
      return `no Python 3.11 or newer was found. Install one, or ${BY_HAND}`;
    }
    const directory = place(this.storage);
    const problem = await this.fill(directory, python, source, signal, report);
    if (problem === undefined) {
      finish(directory, source);
    } else {
      rmSync(directory, { recursive: true, force: true });
    }
    return problem;
  }

  private async fill(
    directory: string,
    python: string,
    source: Source,
    signal: AbortSignal,
    report: (message: string) => void,
  ): Promise<string | undefined> {
    const environment = vscode.workspace.getConfiguration('codellama').get<Record<string, string>>('server.environment', {});
    const onText = (text: string): void => {
      for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
        this.log.info(line);
        const words = step(line);
        if (words !== undefined) {
          report(words);
        }
      }
    };
    // Isolated (-I): neither the project's folder nor the user's own packages get into it.
    const inside = (program: string, ...args: string[]): Promise<Ran> => run(program, ['-I', ...args], { environment, onText, signal });
    report('making an environment');
    if ((await inside(python, '-m', 'venv', directory)).code !== 0) {
      return 'the environment could not be made. On Debian and Ubuntu: apt install python3-venv.';
    }
    const own = programIn(directory, 'python');
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
    const installed = await inside(own, ...pip, source.requirement);
    if (installed.code !== 0) {
      return `the server could not be installed: ${reason(installed.text)}`;
    }
    const tried = await run(programIn(directory, 'codellama-lsp'), ['--version'], { environment, signal });
    return tried.code === 0 ? undefined : `the installed server does not start: ${tried.text.trim().split('\n').at(-1) ?? ''}`;
  }
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
