// SPDX-License-Identifier: Apache-2.0
// Bundles the console into $RUNNEL_WEB_OUT, or build/web of the repository:
// one script, one style sheet, one page. `npm run build` calls it.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(
  process.env.RUNNEL_WEB_OUT || path.join(here, '..', 'build', 'web'));

await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { console: 'src/main.js' },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16'],
  legalComments: 'linked',
  logLevel: 'warning',
});
for (const name of ['index.html', 'icon.svg'])
  await copyFile(path.join(here, name), path.join(out, name));

let plain = 0;
let packed = 0;
for (const name of ['index.html', 'icon.svg', 'console.js', 'console.css']) {
  const bytes = await readFile(path.join(out, name));
  plain += bytes.length;
  packed += gzipSync(bytes).length;
}
const kb = (/** @type {number} */ n) => (n / 1024).toFixed(1);
console.log(`console: ${kb(plain)} KB, ${kb(packed)} KB gzipped, in ${out}`);
