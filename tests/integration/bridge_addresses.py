#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits of one address, and addresses that others can reach. Run by
test_bridge_attack.py in a network of its own (unshare -rn), whose loopback
interface has the addresses below: no byte leaves it.

    bridge_addresses.py BIN_DIR
"""
import http.client
import os
import socket
import subprocess
import unittest

import bridge_rig as rig
from bridge_rig import BIN, DEADLINE_S, Bridge, Core, clean_env

SERVER, ONE, OTHER = "10.9.8.7", "10.9.8.6", "10.9.8.5"
TOKEN = ("--token", "t")


def get(bridge, source, path="/healthz", token=None):
    connection = http.client.HTTPConnection(
        *bridge.target, timeout=DEADLINE_S, source_address=(source, 0))
    headers = {"Authorization": "Bearer " + token} if token else {}
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


class Addresses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for address in (SERVER, ONE, OTHER):
            subprocess.run(["ip", "addr", "add", address + "/32", "dev", "lo"],
                           check=True)
        cls.core = Core(*TOKEN)

    @classmethod
    def tearDownClass(cls):
        cls.core.stop()

    def bridge(self, *flags):
        bridge = Bridge(self.core, *TOKEN, "--allowed-host", "", *flags,
                        listen=SERVER + ":0")
        self.addCleanup(bridge.stop)
        return bridge

    def test_connections_of_an_address(self):
        bridge = self.bridge("--max-address-connections", "5",
                             "--max-request-rate", "0")
        held = []
        for _ in range(5):
            sock = socket.create_connection(bridge.target, DEADLINE_S,
                                            (ONE, 0))
            sock.sendall(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
            self.assertIn(b" 200 ", sock.recv(4096))
            held.append(sock)
        self.assertIsNone(get(bridge, ONE))
        self.assertEqual(get(bridge, OTHER), 200)
        held.pop().close()
        bridge.until(lambda: get(bridge, ONE) == 200)
        for sock in held:
            sock.close()

    def test_requests_of_an_address(self):
        bridge = self.bridge("--max-request-rate", "1")
        seen = []
        while 429 not in seen:
            seen.append(get(bridge, ONE))
        self.assertEqual(seen[:2], [200, 200])
        self.assertEqual(get(bridge, OTHER), 200)

    def test_wrong_tokens_of_an_address(self):
        """Each time another one, so that only the address can be counted."""
        bridge = self.bridge("--max-request-rate", "20")
        bridge.until(lambda: get(bridge, OTHER, "/readyz") == 200)
        seen = []
        while 429 not in seen:
            seen.append(get(bridge, ONE, "/v1/jobs", "wrong%d" % len(seen)))
            self.assertLess(len(seen), 50)
        self.assertGreaterEqual(seen.count(401), 4)
        self.assertEqual(set(seen), {401, 429})

    def test_only_with_tokens_others_can_reach_it(self):
        for program in ("runneld", "runnel-bridge"):
            done = subprocess.run(
                [os.path.join(BIN, program), "--listen", SERVER + ":0"],
                cwd=self.core.dir, capture_output=True, timeout=DEADLINE_S,
                env=clean_env(RUNNEL_DURABILITY="memory"))
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(b"only a loopback address", done.stderr)

    def test_a_token_that_was_made_is_enough(self):
        core = Core()
        done = subprocess.run(
            [os.path.join(BIN, "runnel"), "--core", core.address, "token",
             "create", "--name", "root", "--scope", "admin"],
            capture_output=True, timeout=DEADLINE_S, env=clean_env())
        root = done.stdout.decode().strip()
        core.stop(keep=True)
        core = Core(listen=SERVER + ":0", home=core.dir)
        for token, status in ((root, 0), ("", 7)):
            done = subprocess.run(
                [os.path.join(BIN, "runnel"), "--core", core.address, "info"],
                capture_output=True, timeout=DEADLINE_S,
                env=clean_env(RUNNEL_TOKEN=token))
            self.assertEqual(done.returncode, status, done)
        core.stop()


if __name__ == "__main__":
    rig.main("__main__")
