// The server over the extension's life: found, started, started again after a death, stopped.

import * as vscode from 'vscode';
import { Backoff } from './backoff';
import { Connection } from './connection';
import { findServer, type Command } from './find';
import type { Installer } from './install';
import type { Keys } from './settings';
import type { Status } from './statusText';
import { Typed } from './typed';

export class Server implements vscode.Disposable {
  private connection: Connection | undefined;
  private readonly backoff = new Backoff();
  private readonly typed = new Typed();
  private readonly changed = new vscode.EventEmitter<Status>();
  private timer: NodeJS.Timeout | undefined;
  private bornMs = 0;
  private asked = false;
  /** Starts and stops take their turns: two at once would leave a process behind. */
  private turn: Promise<void> = Promise.resolve();

  readonly onStatus = this.changed.event;
  status: Status = { state: 'stopped' };

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly keys: Keys,
    private readonly installer: Installer,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Where the server is; undefined where there is none. */
  command(): Command | undefined {
    const configured = vscode.workspace.getConfiguration('codellama').inspect<string[]>('server.command');
    const path = process.env['PATH'] ?? '';
    return findServer(configured?.globalValue ?? [], path, this.context.globalStorageUri.fsPath);
  }

  /** Start it where it does not run; offers to install it where it is not, once a session. */
  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  restart(): Promise<void> {
    return this.inTurn(async () => {
      this.backoff.reset();
      await this.stopNow();
      await this.startNow();
    });
  }

  /** Install or update the server because the user said so. */
  async install(): Promise<void> {
    if (await this.installer.install()) {
      await this.restart();
    }
  }

  /** The running connection; tells the user where there is none. */
  running(): Connection | undefined {
    if (this.connection === undefined) {
      void vscode.window.showWarningMessage('Code Llama: the server is not running.');
    }
    return this.connection;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.typed.dispose();
    this.changed.dispose();
  }

  private inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.turn.then(action);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async startNow(): Promise<void> {
    clearTimeout(this.timer);
    if (this.connection !== undefined) {
      return;
    }
    const command = this.command();
    if (command === undefined) {
      this.tell({
        state: 'missing',
        message: 'The server is not installed.',
        remedy: 'Run "Code Llama: Install or Update the Server".',
      });
      this.askOnce(() => this.installer.offer());
      return;
    }
    if (command.from === 'private') {
      this.askOnce(() => this.installer.offerUpdate());
    }
    this.log.info(`starting ${command.program} (from ${command.from})`);
    this.tell({ state: 'starting' });
    this.bornMs = Date.now();
    const connection = new Connection(command, this.keys, this.typed, this.log, {
      onStatus: (status) => {
        if (this.connection === connection) {
          const failed = this.status.state === 'error' && status.state !== 'error';
          this.tell(status);
          // What was asked meanwhile got no answer.
          if (failed) {
            void this.typed.askAgain();
          }
        }
      },
      onDeath: () => {
        if (this.connection === connection) {
          this.died();
        }
      },
    });
    this.connection = connection;
    try {
      await connection.start();
    } catch (error) {
      this.log.error(`the server did not start: ${String(error)}`);
      if (this.connection === connection) {
        this.died();
      }
    }
  }

  private async stopNow(): Promise<void> {
    clearTimeout(this.timer);
    const connection = this.connection;
    this.connection = undefined;
    this.tell({ state: 'stopped' });
    try {
      await connection?.stop();
    } catch (error) {
      this.log.warn(`the server did not stop well: ${String(error)}`);
    }
  }

  /** Nothing waits for the answer, which may never come. */
  private askOnce(ask: () => Promise<boolean>): void {
    if (this.asked) {
      return;
    }
    this.asked = true;
    void ask().then((changed) => (changed ? this.restart() : undefined));
  }

  private died(): void {
    const dead = this.connection;
    this.connection = undefined;
    // Later: the client is in the middle of noticing that its connection is gone.
    setTimeout(() => void dead?.stop().catch(() => undefined), 0);
    const wait = this.backoff.died(Date.now() - this.bornMs);
    if (wait === undefined) {
      this.tell({
        state: 'error',
        message: 'The server ended again and again.',
        remedy: 'Run "Code Llama: Doctor" to see why, then "Code Llama: Restart the Server".',
      });
      return;
    }
    this.log.warn(`the server ended; starting it again in ${wait} ms`);
    this.tell({ state: 'starting', message: 'The server ended and is started again.' });
    this.timer = setTimeout(() => void this.start(), wait);
  }

  private tell(status: Status): void {
    this.status = status;
    this.changed.fire(status);
    void vscode.commands.executeCommand('setContext', 'codellama.ready', status.state === 'ready');
  }
}
