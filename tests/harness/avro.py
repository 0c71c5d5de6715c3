# SPDX-License-Identifier: Apache-2.0
"""Avro as its specification says it, over fastavro and none of our C code: how a pathway's schema
is composed, fingerprints, and whether one schema reads what another has written."""

import copy
import json
import pathlib
import subprocess
import sys

import fastavro

EMPTY = 0xC15D213AA4D7A795
WIDER = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def _table():
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ (EMPTY & -(value & 1))
        table.append(value)
    return table


_TABLE = _table()


def fingerprint_number(schema):
    """CRC-64-AVRO of the parsing canonical form."""
    value = EMPTY
    for byte in fastavro.schema.to_parsing_canonical_form(copy.deepcopy(schema)).encode():
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def fingerprint(schema):
    return f"{fingerprint_number(schema):016x}"


def full_name(schema):
    name, space = schema["name"], schema.get("namespace", "")
    return name if "." in name or not space else f"{space}.{name}"


def composed(schemas, pathway):
    """The envelope with the pathway's name space and details."""
    folder = pathlib.Path(schemas)
    envelope = json.loads((folder / "envelope.avsc").read_text())
    details = json.loads((folder / "pathways" / pathway / "referral.avsc").read_text())
    envelope["namespace"] = "uk.nhs.kentandmedway.referrals." + pathway.replace("-", "_")
    envelope["fields"].append({"name": "details", "type": details})
    return envelope


def with_defaults(node, value):
    """A value in JSON's form as a writer would put it: what it leaves out filled in."""
    if isinstance(node, list):
        return (
            None if value is None else with_defaults(next(n for n in node if n != "null"), value)
        )
    if isinstance(node, dict) and node.get("type") == "record":
        value = value or {}
        return {
            f["name"]: with_defaults(f["type"], value.get(f["name"], f.get("default")))
            for f in node["fields"]
        }
    if isinstance(node, dict) and node.get("type") == "array":
        return [with_defaults(node["items"], item) for item in value or []]
    return value


def unreadable(reader, writer):
    """None if `reader` reads all that `writer` can write, else why not: Avro 1.11, "Schema
    Resolution"."""
    return _Match(_resolved(reader), _resolved(writer)).why()


def _resolved(schema):
    """Names defined and references spelt out."""
    named = {}

    def walk(node, space):
        if isinstance(node, str):
            full = node if "." in node or not space else f"{space}.{node}"
            return named.get(full, named.get(node, node))
        if isinstance(node, list):
            return [walk(one, space) for one in node]
        kind = node["type"]
        if kind in ("record", "enum", "fixed"):
            node = dict(node)
            space = node.get("namespace", space)
            full = node["name"] if "." in node["name"] else f"{space}.{node['name']}".lstrip(".")
            space = full.rpartition(".")[0]
            node["name"] = full
            named[full] = node
            if kind == "record":
                node["fields"] = [
                    {**field, "type": walk(field["type"], space)} for field in node["fields"]
                ]
            return node
        if kind == "array":
            return {**node, "items": walk(node["items"], space)}
        if kind == "map":
            return {**node, "values": walk(node["values"], space)}
        return walk(kind, space)

    return walk(schema, "")


class _Match:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def why(self):
        return self._why(self.reader, self.writer, "")

    def _why(self, reader, writer, at):
        if isinstance(writer, list):
            for branch in writer:
                why = self._why(reader, branch, at)
                if why:
                    return why
            return None
        if isinstance(reader, list):
            if any(self._why(branch, writer, at) is None for branch in reader):
                return None
            return f"{at or '/'}: no branch of the reader's union takes {_kind(writer)}"
        kind, wrote = _kind(reader), _kind(writer)
        if kind != wrote:
            if kind in WIDER.get(wrote, ()):
                return None
            return f"{at or '/'}: {wrote} was written, {kind} is read"
        if kind in ("record", "enum", "fixed"):
            short = [name["name"].rpartition(".")[2] for name in (reader, writer)]
            if short[0] != short[1]:
                return f"{at or '/'}: {writer['name']} was written, {reader['name']} is read"
        if kind == "record":
            return self._why_record(reader, writer, at)
        if kind == "enum":
            lost = set(writer["symbols"]) - set(reader["symbols"])
            if lost and "default" not in reader:
                return f"{at or '/'}: the reader does not know {', '.join(sorted(lost))}"
        if kind == "fixed" and reader["size"] != writer["size"]:
            return f"{at or '/'}: another size"
        if kind == "array":
            return self._why(reader["items"], writer["items"], f"{at}/items")
        if kind == "map":
            return self._why(reader["values"], writer["values"], f"{at}/values")
        return None

    def _why_record(self, reader, writer, at):
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            here = f"{at}/{field['name']}"
            if field["name"] not in written:
                if "default" not in field:
                    return f"{here}: was not written, and has no default"
                continue
            why = self._why(field["type"], written[field["name"]]["type"], here)
            if why:
                return why
        return None


def _kind(schema):
    return schema if isinstance(schema, str) else schema["type"]


def filled(schema, value):
    """A value for a writer: absent fields get their defaults, unions lose nothing."""
    if isinstance(schema, list):
        return (
            None
            if value is None
            else filled(next(branch for branch in schema if branch != "null"), value)
        )
    if isinstance(schema, dict) and schema.get("type") == "record":
        value = value or {}
        return {
            field["name"]: filled(field["type"], value.get(field["name"], field.get("default")))
            for field in schema["fields"]
        }
    if isinstance(schema, dict) and schema.get("type") == "array":
        return [filled(schema["items"], item) for item in value or []]
    return value


def keep_versions(schemas, *arguments):
    """tests/lint/versions.py on a schemas folder: --keep, or the arguments."""
    judge = pathlib.Path(__file__).resolve().parents[1] / "lint" / "versions.py"
    command = [sys.executable, judge, "--schemas", schemas, *(arguments or ["--keep"])]
    subprocess.run(command, check=True, timeout=180)
