# SPDX-License-Identifier: Apache-2.0
"""A proxy that breaks connections, for tests in Python."""
import random
import select
import socket
import threading


class CutProxy:
    """Relays a connection at a time, and cuts it after some random bytes."""

    def __init__(self, port, bytes_max, seed):
        self.port = port
        self.bytes_max = bytes_max
        self.random = random.Random(seed)
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            with near, far:
                self.relay(near, far)

    def relay(self, near, far):
        # Longer and longer: the core may join events into one message, which
        # has to get through whole.
        left = self.random.randint(1, self.bytes_max * (1 + self.cuts // 8))
        while left > 0:
            for source in select.select([near, far], [], [])[0]:
                try:
                    data = source.recv(min(left, 4096))
                    (far if source is near else near).sendall(data)
                except OSError:
                    return
                left -= len(data)
                if not data or left <= 0:
                    break
            if not data:
                return
        self.cuts += 1

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
