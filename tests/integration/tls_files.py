# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the openssl tool."""
import os
import subprocess


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    """A root in a folder, and certificates that it signs."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.serial = 1
        self.cert = self.path(name + ".pem")
        self.key = self.path(name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.cert, "-days", "2", "-subj", "/CN=" + name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, name, names="DNS:localhost,IP:127.0.0.1", days="2"):
        """Paths of a certificate with its chain and of its key. Written in
        place, as an operator's tool may."""
        self.serial += 1
        cert, key = self.path(name + ".pem"), self.path(name + ".key")
        request, extra = self.path("request"), self.path("extra")
        with open(extra, "w") as file:
            file.write("subjectAltName=%s\n" % names)
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                "-out", request, "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey",
                self.key, "-set_serial", str(self.serial), "-days", days,
                "-extfile", extra, "-out", cert)
        with open(cert, "a") as file, open(self.cert) as root:
            file.write(root.read())
        return cert, key
