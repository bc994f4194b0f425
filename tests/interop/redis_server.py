# SPDX-License-Identifier: Apache-2.0
"""A redis-server for tests."""
import os
import shutil
import socket
import subprocess
import tempfile

DEADLINE_S = 60


class RedisServer:
    """A redis-server of our own on a Unix socket, and the few words of its
    protocol that it takes."""

    def __init__(self):
        self.dir = tempfile.mkdtemp()
        path = os.path.join(self.dir, "s")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path,
             "--save", "", "--dir", self.dir],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if "The server is now ready to accept connections at" in line:
                break
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(path)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE_S)
        shutil.rmtree(self.dir)

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.reply()

    def reply(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return self.reader.read(int(rest) + 2)[:-2]
        return int(rest) if kind == b":" else rest.decode()
