# SPDX-License-Identifier: Apache-2.0
"""Adds the schema's code, runnel.v1, to what is built: protoc must be there."""
import pathlib
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


class BuildWithSchema(build_py):
    def run(self):
        super().run()
        protoc = shutil.which("protoc")
        if not protoc:
            sys.exit("runnel: protoc is missing (Debian: protobuf-compiler)")
        if not PROTO.is_dir():
            sys.exit("runnel: %s is missing: install from a tree of Runnel, "
                     "pip install ./client/python" % PROTO)
        subprocess.run(
            [protoc, "-I", str(PROTO), "--python_out", self.build_lib,
             *map(str, sorted((PROTO / "runnel/v1").glob("*.proto")))],
            check=True)


setup(cmdclass={"build_py": BuildWithSchema})
