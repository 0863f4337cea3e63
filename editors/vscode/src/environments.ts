// The private environments under the extension's storage: one that is whole is used, and an update makes
// another beside it, so that a failure leaves what works. Knows nothing of VS Code.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Environment {
  readonly directory: string;
  /** What was installed, as pip was told, with the hash of a wheel that came with the extension. */
  readonly source: Source;
}

export interface Source {
  readonly requirement: string;
  readonly hash: string;
}

const WINDOWS = process.platform === 'win32';
/** Written last: an environment without it is not whole. */
const DONE = 'installed.json';
const ABANDONED_MS = 24 * 3600 * 1000;

/** Where an environment keeps the program `name`. */
export function programIn(directory: string, name: string): string {
  return WINDOWS ? join(directory, 'Scripts', `${name}.exe`) : join(directory, 'bin', name);
}

/** The whole environment that was made last; undefined where there is none. */
export function newest(storage: string): Environment | undefined {
  for (const name of names(storage).reverse()) {
    const directory = join(storage, 'servers', name);
    try {
      const source = JSON.parse(readFileSync(join(directory, DONE), 'utf8')) as Source;
      return { directory, source };
    } catch {
      // Not whole: being made, or left behind.
    }
  }
  return undefined;
}

/** A place for a new environment; its name sorts behind those of older ones. */
export function place(storage: string, nowMs: number = Date.now()): string {
  const directory = join(storage, 'servers', String(nowMs));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

export function finish(directory: string, source: Source): void {
  writeFileSync(join(directory, DONE), JSON.stringify(source));
}

/** Removes what a newer environment replaced, and what was begun long ago and left. */
export function sweep(storage: string, nowMs: number = Date.now()): void {
  const used = newest(storage)?.directory;
  for (const name of names(storage)) {
    const directory = join(storage, 'servers', name);
    const begun = nowMs - Number(name) < ABANDONED_MS;
    const whole = statSync(join(directory, DONE), { throwIfNoEntry: false }) !== undefined;
    if (directory !== used && (whole || !begun)) {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/**
 * What to install: what the user named, else the wheel that came with the extension; undefined where
 * there is neither. A name alone is never looked up: nobody has said that a registry's is ours.
 */
export function sourceOf(named: string, extension: string): Source | undefined {
  if (named !== '') {
    return { requirement: named, hash: '' };
  }
  const bundled = join(extension, 'server');
  const wheel = list(bundled).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) {
    return undefined;
  }
  const file = join(bundled, wheel);
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
  return { requirement: `codellama-lsp[llama] @ ${pathToFileURL(file).href}`, hash };
}

/** Whether the extension brings another server than the one that was installed from an extension. */
export function outdated(installed: Environment, source: Source | undefined): boolean {
  return source !== undefined && installed.source.hash !== '' && source.hash !== '' && installed.source.hash !== source.hash;
}

function names(storage: string): string[] {
  return list(join(storage, 'servers')).filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
