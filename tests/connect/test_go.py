#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stock Go client of Connect, with code made from our .proto files,
against the real programs.

    test_go.py BIN_DIR WORK_DIR [unittest arguments]
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/integration"))
import bridge_rig as rig  # noqa: E402

WORK = os.path.join(os.path.abspath(sys.argv[2]), "go")
GO = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
VERSION_MIN = (1, 24)
# A first run fetches and compiles.
BUILD_DEADLINE_S = 280


def version():
    """Of the Go that is here; (0, 0) for none."""
    if GO is None:
        return (0, 0)
    said = subprocess.run([GO, "env", "GOVERSION"], capture_output=True,
                          text=True, check=True).stdout
    found = re.match(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def run(*command):
    done = subprocess.run(command, cwd=WORK, capture_output=True, text=True,
                          timeout=BUILD_DEADLINE_S)
    if done.returncode != 0:
        raise AssertionError("%s: %s%s" % (" ".join(command), done.stdout,
                                           done.stderr))
    return done.stdout


def build():
    """The program of go/, with what the generators make of the schema."""
    os.makedirs(os.path.join(WORK, "gen"), exist_ok=True)
    for name in os.listdir(os.path.join(HERE, "go")):
        shutil.copy(os.path.join(HERE, "go", name), WORK)
    protos = os.path.join(ROOT, "proto")
    command = ["protoc", "-I", protos, "-I", os.path.join(ROOT, "bridge")]
    files = glob.glob("runnel/v1/*.proto", root_dir=protos)
    packages = dict.fromkeys(files, "runnelv1")
    packages["rpc_details.proto"] = "details"
    for plugin, tool in (
            ("go", "google.golang.org/protobuf/cmd/protoc-gen-go"),
            ("connect-go", "connectrpc.com/connect/cmd/"
             "protoc-gen-connect-go")):
        run(GO, "build", "-o", "bin/", tool)
        command.append("--plugin=" + os.path.join(
            WORK, "bin/protoc-gen-" + plugin))
        command.append("--%s_out=gen" % plugin)
        command.append("--%s_opt=module=runnel.test/connect/gen" % plugin)
        command += ["--%s_opt=M%s=runnel.test/connect/gen/%s"
                    % (plugin, file, package)
                    for file, package in packages.items()]
    run(*command, *packages)
    run(GO, "build", "-o", "bin/client", ".")


class Go(unittest.TestCase):
    @unittest.skipUnless(version() >= VERSION_MIN, "no Go of 1.24 or later")
    def test_the_stock_client(self):
        build()
        core = rig.Core("--durability", "memory")
        bridge = rig.Bridge(core).ready()
        said = run("bin/client", "http://" + bridge.address)
        self.assertEqual(said.count("ok "), 7, said)
        # Nothing is left at the core of what the client gave up.
        bridge.until(lambda: rig.request(
            bridge, "GET", "/v1/info").json()["streamsOpen"] == 1)
        bridge.stop()
        core.stop()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
