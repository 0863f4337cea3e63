// Bundles the extension: one file for Node, one for a browser that only declines, one a test.
import { build } from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';

const production = process.argv.includes('--production');
const common = { bundle: true, external: ['vscode'], minify: production, sourcemap: !production, logLevel: 'warning' };
rmSync('dist', { recursive: true, force: true });

await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  platform: 'node',
  target: 'node20',
  format: 'cjs',
});
await build({ ...common, entryPoints: ['src/web.ts'], outfile: 'dist/web.js', platform: 'browser', format: 'cjs' });
if (!production) {
  await build({
    ...common,
    // Outside the editor there is no module of that name.
    external: [],
    alias: { vscode: './test/fakeVscode.ts' },
    entryPoints: readdirSync('test')
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `test/${name}`),
    outdir: 'dist/test',
    platform: 'node',
    target: 'node20',
    format: 'cjs',
  });
}
