// Finds the server: named in the settings, on PATH, or in the extension's private environment.
// Knows nothing of VS Code.

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { newest, programIn } from './environments';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly from: 'settings' | 'PATH' | 'private';
}

const WINDOWS = process.platform === 'win32';
const NAME = 'codellama-lsp';

/** The first of the three places that has a server; undefined where none has. */
export function findServer(configured: readonly string[], path: string, storage: string): Command | undefined {
  const [program, ...args] = configured;
  if (program !== undefined && program !== '') {
    return { program, args, from: 'settings' };
  }
  const onPath = findOnPath([NAME], path);
  if (onPath !== undefined) {
    return { program: onPath, args: [], from: 'PATH' };
  }
  const environment = newest(storage);
  const own = environment && programIn(environment.directory, NAME);
  return own !== undefined && runs(own) ? { program: own, args: [], from: 'private' } : undefined;
}

/** The first program named in `names` on `path`; undefined where there is none. */
export function findOnPath(names: readonly string[], path: string): string | undefined {
  for (const name of names) {
    for (const directory of path.split(delimiter)) {
      const candidate = join(directory, WINDOWS ? `${name}.exe` : name);
      if (directory !== '' && runs(candidate)) {
        return candidate;
      }
    }
  }
  return undefined;
}

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
