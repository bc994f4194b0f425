#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openapi.json against the running bridge, by schemathesis with all checks,
and /metrics by the parser of Prometheus. Run by scripts/test openapi, in an
environment that has both.

    openapi_check.py BIN_DIR [options of "st run"]

Prints the seed; give it again with --seed.
"""
import os
import subprocess
import sys

import bridge_rig as rig
from bridge_rig import Bridge, Core, request

HERE = os.path.dirname(os.path.abspath(__file__))

# Answers of these do not end by themselves. The first token closes the server.
EXCLUDED = ["watchStats", "watchMany", "createToken"]


def check_metrics(bridge):
    from prometheus_client.parser import text_string_to_metric_families
    text = request(bridge, "GET", "/metrics").body.decode()
    families = list(text_string_to_metric_families(text))
    assert len(families) > 15, text
    for family in families:
        assert family.type in ("counter", "gauge"), family
        assert family.documentation, family


def schemathesis(bridge, options):
    st = os.path.join(os.path.dirname(sys.executable), "st")
    excluded = [part for name in EXCLUDED
                for part in ("--exclude-operation-id", name)]
    env = rig.clean_env(SCHEMATHESIS_HOOKS="schemathesis_hooks",
                        PYTHONPATH=HERE, PYTHONDONTWRITEBYTECODE="1")
    url = "http://" + bridge.address
    return subprocess.run(
        [st, "--config-file", os.path.join(HERE, "schemathesis.toml"), "run",
         url + "/openapi.json", "--url", url, "--checks", "all",
         "--max-examples", "30", "--request-timeout", "10", *excluded, *options],
        cwd=bridge.dir, env=env).returncode


def main():
    core = Core()
    bridge = Bridge(core).ready()
    try:
        check_metrics(bridge)
        status = schemathesis(bridge, sys.argv[2:])
    finally:
        bridge.stop()
        core.stop()
    sys.exit(status)


if __name__ == "__main__":
    main()
