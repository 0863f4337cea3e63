// One language client for one server process: how it is started, what it is told, and its end.

import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  type ConfigurationParams,
  type LanguageClientOptions,
  type ServerOptions,
} from 'vscode-languageclient/node';
import type { Command } from './find';
import { acceptedLength, type Offered } from './partial';
import { personal, written, type Keys } from './settings';
import { readStatus, type Status } from './statusText';
import type { Typed } from './typed';

export interface Hooks {
  readonly onStatus: (status: Status) => void;
  readonly onDeath: () => void;
}

const SELECTOR = [{ scheme: 'file' }, { scheme: 'untitled' }, { scheme: 'vscode-notebook-cell' }];

export class Connection implements vscode.Disposable {
  private readonly client: LanguageClient;
  private readonly subscriptions: vscode.Disposable[] = [];
  private offered: Offered<vscode.InlineCompletionItem>[] = [];
  private closing = false;

  constructor(
    command: Command,
    private readonly keys: Keys,
    private readonly typed: Typed,
    log: vscode.LogOutputChannel,
    hooks: Hooks,
  ) {
    const configured = vscode.workspace.getConfiguration('codellama');
    const environment = configured.get<Record<string, string>>('server.environment', {});
    const server: ServerOptions = {
      command: command.program,
      args: command.args.includes('serve') ? [...command.args] : [...command.args, 'serve'],
      options: { env: { ...process.env, ...environment } },
    };
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      outputChannel: log,
      // The status says what is wrong; the client's own messages are about the wire.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: {
        ...personal(keys.personal, (key) => configured.inspect(key)),
        trusted: vscode.workspace.isTrusted,
      },
      // Whoever takes over after a death is told through the hook.
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          if (!this.closing) {
            hooks.onDeath();
          }
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      initializationFailedHandler: () => false,
      middleware: {
        executeCommand: (command, args, next) => {
          if (command === 'codellama.accepted') {
            void vscode.commands.executeCommand('setContext', command, true);
          }
          return next(command, args) as unknown;
        },
        workspace: {
          configuration: (params) => this.configuration(params),
          // Without the settings themselves, the server asks for them, and gets the written ones.
          didChangeConfiguration: () => this.tellConfiguration(),
        },
        provideInlineCompletionItems: async (document, position, context, token, next) => {
          // VS Code has waited already; whatever it gives up is cancelled on the wire at once.
          if (token.isCancellationRequested) {
            return [];
          }
          const result = await next(document, position, typed.asTyped(context), token);
          const items = Array.isArray(result) ? result : (result?.items ?? []);
          this.remember(document, position, items);
          return items;
        },
      },
    };
    this.client = new LanguageClient('codellama', 'Code Llama', server, options);
    this.subscriptions.push(
      this.client.onNotification('codellama/status', (raw: unknown) => {
        const status = readStatus(raw);
        if (status !== undefined) {
          hooks.onStatus(status);
        }
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        // A server that starts later is told with `initialize`.
        if (this.client.isRunning()) {
          void this.client.sendNotification('codellama/didChangeTrust', { trusted: true });
        }
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        this.focus(editor);
      }),
      vscode.workspace.onDidChangeTextDocument((event) => {
        this.watchPartial(event);
      }),
    );
  }

  async start(): Promise<void> {
    await this.client.start();
    this.focus(vscode.window.activeTextEditor);
    void this.typed.askAgain();
  }

  /** Run one of the server's commands. */
  execute(command: string, args: unknown[] = []): Promise<unknown> {
    return this.client.sendRequest('workspace/executeCommand', { command, arguments: args });
  }

  /** End the server politely. */
  async stop(): Promise<void> {
    this.closing = true;
    this.dispose();
    if (this.client.isRunning()) {
      await this.client.stop();
    }
    await this.client.dispose();
  }

  dispose(): void {
    for (const subscription of this.subscriptions.splice(0)) {
      subscription.dispose();
    }
  }

  private configuration(params: ConfigurationParams): unknown[] {
    return params.items.map((item) => {
      const scope = item.scopeUri === undefined ? null : vscode.Uri.parse(item.scopeUri);
      const section = item.section ?? '';
      const configured = vscode.workspace.getConfiguration(section, scope);
      return section === 'codellama' ? written(this.keys.server, (key) => configured.inspect(key)) : null;
    });
  }

  private async tellConfiguration(): Promise<void> {
    // A change that needs another server comes here, too, while this one ends; the next one asks anyway.
    if (!this.closing && this.client.isRunning()) {
      const sent = this.client.sendNotification('workspace/didChangeConfiguration', { settings: null });
      await sent.catch(() => undefined);
    }
  }

  private focus(editor: vscode.TextEditor | undefined): void {
    if (editor !== undefined && this.client.isRunning() && vscode.languages.match(SELECTOR, editor.document) > 0) {
      void this.client.sendNotification('textDocument/didFocus', {
        textDocument: { uri: editor.document.uri.toString() },
      });
    }
  }

  private remember(
    document: vscode.TextDocument,
    position: vscode.Position,
    items: readonly vscode.InlineCompletionItem[],
  ): void {
    this.offered = items.flatMap((item) => {
      const text = typeof item.insertText === 'string' ? item.insertText : item.insertText.value;
      const start = item.range?.start ?? position;
      return [{ uri: document.uri.toString(), line: start.line, character: start.character, text, item }];
    });
  }

  private watchPartial(event: vscode.TextDocumentChangeEvent): void {
    const [change] = event.contentChanges;
    if (change === undefined || event.contentChanges.length !== 1 || !this.client.isRunning()) {
      return;
    }
    const { line, character } = change.range.start;
    for (const offered of this.offered) {
      const length = acceptedLength(offered, { line, character, replaced: change.rangeLength, text: change.text });
      if (length !== undefined && offered.uri === event.document.uri.toString()) {
        const insertText = offered.text;
        void this.client.sendNotification('textDocument/didPartiallyAcceptCompletion', {
          item: { insertText },
          acceptedLength: length,
        });
        return;
      }
    }
  }
}
