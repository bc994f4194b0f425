# SPDX-License-Identifier: Apache-2.0
"""sketches_go: Datadog's DDSketch of Go as a program."""
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# A first run fetches and compiles.
BUILD_DEADLINE_S = 300


def build(work):
    """Returns the program's path, in the directory work."""
    program = os.path.join(os.path.abspath(work), "sketches-go")
    os.makedirs(work, exist_ok=True)
    done = subprocess.run(
        ["go", "build", "-o", program, "."], capture_output=True, text=True,
        cwd=os.path.join(HERE, "sketches_go"), timeout=BUILD_DEADLINE_S)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return program
