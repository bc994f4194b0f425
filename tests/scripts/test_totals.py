# SPDX-License-Identifier: Apache-2.0
"""That scripts/test counts what happened: a check which cannot fail, or which
was not run, must not look like one that passed."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
TOOLS = ("bash", "date", "dirname", "git", "mkdir", "nproc", "rm", "sed",
         "tail", "touch")

JUNIT = """<testsuite>
<testcase name="a" status="run"/>
<testcase name="b" status="fail"><failure message=""/></testcase>
<testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
</testcase>
<testcase name="d" status="notrun"><skipped message="Unable to find"/></testcase>
<testcase name="e" status="disabled"/>
</testsuite>"""


def run(step, ci, tools=TOOLS, extra=""):
    """(exit code, last line) of one step with nothing but `tools` in PATH;
    `extra` is the shell text of a fake shellcheck."""
    with tempfile.TemporaryDirectory() as scratch:
        bin_dir = pathlib.Path(scratch) / "bin"
        bin_dir.mkdir()
        for tool in tools:
            (bin_dir / tool).symlink_to(shutil.which(tool))
        if extra:
            fake = bin_dir / "xargs"
            fake.write_text("#!%s\nwhile read -rd '' _; do :; done\n%s\n" %
                            (shutil.which("bash"), extra))
            fake.chmod(0o755)
            (bin_dir / "shellcheck").symlink_to(fake)
        env = {"PATH": str(bin_dir), "CI": ci,
               "HOME": os.environ.get("HOME", "/"), "RUNNEL_TEST_LOGS": scratch}
        done = subprocess.run([ROOT / "scripts/test", step], env=env, text=True,
                              capture_output=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1]


class Totals(unittest.TestCase):
    def test_a_test_that_could_not_be_run_counts_as_failed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(JUNIT)
            file.flush()
            done = subprocess.run(
                [ROOT / "scripts/lib/junit-totals", file.name],
                capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "1 2 2\n")

    def test_a_step_whose_tool_is_absent_is_skipped(self):
        self.assertEqual(run("shell", ci=""),
                         (0, "0 passed, 0 failed, 1 skipped"))

    def test_in_ci_a_skip_is_a_failure(self):
        self.assertEqual(run("shell", ci="true"),
                         (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_step_that_fails_fails_the_whole(self):
        self.assertEqual(run("shell", ci="", extra="exit 1"),
                         (1, "0 passed, 1 failed, 0 skipped"))
        self.assertEqual(run("shell", ci="", extra="exit 0"),
                         (0, "1 passed, 0 failed, 0 skipped"))

    def test_every_step_is_in_a_lane(self):
        text = (ROOT / "scripts/test").read_text()
        steps = re.findall(r"^step_(\w+)\(\)", text, re.M)
        listed = subprocess.run([ROOT / "scripts/test", "--list"], text=True,
                                capture_output=True, check=True).stdout
        self.assertEqual(sorted(steps), sorted(
            line.split()[0] for line in listed.splitlines()))


if __name__ == "__main__":
    unittest.main()
