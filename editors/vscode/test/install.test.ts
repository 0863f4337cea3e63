// Finding the server and keeping its private environments; what pip's output means; ending a program.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import test from 'node:test';
import { finish, newest, outdated, place, programIn, sourceOf, sweep } from '../src/environments';
import { findOnPath, findServer } from '../src/find';
import { reason, step } from '../src/pip';
import { run } from '../src/run';

const SOURCE = { requirement: 'x', hash: '1' };
const NAME = process.platform === 'win32' ? 'codellama-lsp.exe' : 'codellama-lsp';

function within(action: (storage: string) => void): void {
  const storage = mkdtempSync(join(tmpdir(), 'codellama-'));
  try {
    action(storage);
  } finally {
    rmSync(storage, { recursive: true });
  }
}

function program(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '', { mode: 0o755 });
}

test('the server is looked for in the settings, on PATH, in the private environment', () => {
  within((storage) => {
    const onPath = join(storage, 'path', NAME);
    assert.equal(findServer([], dirname(onPath), storage), undefined);
    const own = place(storage, 1);
    program(programIn(own, 'codellama-lsp'));
    assert.equal(findServer([], dirname(onPath), storage), undefined);
    finish(own, SOURCE);
    assert.equal(findServer([], dirname(onPath), storage)?.from, 'private');
    program(onPath);
    const path = ['', '/nowhere', dirname(onPath)].join(delimiter);
    assert.equal(findServer([], path, storage)?.program, onPath);
    assert.deepEqual(findServer(['/x', '-v'], path, storage), { program: '/x', args: ['-v'], from: 'settings' });
    assert.equal(findOnPath(['nothing', 'codellama-lsp'], path), onPath);
  });
});

test('the environment that was made last is used, and others are swept', () => {
  within((storage) => {
    const now = Date.now();
    const [old, good, abandoned, young] = [9, 1_000, 2_000, now - 1_000].map((at) => place(storage, at));
    assert.ok(old !== undefined && good !== undefined && abandoned !== undefined && young !== undefined);
    finish(old, SOURCE);
    finish(good, { requirement: 'y', hash: '2' });
    assert.equal(newest(storage)?.directory, good);
    sweep(storage, now);
    assert.deepEqual([old, good, abandoned, young].map((one) => existsSync(one)), [false, true, false, true]);
    assert.equal(newest(storage)?.source.requirement, 'y');
  });
  within((storage) => {
    sweep(storage);
    assert.equal(newest(storage), undefined);
  });
});

test('what is installed: what the user named, else what came along, and never a bare name', () => {
  within((extension) => {
    assert.equal(sourceOf('', extension), undefined);
    assert.deepEqual(sourceOf('mine==1', extension), { requirement: 'mine==1', hash: '' });
    program(join(extension, 'server', 'codellama_lsp-1-py3-none-any.whl'));
    const source = sourceOf('', extension);
    assert.match(source?.requirement ?? '', /^codellama-lsp\[llama\] @ file:.*whl$/);
    assert.match(source?.hash ?? '', /^[0-9a-f]{64}$/);
  });
});

test('an update is offered where the extension brings another server than it installed', () => {
  const installed = { directory: '', source: { requirement: 'x', hash: '1' } };
  assert.equal(outdated(installed, { requirement: 'x', hash: '2' }), true);
  assert.equal(outdated(installed, { requirement: 'x', hash: '1' }), false);
  assert.equal(outdated(installed, undefined), false);
  assert.equal(outdated(installed, { requirement: 'named', hash: '' }), false);
  assert.equal(outdated({ directory: '', source: { requirement: 'named', hash: '' } }, { requirement: 'x', hash: '2' }), false);
});

test('how far pip is', () => {
  for (const [line, words] of [
    ['Collecting pygls<3,>=2.1.1 (from codellama-lsp[llama])', 'fetching pygls'],
    ['  Downloading https://a.b/c/numpy-2.0-cp311.whl (16 MB)', 'fetching numpy-2.0-cp311.whl'],
    ['  Building wheel for llama-cpp-python (pyproject.toml): started', 'building llama-cpp-python, which can take minutes'],
    ["  Building wheel for llama-cpp-python (pyproject.toml): still running...", 'still building llama-cpp-python'],
    ['Installing collected packages: a, b', 'putting it in its place'],
    ['Requirement already satisfied: attrs', undefined],
  ] as const) {
    assert.equal(step(line), words);
  }
});

test('why pip failed', () => {
  for (const [output, sentence] of [
    ['Collecting x\nERROR: Could not find a version that satisfies x\nERROR: No matching distribution', /^Could not find a version/],
    ['  error: subprocess-exited-with-error\n  CMake Error: CMAKE_CXX_COMPILER not set, after EnableLanguage', /build-essential/],
    ['ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device', /disk is full/],
    ['WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution', /could not be reached/],
    ['', /log/],
  ] as const) {
    assert.match(reason(output), sentence);
  }
});

test('a program that cannot be started is one that failed', async () => {
  const ran = await run('/nowhere/at/all', []);
  assert.equal(ran.code, 1);
  assert.match(ran.text, /ENOENT/);
  const fine = await run(process.execPath, ['-e', 'console.log(process.env.X)'], { environment: { X: 'y' } });
  assert.deepEqual(fine, { code: 0, text: 'y\n' });
});

test('a program that is stopped takes its children along', { skip: process.platform === 'win32' }, async () => {
  const stop = new AbortController();
  // The child would hold the pipe open, so that the end is seen only when it has ended, too.
  const ran = await run('sh', ['-c', 'sleep 1000 & echo started; wait'], {
    signal: stop.signal,
    onText: () => {
      stop.abort();
    },
  });
  assert.equal(ran.code, 1);
  assert.equal((await run('true', [], { signal: stop.signal })).code, 1);
});
