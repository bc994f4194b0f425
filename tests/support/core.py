# SPDX-License-Identifier: Apache-2.0
"""A real runneld for tests in Python. Every wait has a deadline."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

DEADLINE_S = 20


def clean_env(**more):
    """The environment without settings of Runnel, and with these."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("RUNNEL_")}
    kept.update(more)
    return kept


class Core:
    """Started in a private directory, awaited until it says READY=1."""

    def __init__(self, bin_dir, listen="127.0.0.1:0", *flags):
        self.dir = tempfile.mkdtemp(prefix="runnel-core-")
        self.log_path = os.path.join(self.dir, "log")
        port_path = os.path.join(self.dir, "port")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, \
                open(self.log_path, "wb") as log:
            notify.settimeout(DEADLINE_S)
            notify.bind(os.path.join(self.dir, "notify"))
            self.process = subprocess.Popen(
                [os.path.join(bin_dir, "runneld"), "--listen", listen,
                 "--port-file", port_path, *flags],
                cwd=self.dir, stderr=log,
                env=clean_env(NOTIFY_SOCKET=notify.getsockname()))
            while b"READY=1" not in notify.recv(4096):
                pass
        with open(port_path, encoding="utf-8") as file:
            self.address = file.read().strip()
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)

    def stop(self):
        """SIGTERM; returns the exit status, and shows the log of a bad one."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_S)
        if status != 0:
            with open(self.log_path, errors="replace") as log:
                print(log.read())
        shutil.rmtree(self.dir)
        return status
