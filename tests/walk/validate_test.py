# SPDX-License-Identifier: Apache-2.0
"""A clinician's slip in pathway.json is found by the JSON Schema in the editor and by referralctl
on the command line, with file, line, pointer, what was found and what was expected; and each level
of `validate` looks at what it says it looks at."""

import base64
import copy
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import area  # noqa: E402
import yaml  # noqa: E402
from avro import keep_versions  # noqa: E402
from stack import BIN_DIR, SOURCE_DIR, Stack, free_port, wait_until  # noqa: E402

SCHEMAS = SOURCE_DIR / "schemas"
CHECK = pathlib.Path(sys.executable).parent / "check-jsonschema"
GONE = object()

# What both refuse: (pointer to change, new value). The pointer is where referralctl sees the fault.
SLIPS = [
    *(
        (f"/{name}", GONE)
        for name in (
            "name title version clinical_owner enabled provider_kind deadline_minutes "
            "outcome_minutes retry sources services rules"
        ).split()
    ),
    ("/colour", "blue"),
    ("/name", "Falls"),
    ("/title", ""),
    ("/title", "t" * 121),
    ("/version", 1),
    ("/version", "1" * 32),
    ("/clinical_owner", ""),
    ("/notes", "a note"),
    ("/notes/0", 7),
    ("/enabled", True),
    ("/enabled", "2026-01-01"),
    ("/enabled/from", "1 January 2026"),
    ("/enabled/from", "2026-02-29"),
    ("/enabled/until", 2026),
    ("/enabled/to", "2026-01-01"),
    ("/provider_kind", "Dentist!"),
    ("/deadline_minutes", 0),
    ("/deadline_minutes", "soon"),
    ("/deadline_minutes", 600000),
    ("/outcome_minutes", -1),
    ("/distance_most_km", -1),
    ("/distance_most_km", 1001),
    ("/retry/first_seconds", GONE),
    ("/retry/first_seconds", 0),
    ("/retry/most_seconds", "long"),
    ("/retry/jitter", 1),
    ("/sources", []),
    ("/sources", "self"),
    ("/sources/0", 5),
    ("/services", []),
    ("/services/0/service", GONE),
    ("/services/0/service", "Falls service"),
    ("/services/0/title", GONE),
    ("/services/0/when", GONE),
    ("/services/0/deadline_minutes", 0),
    ("/services/0/price", 3),
    ("/no_distance_selling", "yes"),
    ("/rules", {}),
    ("/rules/2/id", GONE),
    ("/rules/2/id", "Under age"),
    ("/rules/2/when", GONE),
    ("/rules/2/then", GONE),
    ("/rules/2/then", "refuse"),
    ("/rules/2/words", GONE),
    ("/rules/2/words", "w" * 601),
    ("/rules/2/reason", GONE),
    ("/rules/2/service", "falls"),
    ("/rules/2/urgent", "yes"),
    ("/rules/2/from", "tomorrow"),
    ("/rules/2/until", "2026-13-01"),
    ("/rules/2/because", "it is so"),
    ("/rules/2/when", False),
    ("/rules/2/when", {}),
    ("/rules/2/when", "always"),
    ("/rules/2/when/not/range", GONE),
    ("/rules/2/when/not/range", {}),
    ("/rules/2/when/not/range/from", 3),
    ("/rules/2/when/not/range/least", "old"),
    ("/rules/2/when/not/field", 3),
    ("/rules/2/when/not/field", "Age Years"),
    ("/rules/2/when/not/equals", 65),
    ("/rules/3/when/not/any_of", []),
    ("/rules/3/when/not/any_of", "anything"),
    ("/rules/3/when/not/any_of/1/equals", None),
    ("/rules/0/when/present", "yes"),
    ("/rules/0/when", {"field": "source.kind", "one_of": []}),
    ("/rules/0/when", {"field": "source.kind", "one_of": [1]}),
]
# What only a loader can know, for it needs the referral's own schema.
REFERENCES = [
    ("/name", "podiatry"),
    ("/provider_kind", "dentist"),
    ("/provider_kind", "referrer"),
    ("/retry/most_seconds", 1),
    ("/sources/0", "vet"),
    ("/enabled/until", "1999-01-01"),
    ("/rules/1/id", "red-flag"),
    ("/rules/2/when/not/field", "details.ears"),
    ("/rules/2/when/not/range/least", "2026-01-01"),
    ("/rules/3/when/not/any_of/1/equals", "yes"),
    ("/rules/0/when", {"field": "source.kind", "equals": "vet"}),
    ("/rules/0/when", {"field": "service", "equals": "fall"}),
]


def changed(document, pointer, value):
    """The document with the value at a pointer set, added, or (GONE) taken away."""
    document = copy.deepcopy(document)
    *parents, last = pointer.split("/")[1:]
    at = document
    for step in parents:
        at = at[int(step)] if isinstance(at, list) else at[step]
    key = int(last) if isinstance(at, list) else last
    if value is GONE:
        del at[key]
    else:
        at[key] = value
    return document


def line_of(text, pointer):
    """The line at which json.dumps(indent=1) put the pointer's member or item, counted on its own
    way: by printing the document up to there."""
    document, marker = json.loads(text), "\u0001here"
    *parents, last = pointer.split("/")[1:]
    at = document
    for step in parents:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if isinstance(at, list):
        at[int(last)] = marker
    else:
        items = list(at.items())
        at.clear()
        at.update((marker if k == last else k, v) for k, v in items)
    for number, line in enumerate(json.dumps(document, indent=1).splitlines(), 1):
        if json.dumps(marker)[1:-1] in line:
            return number
    raise AssertionError(pointer)


def ctl(*arguments, **environment):
    return subprocess.run(
        [str(BIN_DIR / "referralctl"), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        env={"PATH": os.environ["PATH"], **environment},
    )


class Validate(unittest.TestCase):
    def setUp(self):
        holder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.schemas = holder / "schemas"
        shutil.copytree(SCHEMAS, self.schemas)
        self.falls = self.schemas / "pathways" / "falls"
        self.document = json.loads((self.falls / "pathway.json").read_text())

    def only_falls(self):
        for folder in (self.schemas / "pathways").iterdir():
            if folder.name != "falls":
                shutil.rmtree(folder)

    def findings(self, *arguments, expected=1):
        done = ctl("validate", self.schemas, "--json", *arguments)
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        found = json.loads(done.stdout)["findings"]
        for finding in found:
            self.assertEqual(
                set(finding), {"file", "line", "pointer", "code", "found", "expected"}, finding
            )
        return found

    def test_the_json_schema_takes_every_folder_and_is_itself_sound(self):
        done = subprocess.run(
            [str(CHECK), "--check-metaschema", str(SCHEMAS / "pathway.schema.json")],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        files = sorted(map(str, SCHEMAS.glob("pathways/*/pathway.json")))
        self.assertGreaterEqual(len(files), 10)
        done = subprocess.run(
            [str(CHECK), "--schemafile", str(SCHEMAS / "pathway.schema.json"), *files],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_slip_is_refused_by_the_json_schema_and_by_the_loader_at_its_place(self):
        self.only_falls()
        mutants = self.schemas.parent / "mutants"
        mutants.mkdir()
        for number, (pointer, value) in enumerate(SLIPS + REFERENCES):
            text = json.dumps(changed(self.document, pointer, value), indent=1)
            (mutants / f"{number}.json").write_text(text)
            (self.falls / "pathway.json").write_text(text)
            with self.subTest(pointer=pointer, value=value):
                found = self.findings()
                here = [
                    f
                    for f in found
                    if f["file"].endswith("/pathways/falls/pathway.json")
                    and (
                        f["pointer"] == pointer.rpartition("/")[0]
                        or f"{f['pointer']}/".startswith(f"{pointer}/")
                    )
                ]
                self.assertTrue(here, found)
                self.assertTrue(here[0]["found"] and here[0]["expected"], here)
                if value is not GONE and here[0]["pointer"] == pointer:
                    self.assertEqual(here[0]["line"], line_of(text, pointer), here)
                self.assertGreater(here[0]["line"], 0)
        done = subprocess.run(
            [
                str(CHECK),
                "--schemafile",
                str(SCHEMAS / "pathway.schema.json"),
                "--output-format",
                "json",
                *(str(mutants / f"{number}.json") for number in range(len(SLIPS))),
            ],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        refused = {pathlib.Path(e["filename"]).stem for e in json.loads(done.stdout)["errors"]}
        for number, slip in enumerate(SLIPS):
            self.assertIn(str(number), refused, f"the JSON Schema takes {slip}")

    def test_one_look_finds_everything_in_every_folder(self):
        path = self.falls / "pathway.json"
        document = changed(self.document, "/version", 7)
        document = changed(document, "/rules/2/when/not/field", "details.ears")
        document["rules"][3]["when"]["not"]["any_of"][1]["equals"] = "often"
        path.write_text(json.dumps(document, indent=1))
        msk = self.schemas / "pathways" / "msk"
        cases = msk / "cases.tsv"
        text = cases.read_text().replace("return housebound\t", "route msk\t")
        cases.write_text(text + "no tab here\nroute msk\tdetails.housebound=true\n")
        example = next(msk.glob("examples/valid-2*"))
        example.write_text(example.read_text().replace('"West Kent"', '"Kent"'))
        copied = next(msk.glob("examples/valid-1*"))
        copied.write_text(copied.read_text().replace('"pathway": "msk"', '"pathway": "falls"'))
        (msk / "examples" / "invalid-nothing.json").write_text(
            copied.read_text().replace('"falls"', '"msk"')
        )
        podiatry = self.schemas / "pathways" / "podiatry" / "referral.avsc"
        podiatry.write_text(podiatry.read_text().replace('"maxLength"', '"maxLenght"', 1) + "}")
        found = self.findings()
        seen = {(pathlib.Path(f["file"]).name, f["pointer"]) for f in found}
        for expected in (
            ("pathway.json", "/version"),
            ("pathway.json", "/rules/2/when/not/field"),
            ("pathway.json", "/rules/3/when/not/any_of/1/equals"),
            ("cases.tsv", ""),
            (example.name, "/source/hcp"),
            (copied.name, "/pathway"),
            ("invalid-nothing.json", ""),
            ("referral.avsc", ""),
        ):
            self.assertIn(expected, seen)
        lines = text.splitlines()
        wrong = [f for f in found if f["file"].endswith("msk/cases.tsv")]
        self.assertEqual(
            [f["line"] for f in wrong],
            [
                len(lines) + 1,  # told while the file is read
                len(lines) + 2,
                next(n for n, line in enumerate(lines, 1) if "details.housebound=true" in line),
            ],
            wrong,
        )
        self.assertIn("return housebound (rule housebound)", wrong[2]["found"])
        self.assertEqual(wrong[2]["expected"], "route msk")
        plain = ctl("validate", self.schemas)
        self.assertEqual(plain.returncode, 1)
        self.assertRegex(
            plain.stdout, r"falls/pathway\.json:\d+: /version: found 7, expected a text of 1"
        )
        self.assertIn(f"{len(found)} findings", plain.stdout)

    def test_every_fault_of_a_schema_file_is_found_at_its_place(self):
        wrong = {
            ("event.avsc", "/fields/0/maxLength"): "thirty-six",
            ("event.avsc", "/fields/3/type"): ["null", "null"],
            ("event.avsc", "/fields/4/logicalType"): "timestamp-micros",  # not ours to judge
            ("podiatry/referral.avsc", "/fields/0/type"): "strin",
            ("podiatry/referral.avsc", "/fields/1/default"): 7,
        }
        texts = {}
        for (name, pointer), value in wrong.items():
            folder = self.schemas / "pathways" if "/" in name else self.schemas
            document = json.loads((folder / name).read_text())
            texts[name] = json.dumps(changed(document, pointer, value), indent=1)
            (folder / name).write_text(texts[name])
        # beside them what another pathway's rules have is found, too
        path = self.falls / "pathway.json"
        path.write_text(json.dumps(changed(self.document, "/version", 7), indent=1))
        found = self.findings()
        here = {
            (pathlib.Path(f["file"]).name, f["pointer"]): f
            for f in found
            if f["file"].endswith(".avsc") and "/versions/" not in f["file"]
        }
        self.assertEqual(len(here), len([f for f in found if f["code"] == "bad-schema"]), found)
        for (name, pointer), value in wrong.items():
            if pointer.endswith("logicalType"):
                continue
            finding = here.pop((pathlib.Path(name).name, pointer), None) or next(
                f for (n, p), f in here.items() if name.endswith(n) and p.startswith(pointer)
            )
            here.pop((pathlib.Path(name).name, finding["pointer"]), None)
            self.assertTrue(finding["found"] and finding["expected"], finding)
            self.assertEqual(finding["line"], line_of(texts[name], finding["pointer"]), finding)
        self.assertEqual(here, {})
        self.assertIn("/version", [f["pointer"] for f in found])

    def test_a_rule_that_decides_no_case_is_a_finding_at_its_line(self):
        path = self.falls / "pathway.json"
        document = copy.deepcopy(self.document)
        document["rules"].append(
            {"id": "shadowed", "when": True, "then": "return", "reason": "r", "words": "Never."}
        )
        document["rules"][4]["when"] = {"field": "details.red_flags", "present": True}
        text = json.dumps(document, indent=1)
        path.write_text(text)
        (finding,) = self.findings()
        self.assertEqual(finding["code"], "rule-without-case")
        self.assertEqual(finding["pointer"], "/rules/4")
        self.assertEqual(finding["found"], "shadowed")
        self.assertEqual(finding["line"], line_of(text, "/rules/4"))

    def test_too_few_cases_or_examples_are_a_finding(self):
        self.only_falls()
        examples = self.falls / "examples"
        cases = (self.falls / "cases.tsv").read_text().splitlines()
        rows = [row for row in cases if row and not row.startswith("#")]
        (self.falls / "cases.tsv").write_text("\n".join(rows[:14]) + "\n")
        for path in [*sorted(examples.glob("valid-*"))[1:], *examples.glob("invalid-*")]:
            path.unlink()
        found = self.findings()
        few = [f for f in found if f["expected"].startswith("at least ")]
        self.assertEqual(
            {(f["file"], f["found"], f["expected"]) for f in few},
            {
                (str(self.falls / "cases.tsv"), "14 cases", "at least 15"),
                (str(examples), "1 examples valid-*.json", "at least 2"),
                (str(examples), "0 examples invalid-*.json", "at least 2"),
            },
            found,
        )

    def test_versions_copied_from_another_pathway_are_named(self):
        copy_of_falls = self.schemas / "pathways" / "eye-care"
        self.only_falls()
        shutil.copytree(self.falls, copy_of_falls)
        for path in [copy_of_falls / "pathway.json", *copy_of_falls.glob("examples/*")]:
            path.write_text(path.read_text().replace('"falls"', '"eye-care"'))
        path = copy_of_falls / "cases.tsv"
        path.write_text(path.read_text().replace("route falls\t", "route eye-care\t"))
        found = self.findings()
        copied = {str(path) for path in copy_of_falls.glob("versions/*.avsc")}
        strange = [f for f in found if f["file"] in copied]
        self.assertEqual(len(strange), len(copied), found)
        for finding in strange:
            self.assertIn("another pathway", finding["found"])
            self.assertIn("eye_care", finding["expected"])
        (lacking,) = [f for f in found if f not in strange]  # a version of its own
        self.assertIn("/pathways/eye-care/versions/Referral.", lacking["file"])

    def test_syntax_looks_at_one_file_at_a_time(self):
        path = self.falls / "pathway.json"
        path.write_text(path.read_text().replace('"age_years"', '"age_yearz"'))
        self.assertEqual(self.findings("--syntax", expected=0), [])
        text = path.read_text().replace('"version": ', '"version" ')
        path.write_text(text)
        (self.falls / "cases.tsv").write_text(
            "route falls\tday=2026-03-02\nmaybe\tday=2026-03-02\n"
        )
        found = self.findings("--syntax")
        line = next(n for n, t in enumerate(text.splitlines(), 1) if '"version" ' in t)
        self.assertEqual(
            {(pathlib.Path(f["file"]).name, f["line"]) for f in found},
            {("pathway.json", line), ("cases.tsv", 2)},
        )
        self.assertEqual(ctl("validate", "--syntax", "--connect", self.schemas).returncode, 2)

    def test_the_default_needs_no_network_and_no_environment(self):
        done = ctl("validate", self.schemas, KAFKA_BOOTSTRAP_SERVERS="192.0.2.1:1")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(ctl("validate", self.schemas, "--json").returncode, 0)
        self.assertEqual(ctl("validate", self.schemas / "nowhere").returncode, 1)

    def test_the_area_has_the_same_names_in_the_contract_the_api_and_the_generator(self):
        envelope = json.loads((SCHEMAS / "envelope.avsc").read_text())
        source = next(f["type"] for f in envelope["fields"] if f["name"] == "source")
        listed = {f["name"]: f.get("oneOf") for f in source["fields"]}
        api = yaml.safe_load((SOURCE_DIR / "docs" / "openapi.yaml").read_text())
        fields = api["components"]["schemas"]["Source"]["properties"]
        names = {
            "hcp": list(area.PARTNERSHIPS),
            "pcn": [n for facts in area.PARTNERSHIPS.values() for n in facts["networks"]],
        }
        self.assertEqual([len(names["hcp"]), len(names["pcn"])], [4, 43])
        for field, expected in names.items():
            self.assertEqual(listed[field], expected)
            self.assertEqual(fields[field]["enum"], [None, *expected])

    def test_pathways_are_listed_shown_and_compared(self):
        listed = json.loads(ctl("pathways", "list", "--json").stdout)["pathways"]
        self.assertEqual(
            [row["name"] for row in listed],
            sorted(p.name for p in (SCHEMAS / "pathways").iterdir()),
        )
        for row in listed:
            document = json.loads((SCHEMAS / "pathways" / row["name"] / "pathway.json").read_text())
            self.assertEqual(row["version"], document["version"])
            self.assertEqual(row["rules"], len(document["rules"]))
            shown = ctl("pathways", "show", row["name"])
            self.assertEqual(shown.returncode, 0, shown.stderr)
            for rule in document["rules"]:
                self.assertIn(rule["words"], shown.stdout)
                self.assertIn(f" {rule['id']}", shown.stdout)
        self.assertEqual(ctl("pathways", "show", "dentistry").returncode, 1)
        same = ctl("pathways", "diff", SCHEMAS, self.schemas)
        self.assertEqual((same.returncode, same.stdout), (0, "no difference\n"))
        document = changed(self.document, "/rules/2/when/not/range/least", 70)
        document["version"] = "9.9.9"
        (self.falls / "pathway.json").write_text(json.dumps(document))
        shutil.rmtree(self.schemas / "pathways" / "msk")
        differs = ctl("pathways", "diff", SCHEMAS, self.schemas, "--json")
        self.assertEqual(differs.returncode, 1)
        by_name = {p["name"]: p for p in json.loads(differs.stdout)["pathways"]}
        self.assertEqual(set(by_name), {"falls", "msk"})
        self.assertEqual(by_name["msk"]["change"], "removed")
        self.assertEqual(
            [(c["what"], c["change"]) for c in by_name["falls"]["changes"]],
            [("version", "changed"), ("rule under-age", "changed")],
        )

    def test_connect_asks_kafka_and_the_registry(self):
        done = ctl(
            "validate",
            "--connect",
            self.schemas,
            KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}",
        )
        self.assertEqual((done.returncode, done.stdout), (69, ""), done.stderr)
        with Stack(schemas=self.schemas, as_shipped=True) as stack:
            self.connected(stack)
            folder = self.schemas / "pathways" / "falls-two"
            shutil.copytree(self.falls, folder)
            for path in folder.rglob("*.*"):
                path.write_text(path.read_text().replace('"falls"', '"falls-two"'))
            cases = (folder / "cases.tsv").read_text().replace("route falls\t", "route falls-two\t")
            (folder / "cases.tsv").write_text(cases)
            shutil.rmtree(folder / "versions", ignore_errors=True)
            done = stack.ctl("validate", "--json", check=False)
            (finding,) = json.loads(done.stdout)["findings"]
            self.assertIn("/pathways/falls-two/versions/Referral.", finding["file"])
            keep_versions(self.schemas)
            self.assertEqual(stack.ctl("validate").returncode, 0)
            done = stack.ctl("validate", "--connect", "--json", check=False)
            (finding,) = json.loads(done.stdout)["findings"]
            self.assertEqual((done.returncode, finding["code"]), (1, "no-topic"))
            self.assertEqual(finding["file"], "referrals.falls-two")
            stack.ctl("topics", "create")
            self.connected(stack)
            done = stack.ctl("validate", "--connect", "--events-partitions", 9, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, "referral.events: found 8 partitions, expected 9")
            for status in (200, 500):
                stack.environment["SCHEMA_REGISTRY_URL"] = self.registry(status)
                done = stack.ctl("validate", "--connect", check=False)
                self.assertEqual(done.returncode, 0 if status == 200 else 1, done.stdout)
            stack.environment["SCHEMA_REGISTRY_URL"] = self.registry(200, "invented:password")
            done = stack.ctl("validate", "--connect", check=False)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("status 401", done.stdout)
            secret = pathlib.Path(stack.dir, "registry-auth")
            secret.write_text("invented:password\n")
            stack.environment["SCHEMA_REGISTRY_BASIC_AUTH_FILE"] = str(secret)
            done = stack.ctl("validate", "--connect", check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            stack.environment["SCHEMA_REGISTRY_URL"] = "http://registry.example"
            done = stack.ctl("validate", "--connect", check=False)
            self.assertEqual(done.returncode, 78, "credentials in the clear")
            self.assertEqual(stack.ctl("validate").returncode, 0, "without --connect no matter")
            stack.environment["SCHEMA_REGISTRY_URL"] = f"http://127.0.0.1:{free_port()}"
            done = stack.ctl("validate", "--connect", check=False, away=True)
            self.assertEqual(done.returncode, 69, done.stdout)

    def connected(self, stack):
        """Soon after `topics create`: the broker tells of a new topic a little later."""
        wait_until(
            lambda: stack.ctl("validate", "--connect", check=False).returncode == 0,
            20,
            "validate --connect is well",
        )

    def registry(self, status, credentials=None):
        """A server that answers everything with the status, to these credentials; its address."""
        expected = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                given = expected is None or self.headers.get("Authorization") == expected
                self.send_response(status if given else 401)
                self.end_headers()
                self.wfile.write(b"[]")

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"


if __name__ == "__main__":
    unittest.main(verbosity=2)
