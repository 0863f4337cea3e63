// What pip's output means to somebody who waits for it: how far it is, and why it failed. Pure.

const STEPS: readonly (readonly [RegExp, (found: RegExpMatchArray) => string])[] = [
  [/^\s*Collecting ([\w.-]+)/, (found) => `fetching ${found[1] ?? ''}`],
  [/^\s*Downloading (\S+)/, (found) => `fetching ${(found[1] ?? '').split('/').at(-1) ?? ''}`],
  [/^\s*Building wheel for ([\w.-]+).*still running/, (found) => `still building ${found[1] ?? ''}`],
  [/^\s*Building wheel for ([\w.-]+).*started/, (found) => `building ${found[1] ?? ''}, which can take minutes`],
  [/^\s*Installing collected packages/, () => 'putting it in its place'],
];

/** What a line says about how far it is; undefined for most lines. */
export function step(line: string): string | undefined {
  for (const [pattern, words] of STEPS) {
    const found = pattern.exec(line);
    if (found !== null) {
      return words(found);
    }
  }
  return undefined;
}

const KNOWN: readonly (readonly [RegExp, string])[] = [
  [
    /CMAKE_CXX_COMPILER|CMAKE_C_COMPILER|No CMAKE_\w+ could be found|unable to find a compiler/i,
    'llama.cpp has to be compiled, and no C++ compiler was found. On Debian and Ubuntu: apt install build-essential.',
  ],
  [/No space left on device|Errno 28\b/, 'the disk is full.'],
  [
    /Temporary failure in name resolution|NewConnectionError|Network is unreachable|Could not connect|ConnectTimeoutError/,
    'the package index could not be reached. Behind a proxy, set HTTPS_PROXY in "codellama.server.environment".',
  ],
];

/** Why pip failed, in a sentence. */
export function reason(output: string): string {
  for (const [pattern, sentence] of KNOWN) {
    if (pattern.test(output)) {
      return sentence;
    }
  }
  // The first error is the cause; those after it say what could not go on.
  const line = output.split('\n').find((one) => /^\s*(ERROR|error):/.test(one));
  return line === undefined ? 'pip says no more than the log does.' : line.replace(/^\s*(ERROR|error):\s*/, '').trim();
}
