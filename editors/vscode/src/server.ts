// The server over the extension's life: found, started, started again after a death, stopped.

import * as vscode from 'vscode';
import { Backoff } from './backoff';
import { Connection } from './connection';
import { findServer, type Command } from './find';
import { installServer } from './install';
import type { Keys } from './settings';
import type { Status } from './statusText';

export class Server implements vscode.Disposable {
  private connection: Connection | undefined;
  private readonly backoff = new Backoff();
  private readonly changed = new vscode.EventEmitter<Status>();
  private timer: NodeJS.Timeout | undefined;
  private bornMs = 0;
  private asked = false;

  readonly onStatus = this.changed.event;
  status: Status = { state: 'stopped' };

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly keys: Keys,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Where the server is; undefined where there is none. */
  command(): Command | undefined {
    const configured = vscode.workspace.getConfiguration('codellama').inspect<string[]>('server.command');
    const path = process.env['PATH'] ?? '';
    return findServer(configured?.globalValue ?? [], path, this.context.globalStorageUri.fsPath);
  }

  /** Start it; offers to install it where it is not, once a session. */
  async start(): Promise<void> {
    clearTimeout(this.timer);
    let command = this.command();
    if (command === undefined) {
      this.tell({ state: 'missing', message: 'The server is not installed.' });
      if (this.asked) {
        return;
      }
      this.asked = true;
      if (!(await installServer(this.context, this.log, false))) {
        return;
      }
      command = this.command();
      if (command === undefined) {
        return;
      }
    }
    this.log.info(`starting ${command.program} (from ${command.from})`);
    this.tell({ state: 'starting' });
    this.bornMs = Date.now();
    const connection = new Connection(command, this.keys, this.log, {
      onStatus: (status) => {
        if (this.connection === connection) {
          this.tell(status);
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

  async stop(): Promise<void> {
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

  async restart(): Promise<void> {
    this.backoff.reset();
    await this.stop();
    await this.start();
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
    this.changed.dispose();
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
