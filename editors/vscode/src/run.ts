// Runs a program to its end and collects what it prints. Knows nothing of VS Code.

import { spawn, type ChildProcess } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly text: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const WINDOWS = process.platform === 'win32';

/** Never rejects: a program that cannot be started is one that failed. A signal ends its children, too. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const { signal } = options;
    if (signal?.aborted === true) {
      resolve({ code: 1, text: '' });
      return;
    }
    let text = '';
    const child = spawn(program, [...args], {
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a compiler that it started ends with it.
      detached: signal !== undefined && !WINDOWS,
    });
    const stop = (): void => {
      killTree(child);
    };
    const end = (ran: Ran): void => {
      signal?.removeEventListener('abort', stop);
      resolve(ran);
    };
    signal?.addEventListener('abort', stop);
    const take = (data: Buffer): void => {
      text += data.toString();
      options.onText?.(data.toString());
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      end({ code: 1, text: `${text}${error.message}` });
    });
    child.on('close', (code) => {
      end({ code: code ?? 1, text });
    });
  });
}

function killTree(child: ChildProcess): void {
  if (child.pid === undefined) {
    return;
  }
  if (WINDOWS) {
    spawn('taskkill', ['/pid', String(child.pid), '/t', '/f'], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
