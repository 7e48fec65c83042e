// Builds the tag: t.js, which pages name, and its parts, which it loads by names that change with them.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '..', 'static');
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const shared = {
  bundle: true, minify: true, format: 'iife', target: ['es2020'], legalComments: 'none', outdir: out, metafile: true,
  absWorkingDir: here,
};
mkdirSync(out, { recursive: true });
for (const old of readdirSync(out).filter((name) => name.endsWith('.js'))) rmSync(join(out, old));
const entries = ['vitals', 'replay', 'surveys', 'zones'].map((name) => `src/${name}.ts`);
const parts = await build({ ...shared, entryPoints: entries, entryNames: '[name]-[hash]' });
const names = Object.fromEntries(
  Object.entries(parts.metafile.outputs).map(([file, told]) => [basename(told.entryPoint, '.ts'), basename(file)]),
);
await build({ ...shared, entryPoints: { t: 'src/core.ts' }, define: { PARTS: JSON.stringify(names), VERSION: JSON.stringify(version) } });
for (const name of readdirSync(out)) console.log(`${name} ${statSync(join(out, name)).size}`);
