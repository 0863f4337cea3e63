// Who is answered by a server that started after something was typed: with a fake editor.

import assert from 'node:assert/strict';
import test from 'node:test';
import { InlineCompletionTriggerKind, type InlineCompletionContext } from 'vscode';
import { Typed } from '../src/typed';
import { documentChanged, seen } from './fakeVscode';

interface Editor {
  document: { version: number };
  selection: { isEmpty: boolean; active: { line: number } };
}

const TRIGGER = 'editor.action.inlineSuggest.trigger';
const INVOKED = { triggerKind: InlineCompletionTriggerKind.Invoke } as InlineCompletionContext;

/** `text` put in at the start of line 3 of the document in front, as event `more` says. */
function typing(editor: Editor, text: string, more: object = {}): void {
  editor.document.version += 1;
  const contentChanges = [{ range: { start: { line: 3, character: 0 } }, text }];
  documentChanged.fire({ document: editor.document, contentChanges, ...more });
}

const rows: readonly (readonly [string, boolean, (editor: Editor) => void])[] = [
  ['nothing was typed', false, () => undefined],
  [
    'something was typed',
    true,
    (editor) => {
      typing(editor, 'x');
    },
  ],
  [
    'a line was ended',
    true,
    (editor) => {
      typing(editor, '\n  ');
      editor.selection.active.line = 4;
    },
  ],
  [
    'the cursor went elsewhere',
    false,
    (editor) => {
      typing(editor, 'x');
      editor.selection.active.line = 7;
    },
  ],
  [
    'something is selected',
    false,
    (editor) => {
      typing(editor, 'x');
      editor.selection.isEmpty = false;
    },
  ],
  [
    'another document is in front',
    false,
    (editor) => {
      typing(editor, 'x');
      seen.editor = { ...editor, document: { version: editor.document.version } };
    },
  ],
  [
    'another document changed',
    false,
    (editor) => {
      typing({ ...editor, document: { version: 1 } }, 'x');
    },
  ],
  [
    'something was erased',
    false,
    (editor) => {
      typing(editor, '');
    },
  ],
  [
    'something was undone',
    false,
    (editor) => {
      typing(editor, 'x', { reason: 1 });
    },
  ],
];

for (const [name, asks, happens] of rows) {
  test(`${name}: ${asks ? 'asks' : 'does not ask'} again`, async () => {
    const editor = { document: { version: 1 }, selection: { isEmpty: true, active: { line: 3 } } };
    seen.editor = editor;
    seen.ran = [];
    const typed = new Typed();
    happens(editor);
    const asked = typed.askAgain();
    assert.deepEqual(seen.ran, asks ? [TRIGGER] : []);
    // Ours is as if it had been typed now; one that the user makes is left as it is.
    const kinds = [typed.asTyped(INVOKED), typed.asTyped(INVOKED)].map((context) => context.triggerKind);
    const ours = asks ? InlineCompletionTriggerKind.Automatic : InlineCompletionTriggerKind.Invoke;
    assert.deepEqual(kinds, [ours, InlineCompletionTriggerKind.Invoke]);
    await asked;
    typed.dispose();
    seen.editor = undefined;
  });
}
