#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs librunnel into a private prefix, moves that prefix, and builds and
runs programs against it as a stranger would: pkg-config and CMake, shared and
static.

    test_package.py BUILD_DIR SOURCE_DIR CC [unittest arguments]
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from core import DEADLINE_S, Core, clean_env  # noqa: E402

BUILD, SOURCE, CC = sys.argv[1:4]
BIN = os.path.join(BUILD, "bin")
HEADERS = ["admin.h", "call.h", "client.h", "errors.def", "ingest.h", "job.h",
           "runnel.h", "stats.h", "status.h", "token.h", "worker.h"]


def run(*command, env=None):
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=120, env=env or clean_env())
    if done.returncode != 0:
        raise AssertionError("%s: %s%s" % (" ".join(command), done.stdout,
                                           done.stderr))
    return done.stdout


def declared():
    """The functions that the installed headers mark RNL_API."""
    names = set()
    for header in glob.glob(os.path.join(Package.include, "*.h")):
        with open(header, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/|#.*?(?<!\\)\n", "", file.read(),
                          flags=re.S)
        for rest in text.split("RNL_API")[1:]:
            names.add(re.search(r"\b(rnl_\w+)\(", rest).group(1))
    return names


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="runnel-package-")
        first = os.path.join(cls.top, "built-for")
        for component in ("librunnel", "librunnel-dev"):
            run("cmake", "--install", BUILD, "--prefix", first,
                "--component", component)
        # Nothing in it may remember where it was put first.
        cls.prefix = os.path.join(cls.top, "moved to")
        os.rename(first, cls.prefix)
        pc = glob.glob(cls.prefix + "/lib*/**/runnel.pc", recursive=True)[0]
        cls.lib = os.path.dirname(os.path.dirname(pc))
        Package.include = os.path.join(cls.prefix, "include/runnel")
        # A space in the prefix is more than pkg-config's callers can take.
        link = os.path.join(cls.top, "prefix")
        os.symlink(cls.prefix, link)
        lib = os.path.join(link, os.path.relpath(cls.lib, cls.prefix))
        cls.env = clean_env(PKG_CONFIG_PATH=os.path.join(lib, "pkgconfig"))
        cls.run_env = clean_env(LD_LIBRARY_PATH=lib)
        cls.core = Core(BIN)

    @classmethod
    def tearDownClass(cls):
        status = cls.core.stop()
        shutil.rmtree(cls.top)
        assert status == 0

    def pkg_config(self, *args):
        return run("pkg-config", *args, "runnel", env=self.env).split()

    def program(self, name):
        return os.path.join(self.top, name)

    def check_program(self, program, shared):
        needed = run("readelf", "-d", program)
        self.assertEqual("librunnel.so.0.1" in needed, shared)
        done = run(program, "package\n", self.core.address, env=self.run_env)
        self.assertEqual(done, "package\n")

    def test_installed_files(self):
        found = set()
        for directory, _, files in os.walk(self.prefix):
            for file in files:
                found.add(os.path.relpath(os.path.join(directory, file),
                                          self.prefix))
        lib = os.path.relpath(self.lib, self.prefix)
        wanted = {"include/runnel/" + header for header in HEADERS}
        wanted |= {"%s/%s" % (lib, file) for file in (
            "librunnel.a", "librunnel.so", "librunnel.so.0.1",
            "librunnel.so.0.1.0", "pkgconfig/runnel.pc",
            "cmake/runnel/runnel-config.cmake",
            "cmake/runnel/runnel-config-version.cmake",
            "cmake/runnel/runnel-targets.cmake")}
        found = {file for file in found
                 if not re.search(r"runnel-targets-\w+\.cmake$", file)}
        self.assertEqual(found, wanted)

    def test_symbols(self):
        """The shared library gives what the headers declare, and no more."""
        path = os.path.join(self.lib, "librunnel.so")
        lines = run("nm", "-D", "--defined-only", path).splitlines()
        self.assertEqual({line.split()[2] for line in lines}, declared())
        self.assertIn("Library soname: [librunnel.so.0.1]",
                      run("readelf", "-d", path))

    def test_static_symbols(self):
        """What librunnel.a defines does not get into a program's way."""
        path = os.path.join(self.lib, "librunnel.a")
        names = re.findall(r" [A-TV-Z] (\S+)",
                           run("nm", "--defined-only", path))
        strange = [name for name in names if not re.match(
            r"rnl_|runnel__v1__|google__protobuf__(timestamp|duration)__",
            name)]
        self.assertEqual(strange, [])

    def test_version(self):
        self.assertEqual(self.pkg_config("--modversion"), ["0.1.0"])

    def compile(self, name, *flags):
        program = self.program(name)
        run(CC, "-std=c11", "-Wall", "-Werror", "-o", program,
            os.path.join(SOURCE, "examples/watch_job.c"), *flags)
        return program

    def test_pkg_config_shared(self):
        program = self.compile("pc_shared",
                               *self.pkg_config("--cflags", "--libs"))
        self.check_program(program, shared=True)

    def test_pkg_config_static(self):
        libs = self.pkg_config("--static", "--libs")
        at = libs.index("-lrunnel")
        libs[at:at + 1] = ["-Wl,-Bstatic", "-lrunnel", "-Wl,-Bdynamic"]
        program = self.compile("pc_static", *self.pkg_config("--cflags"),
                               *libs)
        self.check_program(program, shared=False)

    def build_examples(self, name, target):
        build = self.program(name)
        run("cmake", "-S", os.path.join(SOURCE, "examples"), "-B", build,
            "-DCMAKE_C_COMPILER=" + CC, "-DCMAKE_PREFIX_PATH=" + self.prefix,
            "-DCMAKE_C_FLAGS=-Wall -Werror", "-DRUNNEL_TARGET=" + target)
        run("cmake", "--build", build)
        return os.path.join(build, "example-watch_job")

    def test_cmake_shared(self):
        program = self.build_examples("cmake_shared", "runnel::runnel")
        self.check_program(program, shared=True)

    def test_cmake_static(self):
        program = self.build_examples("cmake_static", "runnel::static")
        self.check_program(program, shared=False)

    def test_cmake_version(self):
        """0.1 will do for who asks for 0.1; 0.2 and 1.0 are another API."""
        for version, found in (("0.1", True), ("0.2", False), ("1.0", False)):
            project = self.program("asks_for_" + version)
            os.mkdir(project)
            with open(os.path.join(project, "CMakeLists.txt"), "w",
                      encoding="utf-8") as file:
                file.write("cmake_minimum_required(VERSION 3.16)\n"
                           "project(ask LANGUAGES NONE)\n"
                           "find_package(runnel %s QUIET)\n"
                           "message(\"found ${runnel_FOUND}\")\n" % version)
            done = subprocess.run(
                ["cmake", "-S", project, "-B", project + "/build",
                 "-DCMAKE_PREFIX_PATH=" + self.prefix],
                capture_output=True, text=True, timeout=DEADLINE_S)
            self.assertIn("found %d" % found, done.stderr)

    def test_headers_as_cpp(self):
        source = self.program("cpp.cc")
        with open(source, "w", encoding="utf-8") as file:
            file.write('#include <runnel/runnel.h>\n'
                       'int main() {\n'
                       '  rnl_client_options options = '
                       'RNL_OPTIONS_INIT(options);\n'
                       '  rnl_client *client;\n'
                       '  if (rnl_client_create(&options, &client) != RNL_OK)'
                       ' return 1;\n'
                       '  rnl_client_destroy(client);\n'
                       '}\n')
        program = self.program("cpp")
        run("c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-o", program,
            source, *self.pkg_config("--cflags", "--libs"))
        run(program, env=self.run_env)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
