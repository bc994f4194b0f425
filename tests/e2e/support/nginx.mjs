// SPDX-License-Identifier: Apache-2.0
// nginx as docs/rest.md configures it, with TLS and HTTP/2 on a port of its
// own, in front of a bridge.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { root } from './programs.mjs';

export const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/bin/nginx']
  .find((place) => existsSync(place));

/** @param {string} dir */
function makeCertificate(dir) {
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost',
    '-keyout', path.join(dir, 'privkey.pem'),
    '-out', path.join(dir, 'fullchain.pem'),
  ], { stdio: 'ignore' });
}

/**
 * @param {string} dir
 * @param {string} bridge HOST:PORT
 * @param {string} address where to listen
 */
async function configuration(dir, bridge, address) {
  const page = await readFile(path.join(root, 'docs/rest.md'), 'utf8');
  const site = /^```nginx\n(.*?)^```$/ms.exec(page)?.[1] ?? '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${dir}/${name};`).join('\n');
  const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();
  return `daemon off;
user ${os.userInfo().username} ${group};
pid nginx.pid;
events { worker_connections 512; }
http {
access_log off;
${temporary}
${site.replace('127.0.0.1:7480', bridge)
    .replace('listen 443', `listen ${address}`)
    .replaceAll('/etc/runnel/', `${dir}/`)}
}
`;
}

/**
 * Starts it; stop ends it.
 * @param {string} bridge HOST:PORT
 */
export async function startNginx(bridge) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'runnel-nginx-'));
  makeCertificate(dir);
  // A socket that is bound already is taken over by its address.
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (
    server.address());
  await writeFile(path.join(dir, 'nginx.conf'),
    await configuration(dir, bridge, `127.0.0.1:${port}`));
  const { fd } = /** @type {any} */ (server)._handle;
  const child = spawn(/** @type {string} */ (NGINX),
    ['-p', dir, '-c', 'nginx.conf', '-e', 'stderr'],
    { stdio: ['ignore', 'ignore', 'ignore', fd],
      env: { ...process.env, NGINX: '3;' } });
  server.close();
  process.on('exit', () => child.kill('SIGTERM')); // of a test that failed
  return {
    url: `https://localhost:${port}`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(dir, { recursive: true });
    },
  };
}
