#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completes openapi.json by the schemas of all messages.

    openapi_schemas.py VERSION openapi.json OUT PROTO...

What a message is comes from the .proto files, comments and all, so that it is
said once; what only prose says there (limits, required fields) is in
openapi.json under components.schemas and laid over it. Standard library only,
since the build needs it: it reads the part of the .proto language that
proto/runnel/v1 uses, and stops at anything else.
"""
import json
import re
import sys

INTEGERS = {
    "int32": (-2**31, 2**31 - 1), "uint32": (0, 2**32 - 1),
    "fixed32": (0, 2**32 - 1), "int64": (-2**63, 2**63 - 1),
    "uint64": (0, 2**64 - 1), "fixed64": (0, 2**64 - 1),
}
WELL_KNOWN = {
    "google.protobuf.Timestamp": {
        "type": "string", "format": "date-time",
        "examples": ["2026-01-31T12:00:00Z"]},
    "google.protobuf.Duration": {
        "type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$",
        "description": "Seconds with an s.", "examples": ["1.5s"]},
}
NO_NUL = {"pattern": "^[^\\u0000]*$"}


class Message:
    def __init__(self, comment):
        self.comment = comment
        self.fields = []  # (name, type, label, comment)
        self.oneofs = []  # lists of names


class Enum:
    def __init__(self, comment):
        self.comment = comment
        self.values = {}  # numbers by name


def parse(text):
    """Messages and enums of one file by name."""
    found, comment, inside, oneof = {}, [], None, None
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("//"):
            if not line.startswith("// buf:lint"):
                comment.append(line[2:].strip())
            continue
        said, comment = " ".join(comment), []
        if match := re.match(r"(message|enum) (\w+) \{(\}?)$", line):
            kind = Message if match[1] == "message" else Enum
            found[match[2]] = made = kind(said)
            inside = None if match[3] else made
        elif match := re.match(r"oneof \w+ \{$", line):
            oneof = []
            inside.oneofs.append(oneof)
        elif line == "}":
            if oneof is not None:
                oneof = None
            else:
                inside = None
        elif isinstance(inside, Enum):
            found_value = re.match(r"(\w+) = (\d+);$", line)
            inside.values[found_value[1]] = int(found_value[2])
        elif isinstance(inside, Message) and line:
            name = take_field(inside, line, said)
            if oneof is not None:
                oneof.append(name)
        elif inside is None and line:
            known = r"(syntax|package|import|service|rpc|option)\b|\}$"
            if not re.match(known, line):
                raise SystemExit("not understood: " + line)
    return found


def take_field(message, line, comment):
    match = re.match(r"(repeated )?(map<string, )?([\w.]+)>? (\w+) = \d+;$",
                     line)
    if not match:
        raise SystemExit("not understood: " + line)
    label = "repeated" if match[1] else "map" if match[2] else ""
    message.fields.append((match[4], match[3], label, comment))
    return match[4]


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def nullable(schema):
    """null is read as "not given"."""
    kind = schema.get("type")
    if kind is None:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = [kind] if isinstance(kind, str) else kind
    return dict(schema, type=[*kinds, "null"])


class Writer:
    """Makes the schemas. Those that requests hold say all that is read;
    answers hold what is written, a part of it."""

    def __init__(self, types, request_names):
        self.types = types
        self.requests = set()
        for name in request_names:
            self.reach(name)

    def reach(self, name):
        if name in self.requests or not isinstance(self.types.get(name),
                                                   Message):
            return
        self.requests.add(name)
        for _, kind, _, _ in self.types[name].fields:
            self.reach(kind)

    def scalar(self, kind, is_read):
        if kind in INTEGERS:
            low, high = INTEGERS[kind]
            digits = {"pattern": "^-?[0-9]+$" if low else "^[0-9]+$"}
            if kind.endswith("64") and not is_read:
                return {"type": "string", **digits, "format": kind}
            # Libraries whose integers have 64 bits with a sign read no more.
            limits = {"minimum": low, "maximum": min(high, 2**63 - 1)}
            if is_read:
                return {"type": ["integer", "string"], **limits, **digits}
            return {"type": "integer", **limits}
        if kind in ("double", "float"):
            return {"type": ["number", "string"],
                    "pattern": "^(NaN|-?Infinity)$"}
        if kind == "bool":
            return {"type": "boolean"}
        if kind == "bytes":
            return {"type": "string", "contentEncoding": "base64"}
        if kind == "string":
            # U+0000 is refused; no pattern says that of what is written.
            return {"type": "string", **(NO_NUL if is_read else {})}
        if kind in WELL_KNOWN:
            return WELL_KNOWN[kind]
        if kind not in self.types:
            raise SystemExit("no such type: " + kind)
        return {"$ref": "#/components/schemas/" + kind}

    def field(self, kind, label, comment, is_read):
        schema = self.scalar(kind, is_read)
        if label == "repeated":
            schema = {"type": "array", "items": schema}
        elif label == "map":
            schema = {"type": "object", "additionalProperties": schema,
                      **({"propertyNames": NO_NUL} if is_read else {})}
        if is_read:
            schema = nullable(schema)
        if comment:
            schema = dict(schema, description=comment)
        return schema

    def message(self, name):
        message = self.types[name]
        is_read = name in self.requests
        out = {"type": "object"}
        if message.comment:
            out["description"] = message.comment
        if is_read:
            out["additionalProperties"] = False
        out["properties"] = {
            camel(field): self.field(kind, label, comment, is_read)
            for field, kind, label, comment in message.fields}
        pairs = [[camel(a), camel(b)] for names in message.oneofs
                 for i, a in enumerate(names) for b in names[i + 1:]]
        if pairs:
            out["not"] = {"anyOf": [{"required": pair} for pair in pairs]}
        return out

    def schema(self, name):
        if isinstance(self.types[name], Message):
            return self.message(name)
        values = self.types[name].values
        return {"type": ["string", "integer"],
                "description": self.types[name].comment,
                "enum": [*values, *values.values()]}


def lay_over(base, more):
    """Members of more win; objects are joined; null takes away."""
    for key, value in more.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            lay_over(base[key], value)
        else:
            base[key] = value


def references(node):
    """Names of the schemas that a piece of the document refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def request_messages(document):
    bodies = [operation.get("requestBody")
              for path in document["paths"].values()
              for operation in path.values() if isinstance(operation, dict)]
    return set(references(bodies))


def main(version, source, out, *protos):
    with open(source, encoding="utf-8") as file:
        document = json.load(file)
    document["info"]["version"] = version
    types = {}
    for path in protos:
        with open(path, encoding="utf-8") as file:
            types.update(parse(file.read()))
    schemas = document["components"]["schemas"]
    writer = Writer(types, request_messages(document))
    wanted, todo = {}, set(references(document["paths"]))
    todo |= set(references(schemas)) | set(references(
        document["components"]["responses"]))
    while todo:
        name = todo.pop()
        if name in types and name not in wanted:
            wanted[name] = writer.schema(name)
            todo |= set(references(wanted[name]))
    lay_over(wanted, schemas)
    document["components"]["schemas"] = dict(sorted(wanted.items()))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
