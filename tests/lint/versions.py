#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every schema that a release has written with can still be read, and reads what is written today.

Beside the schemas lie versions/ folders: a whole schema per file, named by what it is and its
CRC-64-AVRO fingerprint, and list.tsv (fingerprint, release, full name). Findings, a line each:

  - a schema of today is not among its versions:     --keep adds it, as `unreleased`
  - a version's file is gone, or is another schema than its name says
  - a schema of today and a released version can't read each other (FULL_TRANSITIVE)

  versions.py [--schemas DIR] [--pathway NAME] [--keep | --release X.Y.Z]

--keep also removes unreleased versions that are no longer today's; --release does so too, and gives
the unreleased ones their release, for good. Both do it to all folders, or to that of one pathway.
This shares no code with the services that it judges.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from avro import composed, fingerprint, full_name, unreadable  # noqa: E402

UNRELEASED = "unreleased"


class Folder:
    """One versions/ folder and the schemas of today that belong to it."""

    def __init__(self, path, schemas):
        self.path = path
        self.today = {full_name(schema): schema for schema in schemas}
        self.rows = []  # [fingerprint, release, full name]
        if self.list_path.exists():
            self.rows = [
                line.split("\t") for line in self.list_path.read_text().splitlines() if line
            ]

    @property
    def list_path(self):
        return self.path / "list.tsv"

    def file_of(self, row):
        return self.path / f"{row[2].rsplit('.', 1)[-1]}.{row[0]}.avsc"

    def findings(self):
        texts, known = {}, set()
        for row in self.rows:
            if len(row) != 3:
                yield self.list_path, "expected fingerprint, release and full name in each line"
                continue
            path = self.file_of(row)
            known.add(path)
            if not path.exists():
                yield path, f"is gone: what release {row[1]} wrote could not be read any more"
                continue
            schema = json.loads(path.read_text())
            if fingerprint(schema) != row[0] or full_name(schema) != row[2]:
                yield path, "is another schema than its name says; a version never changes"
                continue
            texts[tuple(row)] = schema
        for path in sorted(self.path.glob("*.avsc")) if self.path.exists() else []:
            if path not in known:
                yield path, "is not in list.tsv: add it with tests/lint/versions.py --keep"
        for name, schema in self.today.items():
            if not any(row[0] == fingerprint(schema) for row in self.rows):
                yield self.path, f"lacks {name} as it is today: tests/lint/versions.py --keep"
            for row, version in texts.items():
                if row[2] != name or row[1] == UNRELEASED:
                    continue
                for reader, writer, what in (
                    (schema, version, f"today's can't read what {row[1]} wrote"),
                    (version, schema, f"{row[1]} can't read what is written today"),
                ):
                    why = unreadable(reader, writer)
                    if why:
                        yield self.file_of(row), f"{what}: {why}"

    def keep(self):
        todays = {fingerprint(schema): schema for schema in self.today.values()}
        for row in [row for row in self.rows if row[1] == UNRELEASED and row[0] not in todays]:
            self.file_of(row).unlink(missing_ok=True)
            self.rows.remove(row)
        for mark, schema in todays.items():
            if not any(row[0] == mark for row in self.rows):
                row = [mark, UNRELEASED, full_name(schema)]
                self.rows.append(row)
                self.path.mkdir(exist_ok=True)
                text = json.dumps(schema, indent=1, ensure_ascii=False)
                self.file_of(row).write_text(text + "\n")
        self.write()

    def release(self, name):
        for row in self.rows:
            if row[1] == UNRELEASED:
                row[1] = name
        self.write()

    def write(self):
        rows = sorted(self.rows, key=lambda row: (row[2], row[1], row[0]))
        self.list_path.write_text("".join("\t".join(row) + "\n" for row in rows))


def folders(schemas):
    messages = [path for path in sorted(schemas.glob("*.avsc")) if path.stem != "envelope"]
    yield Folder(schemas / "versions", [json.loads(path.read_text()) for path in messages])
    for details in sorted(schemas.glob("pathways/*/referral.avsc")):
        yield Folder(details.parent / "versions", [composed(schemas, details.parent.name)])


def main():
    parser = argparse.ArgumentParser()
    source = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--schemas", type=pathlib.Path, default=source / "schemas")
    parser.add_argument("--pathway", metavar="NAME")
    verb = parser.add_mutually_exclusive_group()
    verb.add_argument("--keep", action="store_true")
    verb.add_argument("--release", metavar="X.Y.Z")
    given = parser.parse_args()
    count = 0
    for folder in folders(given.schemas):
        chosen = not given.pathway or folder.path.parent.name == given.pathway
        if chosen and (given.keep or given.release):
            folder.keep()
        if chosen and given.release:
            folder.release(given.release)
        for path, what in folder.findings():
            print(f"{path}: {what}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
