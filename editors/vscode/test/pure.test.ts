// Everything that decides something and needs no VS Code.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Backoff } from '../src/backoff';
import { plainPage, tablesPage, whyPage } from '../src/pages';
import { acceptedLength } from '../src/partial';
import { personal, sortKeys, toggled, written, type Inspected } from '../src/settings';
import { barText, details, readStatus } from '../src/statusText';

test('backoff doubles, gives up, and forgets after a good life', () => {
  const backoff = new Backoff();
  const waits = [0, 0, 0, 0, 0].map(() => backoff.died(10));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000]);
  assert.equal(backoff.died(10), undefined);
  assert.equal(backoff.died(61_000), 500);
  backoff.reset();
  assert.equal(backoff.died(10), 500);
});

const INSPECTED: Record<string, Inspected> = {
  maxTokens: { defaultValue: 96 },
  multiLine: { defaultValue: 'auto', globalValue: 'never', workspaceValue: 'always' },
  enabled: { defaultValue: true, globalValue: true, workspaceValue: false },
  exclude: { globalValue: ['a'], workspaceFolderValue: ['b'] },
  copy: { globalValue: null },
  model: { globalValue: 'mine.gguf', workspaceValue: 'theirs.gguf' },
  'server.command': { globalValue: ['x'] },
};
const inspect = (key: string): Inspected | undefined => INSPECTED[key];

const KEYS = sortKeys({
  'codellama.maxTokens': { scope: 'window' },
  'codellama.multiLine': {},
  'codellama.enabled': { scope: 'window' },
  'codellama.exclude': { scope: 'window' },
  'codellama.copy': { scope: 'window' },
  'codellama.model': { scope: 'machine' },
  'codellama.server.command': { scope: 'machine' },
});

test('the server gets what was written, the strongest of each, and nothing of ours', () => {
  assert.deepEqual(written(KEYS.server, inspect), { multiLine: 'always', enabled: false, exclude: ['b'] });
});

test('a workspace cannot choose the model', () => {
  assert.deepEqual(KEYS.personal, ['model']);
  assert.deepEqual(personal(KEYS.personal, inspect), { model: 'mine.gguf' });
  assert.deepEqual(personal(KEYS.personal, () => ({ workspaceValue: 'theirs.gguf' })), {});
});

test('toggling a language twice changes nothing', () => {
  assert.deepEqual(toggled(['go'], 'python'), ['go', 'python']);
  assert.deepEqual(toggled(['go', 'python'], 'python'), ['go']);
});

test('a part of a suggestion is told from typing', () => {
  const offered = { uri: 'file:///a', line: 3, character: 4, text: 'sum(values)\nprint()', item: {} };
  const change = { line: 3, character: 4, replaced: 0, text: 'sum' };
  for (const [given, expected] of [
    [change, 3],
    [{ ...change, character: 7, text: '(values)' }, 11],
    [{ ...change, text: 's' }, undefined],
    [{ ...change, text: 'max' }, undefined],
    [{ ...change, line: 2 }, undefined],
    [{ ...change, replaced: 1 }, undefined],
    [{ ...change, character: 3 }, undefined],
    [{ ...change, text: offered.text }, undefined],
  ] as const) {
    assert.equal(acceptedLength(offered, given), expected, JSON.stringify(given));
  }
});

test('the status bar', () => {
  assert.equal(barText({ state: 'ready', last_ms: 47.6 }), '$(sparkle) Code Llama 48 ms');
  assert.equal(barText({ state: 'ready' }), '$(sparkle) Code Llama');
  assert.equal(barText({ state: 'loading', percent: 41.2 }), '$(loading~spin) Code Llama 41%');
  assert.equal(barText({ state: 'off', last_ms: 3 }), '$(circle-slash) Code Llama off');
  assert.equal(barText({ state: 'missing' }), '$(cloud-download) Code Llama not installed');
  assert.deepEqual(details({ state: 'error', message: 'No file.', remedy: 'Make one.' }), [
    '**Code Llama**: error',
    'No file.',
    'Make one.',
  ]);
});

test('a status that is none is not shown', () => {
  assert.deepEqual(readStatus({ state: 'ready' }), { state: 'ready' });
  for (const raw of [null, 'ready', {}, { state: 'dancing' }, { state: 3 }]) {
    assert.equal(readStatus(raw), undefined);
  }
});

test('pages', () => {
  const ended = { at: 0, outcome: 'filtered', detail: 'a|b', total_ms: 12.4 };
  const page = whyPage([ended]);
  assert.match(page, /\| 12 ms \| the suggestion was not worth showing \(a\\\|b\) \|/);
  assert.match(whyPage([]), /Nothing was asked/);
  const tables = tablesPage('Statistics', { requests: 3, total_ms: { p50: 1 }, empty: {} });
  assert.match(tables, /^# Statistics\n[^]*\| requests \| 3 \|[^]*## total ms[^]*\| p50 \| 1 \|$/);
  assert.equal(plainPage('Doctor', 'ok\n'), '# Doctor\n\n```text\nok\n```');
});
