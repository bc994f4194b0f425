// SPDX-License-Identifier: Apache-2.0
// Bundles the console into $RUNNEL_WEB_OUT, or build/web of the repository:
// one script, one style sheet, one page. Beside them runnel.js, the client of
// the bridge for pages and programs, with its types and what `npm pack` needs.
// `npm run build` calls it.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(
  process.env.RUNNEL_WEB_OUT || path.join(here, '..', 'build', 'web'));

/** @type {import('esbuild').BuildOptions} */
const options = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16'],
  logLevel: 'warning',
};
await mkdir(out, { recursive: true });
await build({ ...options,
  entryPoints: { console: 'src/main.js' }, legalComments: 'linked' });
await build({ ...options,
  entryPoints: { runnel: 'runnel/src/runnel.js' },
  banner: { js: '// Runnel, SPDX-License-Identifier: Apache-2.0. ' +
    'What is here is said in runnel.d.ts.' } });
for (const name of ['index.html', 'icon.svg', 'runnel/runnel.d.ts',
  'runnel/package.json'])
  await copyFile(path.join(here, name), path.join(out, path.basename(name)));

const kb = (/** @type {number} */ n) => (n / 1024).toFixed(1);

/**
 * @param {string} what
 * @param {string[]} names
 */
async function tellSize(what, names) {
  let plain = 0;
  let packed = 0;
  for (const name of names) {
    const bytes = await readFile(path.join(out, name));
    plain += bytes.length;
    packed += gzipSync(bytes).length;
  }
  console.log(`${what}: ${kb(plain)} KB, ${kb(packed)} KB gzipped`);
}

console.log(`in ${out}:`);
await tellSize('console', ['index.html', 'icon.svg', 'console.js',
  'console.css']);
await tellSize('runnel.js', ['runnel.js']);
