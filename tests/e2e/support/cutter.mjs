// SPDX-License-Identifier: Apache-2.0
// A proxy on a port of its own that breaks connections as networks do: in the
// middle of an answer, or by falling silent.
import { once } from 'node:events';
import net from 'node:net';

export class Cutter {
  /**
   * @param {string} target HOST:PORT
   * @param {(nth: number) => number} bytes that the nth connection, from 0,
   *   lets through to the client; Infinity: all
   * @param {'cut' | 'silence'} then
   */
  constructor(target, bytes, then = 'cut') {
    /** Connections so far. */
    this.count = 0;
    const [host, port] = target.split(':');
    this.server = net.createServer((client) => {
      let left = bytes(this.count++);
      const up = net.connect(Number(port), host);
      client.pipe(up);
      up.on('data', (/** @type {Buffer} */ some) => {
        client.write(some.subarray(0, Math.min(left, some.length)));
        left -= some.length;
        if (left <= 0 && then === 'cut')
          client.resetAndDestroy();
        left = Math.max(left, 0);
      });
      up.on('close', () => client.destroy());
      client.on('close', () => up.destroy());
      up.on('error', () => {});
      client.on('error', () => {});
    });
  }

  /** @returns {Promise<string>} its URL */
  async start() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (this.server.address());
    return `http://127.0.0.1:${port}`;
  }

  stop() {
    this.server.close();
  }
}
