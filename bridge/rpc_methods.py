#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of rpc_methods.h from the services of the schema.

    rpc_methods.py OUT PROTO...

Standard library only, since the build needs it: it reads the part of the
.proto language that proto/runnel/v1 uses, and stops at anything else that
looks like a method.
"""
import os
import re
import sys

METHOD = re.compile(
    r"rpc\s+(\w+)\s*\(\s*(stream\s+)?(\w+)\s*\)\s*returns\s*"
    r"\(\s*(stream\s+)?(\w+)\s*\)\s*(;|\{[^{}]*\})")
SERVICE = re.compile(r"^service\s+(\w+)\s*\{(.*?)^\}", re.M | re.S)
SAFE = re.compile(r"option\s+idempotency_level\s*=\s*NO_SIDE_EFFECTS\s*;")


def snake(name):
    """GetJobRequest as protoc-c spells it: get_job_request."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def descriptor(package, message):
    return "&%s__%s__descriptor" % (package.replace(".", "__"), snake(message))


def flag(value):
    return "true" if value else "false"


def methods(text):
    """The lines of the table of one file."""
    text = re.sub(r"//[^\n]*", "", text)
    package = re.search(r"^package\s+([\w.]+);", text, re.M)[1]
    for service, body in SERVICE.findall(text):
        found = METHOD.findall(body)
        if len(found) != len(re.findall(r"\brpc\b", body)):
            raise SystemExit("not understood: a method of " + service)
        for name, sends, request, streams, response, tail in found:
            yield '    {"%s.%s/%s", %s, %s, %s, %s, %s},' % (
                package, service, name, descriptor(package, request),
                descriptor(package, response), flag(sends), flag(streams),
                flag(SAFE.search(tail)))


def main(out, *protos):
    includes, lines = [], []
    for proto in sorted(protos):
        with open(proto, encoding="utf-8") as file:
            made = list(methods(file.read()))
        if made:
            name = os.path.basename(proto).removesuffix(".proto")
            includes.append("#include <runnel/v1/%s.pb-c.h>" % name)
            lines += made
    with open(out, "w", encoding="utf-8") as file:
        file.write("/* Made by rpc_methods.py. */\n"
                   '#include "rpc_methods.h"\n\n%s\n\n'
                   "const struct rnl_rpc_method rnl_rpc_methods[] = {\n%s\n"
                   "    {0},\n};\n" % ("\n".join(includes), "\n".join(lines)))


main(*sys.argv[1:])
