# SPDX-License-Identifier: Apache-2.0
"""What the tests of the bridge share: a core and a bridge of their own in a
private directory, requests, and a reader of server-sent events.

Every wait is for an event and has a deadline; nothing sleeps.
"""
import atexit
import base64
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")
# Generous: a sanitized build on a busy machine. Never a pass condition.
DEADLINE_S = 60
NO_JOB = "0" * 26


def clean_env(**more):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("RUNNEL_")}
    kept.update(more)
    return kept


def leaks(said):
    """Leaks that LeakSanitizer reports, but what libh2o's own functions have
    allocated: its pools and contexts stay until the process ends. A
    suppression would not do, since its frames are in every stack of ours."""
    return [block for block in re.split(r"\n\n", said)
            if re.search(r"(Direct|Indirect) leak of", block)
            and "libh2o-evloop" not in "".join(re.findall(
                r"^ +#1 .*$", block, re.M))]


class Daemon:
    """A program in a private directory, awaited until it says READY=1."""

    def __init__(self, name, *flags, env=None, files=None, home=None):
        self.dir = home or tempfile.mkdtemp(prefix="runnel-bridge-test-")
        self.name = name
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.settimeout(DEADLINE_S)
        place = os.path.join(self.dir, "notify")
        if os.path.exists(place):
            os.unlink(place)
        notify.bind(place)
        self.log = open(os.path.join(self.dir, "log"), "wb")
        more = dict(env or {}, NOTIFY_SOCKET=notify.getsockname())
        self.process = subprocess.Popen(
            [os.path.join(BIN, name), "--port-file",
             os.path.join(self.dir, "port"), *flags],
            cwd=self.dir, stdout=self.log, stderr=self.log,
            env=clean_env(**more), preexec_fn=files and (
                lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files)))
        atexit.register(self.abandon)
        while b"READY=1" not in notify.recv(4096):
            pass
        notify.close()
        with open(os.path.join(self.dir, "port")) as file:
            self.address = file.read().strip()
        host, port = self.address.rsplit(":", 1)
        self.target = (host, int(port))

    def logged(self):
        with open(os.path.join(self.dir, "log"), "rb") as file:
            return file.read().decode("utf-8", "replace")

    def rss_kib(self, name="VmRSS"):
        """Resident memory; VmHWM is the most that it was."""
        with open("/proc/%d/status" % self.process.pid) as file:
            return int(re.search(name + r":\s+(\d+)", file.read()).group(1))

    def abandon(self):
        """Leaves nothing behind when a case failed before stop."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self, number=signal.SIGTERM, expect=0, keep=False):
        """Ends it; its exit status is checked, since a sanitizer and a crash
        show there. keep leaves its directory, for a successor."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("%s hangs: %s" % (self.name, self.logged()))
        self.log.close()
        said = self.logged()
        if not keep:
            shutil.rmtree(self.dir)
        if expect is not None and status != expect:
            raise AssertionError("%s exited with %d: %s"
                                 % (self.name, status, said[-8000:]))
        if found := leaks(said):
            raise AssertionError("%s leaks: %s" % (self.name, found[:3]))
        return said


class Core(Daemon):
    def __init__(self, *flags, listen="127.0.0.1:0", home=None):
        super().__init__("runneld", "--listen", listen, *flags, home=home)

    def restarted(self, number=signal.SIGTERM, expect=0):
        """Its successor, with its address and its data."""
        self.stop(number, expect, keep=True)
        return Core(listen=self.address, home=self.dir)


class Bridge(Daemon):
    def __init__(self, core, *flags, listen="127.0.0.1:0", **more):
        address = core if isinstance(core, str) else core.address
        # Requests that are written by hand have one of these.
        hosts = () if "--allowed-host" in flags else ("--allowed-host", "h,x")
        super().__init__("runnel-bridge", "--core", address, "--listen",
                         listen, *hosts, *flags, **more)

    def ready(self):
        """Waits until the core is connected."""
        self.until(lambda: request(self, "GET", "/readyz").status == 200)
        return self

    def until(self, holds):
        end = time.monotonic() + DEADLINE_S
        while not holds():
            if time.monotonic() > end:
                raise AssertionError("not within the deadline: "
                                     + self.logged()[-4000:])


class Pair(unittest.TestCase):
    """A core and a bridge, given the flags of the class, that its cases
    share."""
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.core = Core()
        cls.addClassCleanup(cls.core.stop)
        cls.bridge = Bridge(cls.core, *cls.flags).ready()
        cls.addClassCleanup(cls.bridge.stop)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s %r" % (self.status, dict(self.headers), self.body[:500])


def request(bridge, method, path, body=None, headers=None, **more):
    """One request on a connection of its own. more: members of a JSON body."""
    connection = http.client.HTTPConnection(*bridge.target,
                                            timeout=DEADLINE_S)
    headers = dict(headers or {})
    if more:
        body = json.dumps(more)
    if body is not None and "content-type" not in headers:
        headers["content-type"] = "application/json"
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def raw(bridge, data, shut=False):
    """Sends bytes and reads to the end."""
    with socket.create_connection(bridge.target, DEADLINE_S) as sock:
        sock.sendall(data)
        if shut:
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def read_all(sock):
    out = b""
    try:
        while chunk := sock.recv(65536):
            out += chunk
    except ConnectionError:
        pass
    return out


def create(bridge, **job):
    """Creates a job and returns it."""
    answer = request(bridge, "POST", "/v1/jobs", **job)
    assert answer.status in (200, 201), answer
    return answer.json()["job"]


def echo(bridge, text, **options):
    return create(bridge, kind="echo", input={"text": text},
                  options={name: str(value)
                           for name, value in options.items()})["id"]


def job_of(bridge, job_id):
    return request(bridge, "GET", "/v1/jobs/" + job_id).json()["job"]


def wait_end(bridge, job_id):
    """Follows a job to its end and returns it."""
    with Events(bridge, "/v1/jobs/%s/events" % job_id) as events:
        list(events)
    return job_of(bridge, job_id)


def small_socket(bridge, receive_bytes):
    """A connection that takes little before its program reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.settimeout(DEADLINE_S)
    sock.connect(bridge.target)
    return sock


class Event:
    def __init__(self, name, data, event_id):
        self.name = name
        self.data = json.loads(data)
        self.id = event_id

    def bytes(self):
        """The output that a delta carries."""
        delta = self.data.get("delta", {})
        return delta.get("text", "").encode() + base64.b64decode(
            delta.get("data", ""))

    def __repr__(self):
        return "%s %s %s" % (self.name, self.id, str(self.data)[:300])


class Events:
    """A reader of text/event-stream as the HTML standard has it, so far as
    the bridge uses it: iterating gives events until the answer ends."""

    def __init__(self, bridge, path, last_id=None, receive_bytes=None,
                 **headers):
        self.connection = http.client.HTTPConnection(*bridge.target,
                                                     timeout=DEADLINE_S)
        if receive_bytes is not None:
            self.connection.sock = small_socket(bridge, receive_bytes)
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        headers.setdefault("Accept", "text/event-stream")
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.last_id = "" if last_id is None else str(last_id)
        self.retry = None
        self.buffer = b""
        self.comments = 0
        # The answer was cut: no end of its chunked encoding.
        self.cut = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self.connection.close()

    def line(self):
        """A line with its end; what is left at the end of the answer."""
        while (at := self.buffer.find(b"\n")) < 0:
            try:
                chunk = self.response.read1(65536)
            except (http.client.HTTPException, ConnectionError):
                self.cut = True
                chunk = b""
            if not chunk:
                rest, self.buffer = self.buffer, b""
                return rest
            self.buffer += chunk
        line, self.buffer = self.buffer[:at + 1], self.buffer[at + 1:]
        return line

    def __iter__(self):
        name, data = "message", []
        while line := self.line():
            assert line.endswith(b"\n") and b"\r" not in line, line
            field, _, value = line[:-1].partition(b":")
            value = value.removeprefix(b" ").decode()
            if line == b"\n":
                if data:
                    yield Event(name, "\n".join(data), self.last_id)
                name, data = "message", []
            elif not field:
                self.comments += 1
            elif field == b"event":
                name = value
            elif field == b"data":
                data.append(value)
            elif field == b"id":
                self.last_id = value
            elif field == b"retry":
                self.retry = int(value)
            else:
                raise AssertionError("no field of an event: %r" % line)

    def next(self, name=None):
        """The next event (of that name)."""
        for event in self:
            if name in (None, event.name):
                return event
        raise AssertionError("the events ended without %s" % name)


def metrics(bridge):
    """/metrics as a dictionary of its unlabelled values."""
    text = request(bridge, "GET", "/metrics").body.decode()
    return {name: float(value) for name, value in
            re.findall(r"^([a-z_]+) (\S+)$", text, re.M)}


def many_files():
    """As many descriptors as may be: tests open thousands of sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(module):
    unittest.main(module=module, argv=[sys.argv[0]] + sys.argv[2:])
