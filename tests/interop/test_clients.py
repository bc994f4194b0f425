#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that have no code of Runnel in them, only the schema and the stock
protobuf library of their language, against a real core: what goes in through
a job comes out of it byte for byte, with frames around the sizes where their
length prefix grows.

    test_clients.py python|go|java BIN_DIR WORK_DIR [unittest arguments]

Exit status 77: this language, or its library, is not here.
"""
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/support"))
from core import DEADLINE_S, Core, clean_env  # noqa: E402

LANGUAGE, BIN, WORK = sys.argv[1:4]
PROTOBUF_JAVA = "4.34.2"
# A first run fetches and compiles.
BUILD_DEADLINE_S = 200
# Bytes of input, and of each piece of output.
SIZES = [(1, 1), (127, 64), (128, 96), (1000, 100), (16384, 4000),
         (40000, 8192), (300000, 8192)]


def skip(why):
    print(why)
    sys.exit(77)


def build(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=BUILD_DEADLINE_S, **options)
    if done.returncode != 0:
        raise RuntimeError("%s: %s%s" % (" ".join(command), done.stdout,
                                         done.stderr))


def schema():
    """Descriptors of the whole schema, as protoc makes them."""
    path = os.path.join(WORK, LANGUAGE + ".desc")
    protos = os.path.join(ROOT, "proto")
    files = sorted(os.listdir(os.path.join(protos, "runnel/v1")))
    build("protoc", "-I", protos, "--include_imports", "-o", path,
          *["runnel/v1/" + file for file in files if file.endswith(".proto")])
    return path


def find_python():
    for python in ("python3", "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import google.protobuf"],
                          stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return skip("python3-protobuf is not installed")


def prepare_python():
    """client/python/watch_job.py, which takes its text as an argument."""
    made = os.path.join(WORK, "python")
    os.makedirs(made, exist_ok=True)
    protos = os.path.join(ROOT, "proto")
    build("protoc", "-I", protos, "--python_out=" + made,
          "runnel/v1/frame.proto", "runnel/v1/jobs.proto", cwd=protos)
    script = os.path.join(ROOT, "client/python/watch_job.py")
    return ([find_python(), script], clean_env(PYTHONPATH=made))


def prepare_go():
    program = os.path.join(WORK, "echo-go")
    if not shutil.which("go"):
        skip("go is not installed")
    build("go", "build", "-o", program, ".", cwd=os.path.join(HERE, "go"))
    return ([program, schema()], clean_env())


def prepare_java():
    jar = "/usr/share/java/protobuf.jar"
    if not shutil.which("java"):
        skip("java is not installed")
    if not os.path.exists(jar):
        jar = os.path.join(WORK, "protobuf-java-%s.jar" % PROTOBUF_JAVA)
    if not os.path.exists(jar):
        if not shutil.which("mvn"):
            skip("neither libprotobuf-java nor maven is installed")
        build("mvn", "-q", "-B", "dependency:copy", "-DoutputDirectory=" + WORK,
              "-Dartifact=com.google.protobuf:protobuf-java:" + PROTOBUF_JAVA)
    build("javac", "-cp", jar, "-d", WORK, os.path.join(HERE, "java/Echo.java"))
    return (["java", "-XX:TieredStopAtLevel=1", "-cp", jar + ":" + WORK,
             "Echo", schema()], clean_env())


def echo(command, address, data, chunk):
    if LANGUAGE == "python":
        return command + [data.decode(), address], b""
    return command + [address, str(chunk)], data


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core(BIN)

    @classmethod
    def tearDownClass(cls):
        assert cls.core.stop() == 0

    def test_what_goes_in_comes_out(self):
        command, env = PREPARED
        for size, chunk in SIZES:
            if LANGUAGE == "python" and size > 100000:
                continue  # The system's limit of one argument.
            with self.subTest(size=size, chunk=chunk):
                data = (b"0123456789abcdefghijklmnopqrstuvwxyz\n"
                        * (size // 37 + 1))[:size]
                argv, given = echo(command, self.core.address, data, chunk)
                done = subprocess.run(argv, input=given, capture_output=True,
                                      timeout=DEADLINE_S, env=env)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(done.stdout, data)

    @unittest.skipIf(LANGUAGE == "python", "nothing to say wrongly")
    def test_a_refusal_is_shown(self):
        command, env = PREPARED
        argv, given = echo(command, self.core.address, b"x", -1)
        done = subprocess.run(argv, input=given, capture_output=True,
                              timeout=DEADLINE_S, env=env)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"chunk_bytes", done.stderr)

    def test_the_page_is_a_page(self):
        """The Python client on one page has fewer than 60 lines."""
        with open(os.path.join(ROOT, "client/python/watch_job.py"),
                  encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 60)


if __name__ == "__main__":
    os.makedirs(WORK, exist_ok=True)
    PREPARED = {"python": prepare_python, "go": prepare_go,
                "java": prepare_java}[LANGUAGE]()
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
