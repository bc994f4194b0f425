#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The core's Unix socket: every client speaks over it, and its file is there
as long as the core is.

    test_unix_socket.py BIN_DIR
"""
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

import bridge_rig as rig
from bridge_rig import BIN, DEADLINE_S, Bridge, Core, clean_env
from tls_files import Authority

TOKEN = "root-token-of-this-test-3381"
# Further than any socket's buffer: both sides have to wait for each other.
TEXT = "0123456789abcdef" * 16384


def stop(daemon):
    if daemon.process.returncode is None:
        daemon.stop()


class UnixSocket(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="runnel-unix-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = os.path.join(self.dir, "core.sock")
        self.address = "unix:" + self.path

    def core(self, *flags):
        core = Core("--unix-socket", self.path, *flags)
        self.addCleanup(stop, core)
        return core

    def run_cli(self, *args, address=None, input=b"", **env):
        return subprocess.run(
            [os.path.join(BIN, "runnel"), "--core", address or self.address,
             *args], input=input, capture_output=True, timeout=DEADLINE_S,
            env=clean_env(**env))

    def refused(self, *flags):
        """What runneld says that does not start."""
        done = subprocess.run(
            [os.path.join(BIN, "runneld"), "--listen", "127.0.0.1:0",
             "--data", os.path.join(self.dir, "data"), *flags],
            capture_output=True, timeout=DEADLINE_S, env=clean_env())
        self.assertNotEqual(done.returncode, 0)
        return (done.stdout + done.stderr).decode()

    def test_the_command_line(self):
        self.core()
        done = self.run_cli("job", "create", "--kind", "echo", "--input", "-",
                            "--watch", input=TEXT.encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(TEXT.encode(), done.stdout)
        lines = b"".join(b"key%d\n" % (i % 100) for i in range(200000))
        done = self.run_cli("ingest", "web", "-f", "lines", input=lines)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"200,000", self.run_cli("stats", "get", "web").stdout)

    def test_the_bridge_and_tcp_see_the_same(self):
        core = self.core()
        bridge = Bridge(core, "--core", self.address).ready()
        self.addCleanup(stop, bridge)
        job = rig.echo(bridge, "by the bridge")
        self.assertEqual(rig.job_of(bridge, job)["id"], job)
        done = self.run_cli("job", "output", job, address=core.address)
        self.assertEqual(done.stdout, b"by the bridge")

    def test_tls_is_for_networks_and_tokens_are_for_all(self):
        root = Authority(self.dir, "root")
        cert, key = root.sign("server")
        self.core("--tls-cert", cert, "--tls-key", key, "--token", TOKEN)
        done = self.run_cli("info")
        self.assertIn(b"token", done.stderr)
        self.assertNotEqual(done.returncode, 0)
        done = self.run_cli("info", RUNNEL_TOKEN=TOKEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_cli("info", "--tls", RUNNEL_TOKEN=TOKEN)
        self.assertIn(b"tls is not spoken over a Unix socket", done.stderr)

    def test_owner_and_group_may_connect(self):
        self.core()
        mode = os.stat(self.path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o660)

    def test_the_file_goes_with_the_core(self):
        core = self.core()
        core.stop()
        self.assertFalse(os.path.exists(self.path))
        done = self.run_cli("info")
        self.assertIn(("cannot connect to %s: " % self.address).encode(),
                      done.stderr)

    def test_what_a_killed_core_left_is_replaced(self):
        core = self.core()
        core.stop(signal.SIGKILL, expect=-signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path))
        self.core()
        self.assertEqual(self.run_cli("info").returncode, 0)

    def test_a_socket_that_is_in_use_is_left_alone(self):
        self.core()
        self.assertIn("another server listens there",
                      self.refused("--unix-socket", self.path))
        self.assertEqual(self.run_cli("info").returncode, 0)

    def test_what_is_no_socket_is_left_alone(self):
        with open(self.path, "w") as file:
            file.write("precious")
        self.assertIn("there is a file that is no socket",
                      self.refused("--unix-socket", self.path))
        with open(self.path) as file:
            self.assertEqual(file.read(), "precious")

    def test_paths_that_cannot_be(self):
        self.assertIn("unix-socket: must have at most 107 bytes",
                      self.refused("--unix-socket", "/tmp/" + "x" * 103))
        self.assertIn("there is no such folder",
                      self.refused("--unix-socket",
                                   os.path.join(self.dir, "none", "s")))

    def test_a_client_that_is_no_client(self):
        self.core()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(DEADLINE_S)
            sock.connect(self.path)
            sock.sendall(b"GET / HTTP/1.1\r\n" * 100)
            while sock.recv(4096):
                pass
        self.assertEqual(self.run_cli("info").returncode, 0)


if __name__ == "__main__":
    rig.main("__main__")
