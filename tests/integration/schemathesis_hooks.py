# SPDX-License-Identifier: Apache-2.0
"""Media types that schemathesis does not know, and jobs that end soon."""
import json
import re
from datetime import datetime

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
    """The answers that last as long as a job does would be awaited, so no job
    is left to wait: for a worker, for its time, or between two pieces. What is
    not valid stays as it is: it must be refused."""
    if not isinstance(body, dict) or not is_kind(body.get("kind")):
        return body
    body = dict(body, kind="echo")
    if is_time(body.get("notBefore")):
        del body["notBefore"]
    if isinstance(body.get("options"), dict):
        body["options"] = {name: value for name, value
                           in body["options"].items()
                           if name != "pace_ms" or not isinstance(value, str)}
    return body


def is_kind(value):
    return isinstance(value, str) and re.fullmatch("[a-z0-9._-]{1,64}", value)


def is_time(value):
    """Any way to write a time that the bridge takes."""
    try:
        return isinstance(value, str) and "T" in value and \
            bool(datetime.fromisoformat(re.sub(r"\.[0-9]+", "", value)))
    except ValueError:
        return False
