#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS of the core, the bridge, librunnel and the command line: with stock
peers (openssl s_client, curl, Python's ssl), wrong certificates, other
versions, silence and slowness, and with new certificates while it runs.

    test_tls.py BIN_DIR
"""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

import bridge_rig as rig
from bridge_rig import BIN, DEADLINE_S, Bridge, Core, clean_env
from tls_files import Authority, openssl

TEXT = "0123456789abcdef" * 16384  # 256 KiB


def run(core, *args, input=b"", **env):
    return subprocess.run(
        [os.path.join(BIN, "runnel"), "--core", core.address, *args],
        input=input, capture_output=True, timeout=DEADLINE_S,
        env=clean_env(**env))


def stop(daemon):
    if daemon.process.returncode is None:
        daemon.stop()


def tool(*args, input=b""):
    """A stock program to its end: its status and all that it said."""
    done = subprocess.run(args, input=input, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=DEADLINE_S)
    return done.returncode, done.stdout.decode("utf-8", "replace")


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="runnel-tls-")
        cls.root = Authority(cls.dir, "root")
        cls.other = Authority(cls.dir, "other")
        cls.cert, cls.key = cls.root.sign("server")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def core(self, *flags, cert=None, key=None):
        core = Core("--tls-cert", cert or self.cert, "--tls-key",
                    key or self.key, *flags)
        self.addCleanup(stop, core)
        return core

    def context(self, **more):
        context = ssl.create_default_context(cafile=self.root.cert)
        for name, value in more.items():
            setattr(context, name, value)
        return context

    def connect(self, daemon, context=None):
        sock = socket.create_connection(daemon.target, DEADLINE_S)
        return (context or self.context()).wrap_socket(
            sock, server_hostname="localhost")

    def serial(self, daemon):
        with self.connect(daemon) as sock:
            return int(sock.getpeercert()["serialNumber"], 16)

    def s_client(self, daemon, *flags):
        return tool("openssl", "s_client", "-connect", daemon.address,
                    "-CAfile", self.root.cert, *flags)


class CoreTls(Tls):
    def test_the_command_line(self):
        core = self.core()
        ca = ["--tls-ca", self.root.cert]
        done = run(core, "job", "create", "--kind", "echo", "--input", "-",
                   "--watch", *ca, input=TEXT.encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(TEXT.encode(), done.stdout)
        lines = b"".join(b"key%d\n" % (i % 100) for i in range(200000))
        done = run(core, "ingest", "web", "-f", "lines", input=lines,
                   RUNNEL_TLS_CA=self.root.cert)
        self.assertEqual(done.returncode, 0, done.stderr)
        stats = json.loads(run(core, "stats", "get", "web", "--json",
                               *ca).stdout)
        self.assertEqual(stats["stats"]["count"], "200000")
        done = run(core, "info", "--tls-name", "localhost", *ca)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_certificate_that_is_not_trusted_is_refused(self):
        core = self.core()
        for flags, why in (
                (["--tls"], b"certificate verify failed"),
                (["--tls-ca", self.other.cert], b"certificate verify failed"),
                (["--tls-ca", self.root.cert, "--tls-name", "elsewhere"],
                 b"hostname mismatch"),
                ([], b"lost its way")):
            done = run(core, "info", "--timeout", "20s", *flags)
            self.assertEqual(done.returncode, 3, (flags, done.stderr))
            if flags:
                self.assertIn(why, done.stderr)
        for ca, why in (
                (self.key, " must be a file of certificates in PEM"),
                (self.dir, ": is a directory"),
                (self.root.path("none"), ": there is no such file")):
            done = run(core, "info", "--tls-ca", ca)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--tls-ca " + ca + why, done.stderr.decode())
            bridge = subprocess.run(
                [os.path.join(BIN, "runnel-bridge"), "--core-tls-ca", ca],
                capture_output=True, timeout=DEADLINE_S, env=clean_env())
            self.assertEqual(bridge.returncode, 2, bridge.stderr)
            self.assertIn("core-tls-ca " + ca + why, bridge.stderr.decode())

    def test_the_name_and_the_address_are_checked(self):
        for names, works in (("DNS:localhost", False), ("IP:127.0.0.2", False),
                             ("IP:127.0.0.1", True)):
            core = self.core("--durability", "memory",
                             **dict(zip(("cert", "key"),
                                        self.root.sign("named", names))))
            done = run(core, "info", "--tls-ca", self.root.cert)
            self.assertEqual(done.returncode, 0 if works else 3, names)
            core.stop()

    def test_a_plain_core_is_told_from_one_with_tls(self):
        core = Core()
        done = run(core, "info", "--tls-ca", self.root.cert, "--timeout", "20s")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(b"TLS with", done.stderr)
        core.stop()

    def test_versions(self):
        core = self.core()
        for flag, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            status, said = self.s_client(core, flag)
            self.assertEqual(status, 0, said)
            self.assertIn("Verify return code: 0 (ok)", said)
            self.assertIn(version, said)
        for flags in (["-tls1_1"], ["-tls1"],
                      ["-tls1_2", "-cipher", "AES128-SHA"]):
            status, said = self.s_client(core, *flags)
            self.assertNotEqual(status, 0, said)
        # No renegotiation: R asks for one.
        status, said = tool("openssl", "s_client", "-connect", core.address,
                            "-tls1_2", input=b"R\n")
        self.assertRegex(said, "(?i)renegotiation")

    def test_silence_and_garbage_do_not_hold_a_connection(self):
        core = self.core("--handshake-timeout", "300ms")
        hello = ssl_hello(self.context())
        with socket.create_connection(core.target, DEADLINE_S) as silent, \
                socket.create_connection(core.target, DEADLINE_S) as half:
            half.sendall(hello[:len(hello) // 2])
            self.assertEqual(rig.read_all(silent), b"")
            self.assertEqual(rig.read_all(half), b"")
        with socket.create_connection(core.target, DEADLINE_S) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            rig.read_all(plain)
        # TLS well done, and then nothing.
        with self.connect(core) as idle:
            self.assertIn(b"no Hello within 300 ms", idle.recv(4096))
            self.assertEqual(rig.read_all(idle), b"")
        self.assertEqual(run(core, "info", "--tls-ca",
                             self.root.cert).returncode, 0)
        self.assertIn("event=tls_failed", core.logged())

    def test_one_byte_at_a_time(self):
        """Through a proxy, so that records come in pieces."""
        core = self.core()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context().wrap_bio(incoming, outgoing,
                                      server_hostname="localhost")
        with socket.create_connection(core.target, DEADLINE_S) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def until(step):
                while True:
                    try:
                        result = step()
                    except ssl.SSLWantReadError:
                        result = None
                    for byte in outgoing.read():
                        sock.sendall(bytes([byte]))
                    if result is not None:
                        return result
                    incoming.write(sock.recv(1))

            until(lambda: tls.do_handshake() or True)
            tls.write(b"\x0a\x12\x08\x08\x01\x12\x04demo")
            self.assertIn(b"runneld/", until(lambda: tls.read(100)))

    def test_a_reader_that_stops_holds_up_nobody(self):
        """It has asked for 64 MiB: what is sealed and not taken is bounded."""
        core = self.core("--durability", "memory")
        ca = ["--tls-ca", self.root.cert]
        jobs = [run(core, "job", "create", "--kind", "echo", "--input", "-",
                    *ca, input=TEXT.encode() * 3).stdout.decode().strip()
                for _ in range(8)]
        stuck = []
        before = core.rss_kib()
        for _ in range(8):
            process = subprocess.Popen(
                [os.path.join(BIN, "runnel"), "--core", core.address, *ca,
                 "job", "watch", jobs[0]], stdout=subprocess.PIPE,
                env=clean_env())
            process.stdout.read(1)
            process.send_signal(signal.SIGSTOP)
            stuck.append(process)
        for job in jobs:
            done = run(core, "job", "output", job, *ca)
            self.assertEqual(done.stdout, TEXT.encode() * 3)
        self.assertLess(core.rss_kib() - before, 64 * 1024)
        for process in stuck:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            process.stdout.close()

    def test_settings_are_checked(self):
        for flags in (["--tls-cert", self.cert], ["--tls-key", self.key]):
            done = subprocess.run([os.path.join(BIN, "runneld"), *flags],
                                  capture_output=True, timeout=DEADLINE_S,
                                  env=clean_env())
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"give both, or none", done.stderr)

    def made(self, name, text):
        path = self.root.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_files_that_cannot_be_used_are_told_with_the_reason(self):
        _, stranger = self.root.sign("stranger")
        with open(self.cert) as cert, open(self.key) as key:
            cert, key = cert.read(), key.read()
        locked = self.root.path("locked")
        openssl("pkey", "-in", self.key, "-aes128", "-passout", "pass:x",
                "-out", locked)
        bad = self.made("bad", cert[:100] + "!" + cert[101:])
        short = self.made("short", "".join(
            line for i, line in enumerate(key.splitlines(True)) if i != 2))
        none, empty = self.root.path("none"), self.made("empty", "")
        for cert, key, path, why in (
                (none, self.key, none, "No such file or directory"),
                (self.cert, none, none, "No such file or directory"),
                (self.dir, self.key, self.dir, "is a directory"),
                (self.key, self.key, self.key, "has no certificate in PEM"),
                (empty, self.key, empty, "has no certificate in PEM"),
                (bad, self.key, bad, "is damaged"),
                (self.cert, self.cert, self.cert, "has no private key in PEM"),
                (self.cert, "/dev/null", "/dev/null",
                 "has no private key in PEM"),
                (self.cert, short, short, "is damaged"),
                (self.cert, locked, locked, "is encrypted with a passphrase"),
                (self.cert, stranger, stranger,
                 "is not that of the certificate")):
            for name in ("runneld", "runnel-bridge"):
                done = subprocess.run(
                    [os.path.join(BIN, name), "--listen", "127.0.0.1:0",
                     "--tls-cert", cert, "--tls-key", key],
                    cwd=self.dir, capture_output=True, timeout=DEADLINE_S,
                    stdin=subprocess.DEVNULL,
                    env=clean_env(RUNNEL_DURABILITY="memory"))
                self.assertEqual(done.returncode, 1, (name, cert, key))
                said = done.stderr.decode()
                self.assertIn("event=certificate_unusable", said)
                self.assertIn("%s: %s" % (path, why), said)

    def test_a_certificate_that_has_expired_is_told(self):
        cert, key = self.root.sign("expired", days="-1")
        core = self.core(cert=cert, key=key)
        self.assertIn("event=certificate_not_valid reason=\"the certificate "
                      "%s has expired\"" % cert, core.logged())
        done = run(core, "info", "--tls-ca", self.root.cert)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"certificate has expired", done.stderr)
        bridge = Bridge(core, "--tls-cert", cert, "--tls-key", key,
                        "--core-tls-ca", self.root.cert)
        self.addCleanup(stop, bridge)
        self.assertIn("event=certificate_not_valid", bridge.logged())


def ssl_hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Renewal(Tls):
    """SIGHUP, of the core and of the bridge."""

    def renew(self, daemon, cert, key):
        before = self.serial(daemon)
        self.root.sign("renewed")
        daemon.process.send_signal(signal.SIGHUP)
        seen = [before]
        until(daemon, lambda: seen.append(self.serial(daemon)) or
              seen[-1] != before)
        good = seen[-1]
        # One that is no good: the old one stays.
        with open(cert) as file:
            text = file.read()
        with open(cert, "w") as file:
            file.write(text[:100])
        daemon.process.send_signal(signal.SIGHUP)
        until(daemon, lambda: "certificate_unusable" in daemon.logged())
        # Each thread of the bridge takes the first one in its own time.
        until(daemon, lambda: all(self.serial(daemon) == good
                                  for _ in range(8)))
        with open(cert, "w") as file:
            file.write(text)

    def test_the_core(self):
        cert, key = self.root.sign("renewed")
        core = self.core(cert=cert, key=key)
        with self.connect(core) as old:
            self.renew(core, cert, key)
            old.sendall(b"\x0a\x12\x08\x08\x01\x12\x04demo")
            self.assertIn(b"runneld/", old.recv(4096))

    def test_the_bridge(self):
        cert, key = self.root.sign("renewed")
        core = Core()
        bridge = Bridge(core, "--tls-cert", cert, "--tls-key", key,
                        "--threads", "2")
        with self.connect(bridge) as old:
            self.renew(bridge, cert, key)
            old.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            self.assertIn(b" 200 ", old.recv(4096))
        bridge.stop()
        core.stop()


def until(daemon, holds):
    Bridge.until(daemon, holds)


class BridgeTls(Tls):
    def setUp(self):
        self.core_ = self.core()
        self.bridge = Bridge(
            self.core_, "--core-tls-ca", self.root.cert, "--tls-cert",
            self.cert, "--tls-key", self.key)
        self.addCleanup(self.bridge.stop)
        self.url = "https://" + self.bridge.address
        until(self.bridge, lambda: self.curl("/readyz")[0] == 0)

    def curl(self, path, *flags, **more):
        return tool("curl", "-sS", "--fail", "--cacert", self.root.cert,
                    self.url + path, *flags, **more)

    def create(self, text, **options):
        status, said = self.curl(
            "/v1/jobs", "-H", "content-type: application/json", "-d", "@-",
            input=json.dumps({"kind": "echo", "input": {"text": text},
                              "options": options}).encode())
        self.assertEqual(status, 0, said)
        return json.loads(said)["job"]["id"]

    def test_curl(self):
        job = self.create(TEXT)
        status, said = self.curl("/v1/jobs/%s/output" % job)
        self.assertEqual(said, TEXT)
        status, said = self.curl("/v1/jobs/%s/events" % job, "-N")
        self.assertEqual(status, 0)
        self.assertIn("event: end", said)
        status, said = tool("curl", "-sS", self.url + "/healthz")
        self.assertEqual(status, 60, said)

    def test_http_2_is_not_offered(self):
        status, said = self.s_client(self.bridge, "-alpn", "h2,http/1.1")
        self.assertIn("ALPN protocol: http/1.1", said)
        status, said = self.s_client(self.bridge, "-alpn", "h2")
        self.assertNotEqual(status, 0)
        status, said = self.curl("/healthz", "--http2", "-v")
        self.assertIn("HTTP/1.1 200", said)

    def test_a_plain_request_is_not_served(self):
        self.assertNotIn(b"200", rig.raw(
            self.bridge, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"))

    def test_silence_does_not_hold_a_connection(self):
        """Others are served between the silent ones' coming and going."""
        bridge = Bridge(self.core_, "--core-tls-ca", self.root.cert,
                        "--tls-cert", self.cert, "--tls-key", self.key,
                        "--handshake-timeout", "1s")
        self.addCleanup(bridge.stop)
        hello = ssl_hello(self.context())
        held = [socket.create_connection(bridge.target, DEADLINE_S)
                for _ in range(20)]
        for number, sock in enumerate(held):
            sock.sendall(hello[:number * len(hello) // len(held)])
        for _ in range(3):
            with self.connect(bridge) as sock:
                sock.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
                self.assertIn(b" 200 ", sock.recv(4096))
        for sock in held:
            self.assertEqual(rig.read_all(sock), b"")
            sock.close()
        status, said = tool("curl", "-sS", "--fail", "--cacert",
                            self.root.cert, "https://%s/metrics"
                            % bridge.address)
        self.assertEqual(status, 0, said)
        self.assertIn("\nrunnel_bridge_connections_open 1\n", said)

    def test_events_flow_and_a_reader_that_leaves_is_noticed(self):
        """Over TLS a bridge reads to see the end of a connection as well."""
        job = self.create("x" * 1000, chunk_bytes="1", pace_ms="100")
        sock = self.connect(self.bridge)
        sock.sendall(b"GET /v1/jobs/%s/events HTTP/1.1\r\nhost: x\r\n\r\n"
                     % job.encode())
        said = b""
        while said.count(b"event: delta") < 3:
            said += sock.recv(65536)
        self.assertEqual(self.open_streams(), 1)
        sock.close()
        until(self.bridge, lambda: self.open_streams() == 0)
        self.curl("/v1/jobs/%s/cancel" % job, "-X", "POST")

    def open_streams(self):
        _, said = self.curl("/metrics")
        return int([line.split()[1] for line in said.splitlines()
                    if line.startswith("runnel_bridge_event_streams_open ")][0])

    def test_the_core_comes_back(self):
        address = self.core_.address
        home = self.core_.dir
        self.core_.stop(keep=True)
        until(self.bridge, lambda: self.curl("/readyz")[0] != 0)
        core = Core("--tls-cert", self.cert, "--tls-key", self.key,
                    listen=address, home=home)
        until(self.bridge, lambda: self.curl("/readyz")[0] == 0)
        self.addCleanup(stop, core)

    def test_a_core_that_is_another_is_not_trusted(self):
        cert, key = self.other.sign("imposter")
        imposter = self.core("--durability", "memory", cert=cert, key=key)
        bridge = Bridge(imposter, "--core-tls-ca", self.root.cert)
        until(bridge, lambda: "certificate verify failed" in bridge.logged())
        self.assertEqual(rig.request(bridge, "GET", "/readyz").status, 503)
        bridge.stop()


if __name__ == "__main__":
    rig.main("__main__")
