#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx in front of the bridge, speaking TLS and HTTP/2 to curl, configured as
docs/rest.md says.

    test_bridge_nginx.py BIN_DIR [unittest arguments]
"""
import atexit
import grp
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, echo, request

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../docs/rest.md")
STANDING = {"chunk_bytes": 1, "pace_ms": 60000}
# In one connection; more than a browser's six of HTTP/1.1.
STREAMS = 40

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CURL = shutil.which("curl")


def curl_speaks_http2():
    said = subprocess.run([CURL, "--version"], capture_output=True,
                          text=True).stdout if CURL else ""
    return "HTTP2" in said


class Nginx:
    """Serves what the page configures, on a port of its own."""

    def __init__(self, bridge):
        self.dir = tempfile.mkdtemp(prefix="runnel-nginx-test-")
        self.certificate = os.path.join(self.dir, "fullchain.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout",
             os.path.join(self.dir, "privkey.pem"), "-out", self.certificate],
            check=True, capture_output=True)
        # A socket that is bound already is taken over by its address.
        self.socket = socket.create_server(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.url = "https://localhost:%d" % self.socket.getsockname()[1]
        with open(os.path.join(self.dir, "nginx.conf"), "w") as file:
            file.write(self.configuration(bridge.address, address))
        self.socket.set_inheritable(True)
        self.process = subprocess.Popen(
            [NGINX, "-p", self.dir, "-c", "nginx.conf", "-e", "stderr"],
            pass_fds=[self.socket.fileno()],
            env=dict(os.environ, NGINX="%d;" % self.socket.fileno()))
        atexit.register(self.process.terminate)

    def configuration(self, bridge, address):
        with open(PAGE, encoding="utf-8") as file:
            site = re.search(r"^```nginx\n(.*?)^```$", file.read(),
                             re.M | re.S)[1]
        for there, here in (("127.0.0.1:7480", bridge),
                            ("listen 443", "listen " + address),
                            ("/etc/runnel/", self.dir + "/")):
            assert there in site, there
            site = site.replace(there, here)
        temporary = "".join(
            "%s_temp_path %s/%s;\n" % (name, self.dir, name) for name in
            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return ("daemon off;\nuser %s;\npid nginx.pid;\n"
                "events { worker_connections 512; }\n"
                "http {\naccess_log off;\n%s%s}\n"
                % (self.user(), temporary, site))

    @staticmethod
    def user():
        """Its worker must be able to read what is ours."""
        account = pwd.getpwuid(os.getuid())
        return "%s %s" % (account.pw_name,
                          grp.getgrgid(account.pw_gid).gr_name)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(rig.DEADLINE_S)
        self.socket.close()
        shutil.rmtree(self.dir)
        assert status == 0, status


class Curl:
    """curl, whose output is read line by line as it comes."""

    def __init__(self, nginx, *arguments):
        self.process = subprocess.Popen(
            [CURL, "--http2", "-sS", "-N", "--cacert", nginx.certificate,
             *arguments], stdout=subprocess.PIPE)
        self.buffer = b""

    def line(self):
        end = time.monotonic() + rig.DEADLINE_S
        output = self.process.stdout.fileno()
        while b"\n" not in self.buffer:
            if not select.select([output], [], [],
                                 max(0, end - time.monotonic()))[0]:
                raise AssertionError("nothing more than %r" % self.buffer)
            data = os.read(output, 65536)
            if not data:
                raise AssertionError("it ended after %r" % self.buffer)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def until(self, wanted):
        while self.line() != wanted:
            pass

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def all(self):
        """What is left; it must end well."""
        said = self.buffer + self.process.communicate(
            timeout=rig.DEADLINE_S)[0]
        if self.process.returncode != 0:
            raise AssertionError("curl: %d" % self.process.returncode)
        return said


@unittest.skipUnless(NGINX, "nginx is not installed")
@unittest.skipUnless(curl_speaks_http2(), "there is no curl with HTTP/2")
class Front(rig.Pair):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nginx = Nginx(cls.bridge)
        cls.addClassCleanup(cls.nginx.stop)

    def tearDown(self):
        """Who left through nginx has left the bridge as well."""
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_event_streams_open"] == 0)

    def curl(self, path, *arguments):
        curl = Curl(self.nginx, *arguments, self.nginx.url + path)
        self.addCleanup(curl.stop)
        return curl

    def state(self, job):
        return rig.job_of(self.bridge, job)["state"]

    def test_a_request_by_http2(self):
        said = self.curl("/v1/info", "-w", "\n%{http_version}").all()
        body, version = said.rsplit(b"\n", 1)
        self.assertEqual(version, b"2")
        self.assertIn("version", json.loads(body))

    def test_a_page_of_this_origin_may_create(self):
        said = self.curl("/v1/jobs", "-H", "origin: " + self.nginx.url,
                         "-H", "content-type: application/json",
                         "-d", '{"kind":"echo"}').all()
        self.assertIn("job", json.loads(said))

    def test_each_event_comes_at_once(self):
        """One is seen while the job stands still after it."""
        job = echo(self.bridge, "abc", **STANDING)
        curl = self.curl("/v1/jobs/%s/events" % job)
        curl.until("event: delta")
        self.assertEqual(self.state(job), "JOB_STATE_RUNNING")
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)
        curl.until("event: end")
        curl.all()

    def followed(self, job, last):
        """The output after an event; that none is left out or repeated."""
        said = self.curl("/v1/jobs/%s/events" % job, "-H",
                         "last-event-id: %d" % last).all().decode()
        output = ""
        for data in re.findall(r"^event: (?!end).*\ndata: (.*)$", said, re.M):
            event = json.loads(data)
            first = event.get("firstSequence", event["sequence"])
            self.assertEqual(int(first), last + 1)
            last = int(event["sequence"])
            output += event.get("delta", {}).get("text", "")
        return last, output

    def test_resuming_leaves_nothing_out_and_repeats_nothing(self):
        text = "".join(map(str, range(500)))
        job = echo(self.bridge, text, chunk_bytes=7)
        rig.wait_end(self.bridge, job)
        end, whole = self.followed(job, 0)
        self.assertEqual(whole, text)
        for last in (1, 2, end // 2, end - 1):
            again, rest = self.followed(job, last)
            self.assertEqual(again, end)
            self.assertTrue(text.endswith(rest))
        said = self.curl("/v1/jobs/%s/events" % job, "-H",
                         "last-event-id: %d" % end, "-w", "%{http_code}").all()
        self.assertEqual(said, b"204")

    def test_many_streams_in_one_connection(self):
        """All that stand still have sent their first piece."""
        jobs = [echo(self.bridge, "abc", **STANDING) for _ in range(STREAMS)]
        urls = ["%s/v1/jobs/%s/events" % (self.nginx.url, job)
                for job in jobs]
        curl = Curl(self.nginx, "--parallel", "--parallel-max", str(STREAMS),
                    *urls)
        self.addCleanup(curl.stop)
        for _ in jobs:
            curl.until("event: delta")
        open_now = rig.metrics(self.bridge)["runnel_bridge_event_streams_open"]
        self.assertEqual(open_now, STREAMS)
        curl.stop()

    def test_a_stream_of_connect(self):
        job = echo(self.bridge, "abc", **STANDING)
        message = json.dumps({"jobId": job}).encode()
        body = os.path.join(self.nginx.dir, "body")
        with open(body, "wb") as file:
            file.write(b"\0" + len(message).to_bytes(4, "big") + message)
        curl = self.curl("/runnel.v1.JobService/WatchJob", "--data-binary",
                         "@" + body, "-H",
                         "content-type: application/connect+json")
        seen = b""
        while b'"delta"' not in seen:
            self.assertTrue(select.select([curl.process.stdout], [], [],
                                          rig.DEADLINE_S)[0], seen)
            seen += os.read(curl.process.stdout.fileno(), 65536)
        self.assertEqual(self.state(job), "JOB_STATE_RUNNING")
        curl.stop()
        # Its own request is the one stream that is left.
        self.bridge.until(lambda: request(
            self.bridge, "GET", "/v1/info").json()["streamsOpen"] == 1)

    def test_a_bridge_that_is_away(self):
        bridge = Bridge(self.core).ready()
        nginx = Nginx(bridge)
        bridge.stop()
        curl = Curl(nginx, "-w", "%{http_code}", "-o", "/dev/null",
                    nginx.url + "/v1/info")
        self.assertEqual(curl.all(), b"502")
        nginx.stop()


if __name__ == "__main__":
    rig.main("__main__")
