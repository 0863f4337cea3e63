// Runs a program to its end and collects what it prints. Knows nothing of VS Code.

import { spawn } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly text: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Never rejects: a program that cannot be started is one that failed. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    let text = '';
    const child = spawn(program, [...args], {
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const take = (data: Buffer): void => {
      text += data.toString();
      options.onText?.(data.toString());
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      resolve({ code: 1, text: `${text}${error.message}` });
    });
    child.on('close', (code) => {
      resolve({ code: code ?? 1, text });
    });
  });
}
