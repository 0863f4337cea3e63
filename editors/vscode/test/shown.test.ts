// What the user sees of each state, and what a browser without a machine says: with a fake editor.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Event, ExtensionContext } from 'vscode';
import { menuEntries } from '../src/menu';
import { statusBar } from '../src/statusBar';
import { barText, readStatus, withSwitches, type State, type Status } from '../src/statusText';
import { activate } from '../src/web';
import { editorChanged, EventEmitter, seen, settingsChanged, type FakeItem } from './fakeVscode';

interface Manifest {
  contributes: {
    commands: { command: string; title: string }[];
    configuration: { properties: Record<string, { scope?: string }> };
    walkthroughs: { steps: { description: string; media: { markdown: string } }[] }[];
  };
  extensionKind: string[];
  capabilities: { virtualWorkspaces: { supported: boolean }; untrustedWorkspaces: { supported: string } };
}
const MANIFEST = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

/** The item after each of `statuses`, told one after the other. */
function bar(...statuses: Status[]): { items: FakeItem[]; told: string[] } {
  const changed = new EventEmitter<Status>();
  const server = { status: { state: 'stopped' } as Status, onStatus: changed.event as unknown as Event<Status> };
  seen.messages = [];
  const before = seen.items.length;
  const shown = statusBar(server);
  const item = seen.items[before];
  assert.ok(item?.shown);
  const items = statuses.map((status) => {
    server.status = status;
    changed.fire(status);
    return { ...item };
  });
  shown.dispose();
  assert.equal(item.shown, false);
  return { items, told: [...seen.messages] };
}

test('every state is shown with what is known of it', () => {
  const rows: readonly (readonly [Status, string, readonly string[]])[] = [
    [{ state: 'starting' }, '$(loading~spin) Code Llama', ['starting']],
    [{ state: 'loading', percent: 62.4, model: '7b' }, '$(loading~spin) Code Llama 62%', ['loading', 'Model: 7b']],
    [{ state: 'ready', model: '7b', last_ms: 84.2 }, '$(sparkle) Code Llama 84 ms', ['ready', 'Last suggestion: 84 ms']],
    [{ state: 'busy', last_ms: 84.2 }, '$(sync~spin) Code Llama 84 ms', ['busy']],
    [
      { state: 'slow', last_ms: 9000, message: 'Others load this machine.', remedy: 'Choose a smaller model.' },
      '$(watch) Code Llama slow',
      ['slow', 'Last suggestion: 9000 ms', 'Others load this machine.', 'Choose a smaller model.'],
    ],
    [{ state: 'off' }, '$(circle-slash) Code Llama off', ['off', 'Switched off until you switch it on again']],
    [
      { state: 'error', message: 'No such model.', remedy: 'Run doctor.' },
      '$(warning) Code Llama error',
      ['error', 'No such model.', 'Run doctor.'],
    ],
    [{ state: 'missing', message: 'Not there.' }, '$(cloud-download) Code Llama not installed', ['Not there.']],
    [{ state: 'stopped' }, '$(circle-slash) Code Llama stopped', ['stopped']],
  ];
  const { items } = bar(...rows.map(([status]) => status));
  rows.forEach(([status, text, details], index) => {
    const item = items[index];
    assert.equal(item?.text, text);
    assert.equal(item.command, 'codellama.showMenu');
    assert.equal(item.backgroundColor?.id, status.state === 'error' ? 'statusBarItem.warningBackground' : undefined);
    for (const detail of details) {
      assert.ok(item.tooltip?.value.includes(detail), `${detail} in ${item.tooltip?.value ?? ''}`);
    }
  });
  // Each state that can come over the wire has its row.
  const states = new Set(rows.map(([status]) => status.state));
  for (const state of ['starting', 'loading', 'ready', 'busy', 'slow', 'off', 'error']) {
    assert.ok(states.has(state as State) && readStatus({ state }) !== undefined, state);
  }
});

test('an error is told once, and again after it was well', () => {
  const error: Status = { state: 'error', message: 'No such model.', remedy: 'Run doctor.' };
  assert.deepEqual(bar(error, error, { state: 'starting' }, error).told, ['Code Llama: No such model. Run doctor.']);
  assert.equal(bar(error, { state: 'ready' }, error).told.length, 2);
});

test('what the user answers to an error is done', async () => {
  for (const [answer, command] of [
    ['Doctor', 'codellama.openDoctor'],
    ['Restart', 'codellama.restartServer'],
  ]) {
    seen.answer = answer;
    seen.ran = [];
    bar({ state: 'error', message: 'Gone.' });
    await Promise.resolve();
    assert.deepEqual(seen.ran, [command]);
  }
  seen.answer = undefined;
});

test('off says why: the setting, the switch, the language', () => {
  const all = { enabled: true, languagesOff: ['go'], language: 'go' };
  for (const [status, switches, message] of [
    [{ state: 'off' }, { ...all, enabled: false }, /setting "codellama.enabled"/],
    [{ state: 'off' }, all, /until you switch it on/],
    [{ state: 'off', message: 'On battery.' }, all, /^On battery\.$/],
    [{ state: 'ready' }, all, /^Off in go/],
    [{ state: 'busy' }, all, /^Off in go/],
  ] as const) {
    const shown = withSwitches(status, switches);
    assert.equal(shown.state, 'off');
    assert.match(shown.message ?? '', message);
  }
  for (const [status, switches] of [
    [{ state: 'ready' }, { ...all, language: 'python' }],
    [{ state: 'ready' }, { ...all, language: undefined }],
    [{ state: 'error' }, all],
    [{ state: 'loading' }, all],
  ] as const) {
    assert.deepEqual(withSwitches(status, switches), status);
  }
});

test('remedies of the server are told in the words of VS Code', () => {
  const titles = MANIFEST.contributes.commands.map(({ title }) => title);
  const settings = MANIFEST.contributes.configuration.properties;
  for (const [said, told] of [
    [
      'Switch them on with the command codellama.toggle, or set `enabled` to true.',
      'Switch them on with "Code Llama: Switch Suggestions Off or On", or set `codellama.enabled` to true.',
    ],
    [
      'Switch suggestions off in windows that need none (command codellama.toggle).',
      'Switch suggestions off in windows that need none ("Code Llama: Switch Suggestions Off or On").',
    ],
    ['Set `model` or `context_tokens`.', 'Set `codellama.model` or `codellama.contextTokens`.'],
    ['Run `codellama-lsp doctor`.', 'Run `codellama-lsp doctor`.'],
  ] as const) {
    assert.equal(readStatus({ state: 'slow', remedy: said })?.remedy, told);
    assert.equal(readStatus({ state: 'slow', message: said })?.message, told);
    for (const [, name] of told.matchAll(/`(codellama\.\w+)`/g)) {
      assert.ok(name !== undefined && name in settings, name);
    }
    for (const [, title] of told.matchAll(/"Code Llama: ([^"]+)"/g)) {
      assert.ok(title !== undefined && titles.includes(title), title);
    }
  }
});

test('messages of the server are sentences', () => {
  for (const [said, told] of [
    ['suggestions are switched off', 'Suggestions are switched off.'],
    ['no suggestions in this file: secrets', 'No suggestions in this file: secrets.'],
    ['codellama-7b.gguf is not there.', 'codellama-7b.gguf is not there.'],
    ['model.gguf is not there', 'model.gguf is not there.'],
  ] as const) {
    assert.equal(readStatus({ state: 'error', message: said })?.message, told);
  }
});

test('the item follows the file in front and the settings', () => {
  const changed = new EventEmitter<Status>();
  const before = seen.items.length;
  const shown = statusBar({ status: { state: 'ready' }, onStatus: changed.event });
  const item = seen.items[before];
  seen.settings = { languagesOff: ['go'] };
  seen.language = 'go';
  editorChanged.fire(undefined);
  assert.equal(item?.text, '$(circle-slash) Code Llama off');
  seen.settings = {};
  settingsChanged.fire({ affectsConfiguration: () => true });
  assert.equal(item.text, '$(sparkle) Code Llama');
  shown.dispose();
  seen.language = undefined;
});

test('the menu has what can be done now', () => {
  const commands = (state: State, language?: string): string[] => menuEntries(state, language).map(({ command }) => command);
  assert.deepEqual(commands('missing', 'go'), ['installServer', 'showOutput', 'settings']);
  assert.ok(commands('ready', 'go').includes('toggleLanguage'));
  assert.ok(!commands('ready').includes('toggleLanguage'));
  assert.match(menuEntries('off', undefined)[0]?.label ?? '', /on$/);
  assert.match(menuEntries('ready', undefined)[0]?.label ?? '', /off$/);
  const known = new Set(MANIFEST.contributes.commands.map(({ command }) => command));
  for (const command of [...commands('ready', 'go'), ...commands('missing')]) {
    assert.ok(command === 'settings' || known.has(`codellama.${command}`), command);
  }
});

test('the bar needs no details', () => {
  assert.equal(barText({ state: 'loading' }), '$(loading~spin) Code Llama');
});

test('in a browser alone every command says why nothing runs', () => {
  const subscriptions: { dispose(): unknown }[] = [];
  activate({ subscriptions, extension: { packageJSON: MANIFEST } } as unknown as ExtensionContext);
  for (const { command } of MANIFEST.contributes.commands) {
    seen.messages = [];
    seen.commands.get(command)?.();
    assert.match(seen.messages.join(), /remote machine/, command);
  }
  assert.equal(subscriptions.length, MANIFEST.contributes.commands.length);
});

test('it runs beside the files, and says so where there are none on a disk', () => {
  assert.deepEqual(MANIFEST.extensionKind, ['workspace']);
  assert.equal(MANIFEST.capabilities.virtualWorkspaces.supported, false);
  assert.equal(MANIFEST.capabilities.untrustedWorkspaces.supported, 'limited');
});

test('the walkthrough leads to commands that exist, with texts that are there', () => {
  const known = new Set(MANIFEST.contributes.commands.map(({ command }) => command));
  for (const step of MANIFEST.contributes.walkthroughs.flatMap(({ steps }) => steps)) {
    assert.ok(readFileSync(step.media.markdown, 'utf8').length > 0);
    for (const [, command] of step.description.matchAll(/\(command:(codellama\.\w+)/g)) {
      assert.ok(known.has(command ?? ''), command);
    }
  }
});
