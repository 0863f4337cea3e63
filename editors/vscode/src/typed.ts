// What was typed last. VS Code asks once for each change, and only servers that are there already: whoever
// typed while the server started would wait for ever.

import * as vscode from 'vscode';

interface Last {
  readonly document: vscode.TextDocument;
  readonly version: number;
  readonly line: number;
}

export class Typed implements vscode.Disposable {
  private last: Last | undefined;
  private asking = false;
  private readonly subscription = vscode.workspace.onDidChangeTextDocument((event) => {
    this.changed(event);
  });

  /** Have VS Code ask once more, where the user is still at what was typed last. */
  async askAgain(): Promise<void> {
    const { last } = this;
    const editor = vscode.window.activeTextEditor;
    if (last === undefined || editor?.document !== last.document || last.document.version !== last.version) {
      return;
    }
    if (!editor.selection.isEmpty || editor.selection.active.line !== last.line) {
      return;
    }
    this.asking = true;
    try {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    } finally {
      this.asking = false;
    }
  }

  /** What VS Code says of a request. Ours is none that the user made, who would get several suggestions. */
  asTyped(context: vscode.InlineCompletionContext): vscode.InlineCompletionContext {
    if (!this.asking || context.triggerKind !== vscode.InlineCompletionTriggerKind.Invoke) {
      return context;
    }
    this.asking = false;
    return { ...context, triggerKind: vscode.InlineCompletionTriggerKind.Automatic };
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private changed(event: vscode.TextDocumentChangeEvent): void {
    const change = event.contentChanges.at(-1);
    if (change === undefined || event.document !== vscode.window.activeTextEditor?.document) {
      return;
    }
    const lines = change.text.split('\n').length - 1;
    const typed = event.reason === undefined && change.text !== '';
    this.last = typed
      ? { document: event.document, version: event.document.version, line: change.range.start.line + lines }
      : undefined;
  }
}
