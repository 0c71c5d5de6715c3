# SPDX-License-Identifier: Apache-2.0
"""Schemas change under a running system: what tests/lint/versions.py lets through can be read in
both directions by an implementation of its own (fastavro), and what it must not let through, it
names. The schemas of each case are a copy of the real ones, released as 0.0.1 and then changed."""

import copy
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import fastavro
import fastavro.utils

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from avro import composed, fingerprint, unreadable  # noqa: E402
from stack import SOURCE_DIR  # noqa: E402

TOOL = SOURCE_DIR / "tests/lint/versions.py"
PATHWAYS = sorted(path.parent.name for path in SOURCE_DIR.glob("schemas/pathways/*/referral.avsc"))


def read_as(reader, writer, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(writer)), value)
    out.seek(0)
    schemas = [fastavro.parse_schema(copy.deepcopy(schema)) for schema in (writer, reader)]
    return fastavro.schemaless_reader(out, *schemas)


class Folder:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="referral-schemas-"))
        shutil.copytree(SOURCE_DIR / "schemas", self.dir / "schemas")
        self.schemas = self.dir / "schemas"

    def __enter__(self):
        self.run("--release", "0.0.1")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def run(self, *arguments):
        done = subprocess.run(
            [sys.executable, str(TOOL), "--schemas", str(self.schemas), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        return done.returncode, done.stdout

    def change(self, name, change):
        path = self.schemas / name
        schema = json.loads(path.read_text())
        change(schema)
        path.write_text(json.dumps(schema))


def add(field):
    return lambda schema: schema["fields"].append(field)


def drop(name):
    def change(schema):
        schema["fields"] = [field for field in schema["fields"] if field["name"] != name]

    return change


def retype(name, kind):
    def change(schema):
        next(field for field in schema["fields"] if field["name"] == name)["type"] = kind

    return change


class Versions(unittest.TestCase):
    def test_the_repository_s_own_are_well(self):
        done = subprocess.run(
            [sys.executable, str(TOOL)], stdout=subprocess.PIPE, text=True, timeout=180
        )
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(len(PATHWAYS), 10)
        for pathway in PATHWAYS:
            folder = SOURCE_DIR / "schemas/pathways" / pathway / "versions"
            mark = fingerprint(composed(SOURCE_DIR / "schemas", pathway))
            self.assertTrue((folder / f"Referral.{mark}.avsc").exists(), pathway)

    def test_a_change_that_both_releases_can_live_with_needs_only_its_version_kept(self):
        new = {"name": "triage_note", "type": "string", "default": "", "maxLength": 100}
        with Folder() as folder:
            for name in ("envelope.avsc", "volume.avsc", "delivery.avsc"):
                before = json.loads((folder.schemas / name).read_text())
                folder.change(name, add(new))
                after = json.loads((folder.schemas / name).read_text())
                for value in fastavro.utils.generate_many(copy.deepcopy(before), 20):
                    same = read_as(before, before, value)
                    self.assertEqual(
                        read_as(after, before, value), {**same, "triage_note": ""}
                    )
                for value in fastavro.utils.generate_many(copy.deepcopy(after), 20):
                    read_as(before, after, value)
            code, said = folder.run()
            self.assertEqual(code, 1)
            self.assertEqual(said.count("as it is today"), 12, said)  # ten and two
            self.assertNotIn("can't read", said)
            self.assertEqual(folder.run("--keep"), (0, ""))
            self.assertEqual(folder.run(), (0, ""))

    def test_a_version_that_was_never_released_is_replaced_and_a_released_one_stays(self):
        with Folder() as folder:
            for name in ("first_try", "second_try"):
                folder.change("volume.avsc", drop("first_try"))
                folder.change("volume.avsc", add({"name": name, "type": "int", "default": 0}))
                self.assertEqual(folder.run("--keep"), (0, ""))
            rows = (folder.schemas / "versions/list.tsv").read_text().splitlines()
            releases = [row.split("\t")[1] for row in rows if row.endswith(".Volume")]
            self.assertEqual(releases, ["0.0.1", "unreleased"])
            self.assertEqual(folder.run("--release", "0.0.2"), (0, ""))
            self.assertEqual(len(list((folder.schemas / "versions").glob("Volume.*.avsc"))), 2)

    def test_what_one_of_two_releases_could_not_read_is_a_finding(self):
        cases = {
            "no default": ("volume.avsc", add({"name": "x", "type": "int"}), "no default"),
            "field gone": ("volume.avsc", drop("stage"), "0.0.1 can't read"),
            "other type": ("event.avsc", retype("recorded_at", "string"), "was written"),
            "wider, and no way back": ("delivery.avsc", retype("attempts", "long"), "int is read"),
            "in the envelope": ("envelope.avsc", drop("pathway"), "/pathway"),
            "in the details": (
                "pathways/msk/referral.avsc",
                add({"name": "x", "type": "int"}),
                "/details/x",
            ),
        }
        for what, (name, change, expected) in cases.items():
            with self.subTest(what), Folder() as folder:
                folder.change(name, change)
                code, said = folder.run("--keep")
                self.assertEqual(code, 1)
                self.assertIn(expected, said)
                self.assertIn("0.0.1", said)

    def test_a_lost_or_altered_version_is_a_finding(self):
        with Folder() as folder:
            (one,) = (folder.schemas / "pathways/falls/versions").glob("*.avsc")
            one.unlink()
            self.assertIn("is gone", folder.run()[1])
        with Folder() as folder:
            (one,) = (folder.schemas / "versions").glob("Volume.*.avsc")
            folder.change(one.relative_to(folder.schemas), drop("stage"))
            self.assertIn("another schema than its name says", folder.run()[1])
        with Folder() as folder:
            (one,) = (folder.schemas / "versions").glob("Volume.*.avsc")
            shutil.copy(one, one.with_name("Volume.0.avsc"))
            self.assertIn("not in list.tsv", folder.run()[1])

    def test_the_judge_agrees_with_fastavro_about_enums_and_unions(self):
        def record(kind):
            return {"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]}

        def enum(*symbols):
            return {"type": "enum", "name": "E", "symbols": list(symbols)}

        kinds = [
            "int",
            "long",
            "double",
            "string",
            "boolean",
            ["null", "int"],
            ["null", "string"],
            enum("A"),
            enum("B", "A"),
            {"type": "array", "items": "int"},
            {"type": "array", "items": "long"},
            {"type": "fixed", "name": "F", "size": 3},
        ]
        for writer in map(record, kinds):
            for reader in map(record, kinds):
                fails = None
                for value in fastavro.utils.generate_many(copy.deepcopy(writer), 30):
                    try:
                        read_as(reader, writer, value)
                    except (fastavro.read.SchemaResolutionError, ValueError, TypeError) as error:
                        fails = error
                judged = unreadable(reader, writer)
                self.assertEqual(fails is None, judged is None, f"{writer} {reader} {fails}")


if __name__ == "__main__":
    unittest.main()
