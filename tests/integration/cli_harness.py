# SPDX-License-Identifier: Apache-2.0
"""What test_cli.py drives programs with: a core, and runnel to its end, in a
pipe, on a terminal, behind a proxy that can be cut.

Every wait is for an event (a line, the end of a program, a notification) and
has a deadline; nothing sleeps.
"""
import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

BIN = sys.argv[1] if len(sys.argv) > 1 else "."
DEADLINE_S = 30


class Core:
    """A runneld in a private directory, awaited until it says READY=1."""

    def __init__(self, listen="127.0.0.1:0", *flags):
        self.dir = tempfile.mkdtemp(prefix="runnel-cli-")
        self.flags = flags
        self.start(listen)

    def start(self, listen):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.settimeout(DEADLINE_S)
        notify.bind(os.path.join(self.dir, "notify"))
        self.log = open(os.path.join(self.dir, "log"), "ab")
        self.process = subprocess.Popen(
            [os.path.join(BIN, "runneld"), "--listen", listen,
             "--port-file", os.path.join(self.dir, "port"), *self.flags],
            cwd=self.dir, stdout=self.log, stderr=self.log,
            env=clean_env(NOTIFY_SOCKET=notify.getsockname()))
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
        except TimeoutError:
            self.stop(signal.SIGKILL)
            raise
        finally:
            notify.close()
            os.unlink(os.path.join(self.dir, "notify"))
        with open(os.path.join(self.dir, "port")) as file:
            self.address = file.read().strip()

    def restart(self, number=signal.SIGKILL):
        """With the same data, at the same address; None: it ends itself."""
        if number is not None:
            self.process.send_signal(number)
        self.process.wait(DEADLINE_S)
        self.log.close()
        self.start(self.address)

    def stop(self, number=signal.SIGTERM):
        if self.process.returncode is not None:
            return
        self.process.send_signal(number)
        self.process.wait(DEADLINE_S)
        self.log.close()
        shutil.rmtree(self.dir)


class RefusingCore:
    """Says Hello to one client, and refuses its batches until taking is set."""

    def __init__(self):
        self.taking = threading.Event()
        self.refused_often = threading.Event()
        self.refusals = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = "%s:%d" % self.server.getsockname()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.server.accept()
        client.settimeout(DEADLINE_S)
        with (contextlib.suppress(ConnectionError), client,
              client.makefile("rb") as file):
            file.read(file.read(1)[0])
            client.sendall(self.frame(0, 2, b"\x08\x01\x30\x10\x3a\x01e"))
            while length := file.read(1):
                self.answer(client, file.read(length[0]))

    def answer(self, client, frame):
        """Stream id, then a Message or a HalfClose; a Call waits."""
        stream_id, field = frame[1], frame[2] >> 3
        if field == 4 and self.taking.is_set():
            client.sendall(self.frame(stream_id, 4, b"\x08\x01\x10\x01"))
        elif field == 4:
            self.refusals += 1
            if self.refusals == 5:
                self.refused_often.set()
            client.sendall(self.frame(
                stream_id, 8, b"\x08\x08\x12\x0cdisk is full\x20\x05"))
        elif field == 5:
            client.sendall(self.frame(stream_id, 8, b""))

    @staticmethod
    def frame(stream_id, field, body):
        data = bytes([8, stream_id, field << 3 | 2, len(body)]) + body
        return bytes([len(data)]) + data

    def stop(self):
        self.server.close()
        self.thread.join(DEADLINE_S)


def clean_env(**more):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("RUNNEL_") and name != "NO_COLOR"}
    kept.update(more)
    return kept


def command(core, *args):
    return [os.path.join(BIN, "runnel"), "--core",
            core if isinstance(core, str) else core.address, *args]


def run(core, *args, input=b"", env=None):
    """Runs to the end; piped, so that no escape code may come out."""
    done = subprocess.run(command(core, *args), input=input,
                          capture_output=True, timeout=DEADLINE_S,
                          env=env or clean_env(TERM="xterm-256color"))
    assert b"\x1b" not in done.stderr, done.stderr
    return done


class Piped:
    """A program in the background, its stdout read by line."""

    def __init__(self, core, *args):
        # Unbuffered: communicate() does not see what a buffer has read ahead.
        self.process = subprocess.Popen(
            command(core, *args), bufsize=0, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env())
        self.watchdog = threading.Timer(DEADLINE_S, self.process.kill)
        self.watchdog.start()

    def line_with(self, text):
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError("ended without %r: %r"
                             % (text, self.process.stderr.read()))

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=DEADLINE_S)
        self.watchdog.cancel()
        return self.process.returncode, out, err


class Proxy:
    """Passes bytes on to a core, but its answers while muted; cut() breaks what
    is connected."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.pairs = []
        self.muted = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target)
            except ConnectionRefusedError:
                near.close()
                continue
            self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b, b is near),
                                 daemon=True).start()

    def carry(self, source, sink, is_answer):
        try:
            while chunk := source.recv(65536):
                if not (self.muted and is_answer):
                    sink.sendall(chunk)
        except OSError:
            pass

    def cut(self):
        for pair in self.pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self.pairs = []

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


class Terminal:
    """A program on a pseudo terminal; with a script, bash running it, $0 being
    the program with its arguments."""

    def __init__(self, core, *args, rows=40, columns=110, env=None,
                 script=None):
        self.seen = b""
        argv = command(core, *args)
        if script:
            argv = ["/bin/bash", "--norc", "-c", script, shlex.join(argv)]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, env or clean_env(TERM="xterm-256color"))
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, end, wanted):
        """Reads more; False at the end of the program."""
        ready, _, _ = select.select([self.fd], [], [],
                                    max(0, end - time.monotonic()))
        if not ready:
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError("not seen: %r in %r"
                                 % (wanted, self.seen[-3000:]))
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += chunk
        return chunk != b""

    def until(self, pattern):
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.seen, re.S):
            if not self.read(end, pattern):
                raise AssertionError("ended without %r: %r"
                                     % (pattern, self.seen[-3000:]))

    def type(self, text):
        os.write(self.fd, text)

    def end(self, number=None):
        if number is not None:
            os.kill(self.pid, number)
        end = time.monotonic() + DEADLINE_S
        while self.read(end, "the end"):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)
