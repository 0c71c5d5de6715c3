# SPDX-License-Identifier: Apache-2.0
"""Adding a pathway is adding a folder: an eleventh, minor eye conditions to optometrists, goes into
a running system."""

import json
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from avro import keep_versions  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import SOURCE_DIR, Stack, http, wait_until  # noqa: E402

NAME = "minor-eye-conditions"


class Pathway(unittest.TestCase):
    def test_an_eleventh_pathway_joins_a_running_system_and_a_broken_one_does_not(self):
        with tempfile.TemporaryDirectory() as holder, Receiver() as receiver:
            schemas = pathlib.Path(holder, "schemas")
            shutil.copytree(SOURCE_DIR / "schemas", schemas)
            with Stack(schemas=schemas) as stack:
                stack.start()
                self.add_folder(schemas)
                lacking = stack.ctl("validate", check=False)
                self.assertEqual(lacking.returncode, 1)
                self.assertIn(f"pathways/{NAME}/versions/Referral.", lacking.stdout)
                keep_versions(schemas, "--pathway", NAME, "--release", "77.0.0")
                rows = (schemas / "pathways" / NAME / "versions" / "list.tsv").read_text()
                self.assertIn("\t77.0.0\t", rows)
                rows = (schemas / "pathways" / "falls" / "versions" / "list.tsv").read_text()
                self.assertNotIn("\t77.0.0\t", rows, "nobody released that")
                self.assertEqual(stack.ctl("validate", check=False).returncode, 0)
                stack.ctl("topics", "create")
                self.load_optometrist(stack, receiver)
                known = "referral_router_providers"
                wait_until(lambda: stack.metric("router", known) == 1, 20, "the router knows it")
                before = self.generation(stack)
                self.reload(stack)
                wait_until(
                    lambda: all(self.generation(stack)[n] == before[n] + 1 for n in before),
                    20,
                    "every service has taken the eleventh",
                )
                body = json.loads(
                    (schemas / "pathways" / NAME / "examples" / "valid-1.json").read_text()
                )

                def accepted():
                    status, _, document = stack.post(body, "eye")
                    return document["id"] if status == 202 else None

                referral = wait_until(accepted, 20, "the gateway takes the eleventh pathway")
                report, ends = oracle.check_ends(self, stack, {referral}, receiver)
                self.assertEqual(ends[referral], ["delivered"], oracle.events(stack))
                self.assertEqual(report["pathways"][NAME]["delivered"], 1)
                wait_until(
                    lambda: "Minor eye conditions" in http(stack.tracker_url + "/")[2],
                    20,
                    "the page shows it",
                )

                # a broken folder is refused with file and reason, and the running system keeps what
                # it has
                path = schemas / "pathways" / NAME / "pathway.json"
                document = json.loads(path.read_text())
                document["rules"] = [
                    {
                        "id": "broken",
                        "when": {"field": "details.no_such_field", "equals": 1},
                        "then": "return",
                        "reason": "broken",
                        "words": "broken",
                    }
                ]
                text = json.dumps(document, indent=2)
                path.write_text(text)
                line = next(n for n, t in enumerate(text.splitlines(), 1) if "no_such_field" in t)
                done = stack.ctl("validate", "--json", check=False)
                self.assertEqual(done.returncode, 1)
                (finding,) = json.loads(done.stdout)["findings"]
                self.assertEqual(
                    (finding["file"], finding["line"], finding["pointer"], finding["found"]),
                    (str(path), line, "/rules/0/when/field", '"details.no_such_field"'),
                )
                in_force = self.generation(stack)
                self.reload(stack)
                for name in ("gateway", "router", "dispatcher"):
                    wait_until(lambda n=name: self.kept_the_old(stack, n), 20, f"{name} says so")
                    log = stack.log_path(name)
                    where = f"line {line}: /rules/0/when/field"
                    wait_until(lambda at=log: where in at.read_text(), 10, f"{name} says where")
                    self.assertIn(f"pathways/{NAME}/pathway.json", log.read_text())
                self.assertEqual(self.generation(stack), in_force, "the old set is in force")
                self.assertEqual(stack.post(body, "eye-2")[0], 202)
                self.assertEqual(stack.settle()["pathways"][NAME]["delivered"], 2)

                # mended, with another version: the command says what the gateway does not use yet
                document.update(rules=[], version="2.0.0")
                path.write_text(json.dumps(document, indent=2))
                done = stack.ctl("pathways", "diff", schemas, "--json", check=False)
                (different,) = json.loads(done.stdout)["pathways"]
                self.assertEqual((done.returncode, different["name"]), (1, NAME))
                self.assertEqual(
                    [c["what"] for c in different["changes"]], ["version", "digest"], different
                )
                self.reload(stack)
                wait_until(
                    lambda: stack.ctl("pathways", "diff", schemas, check=False).returncode == 0,
                    20,
                    "the gateway uses what is on disk",
                )
                wait_until(
                    lambda: all(self.generation(stack)[n] == in_force[n] + 1 for n in in_force),
                    20,
                    "every service says that it took the mended set",
                )

                # its schema grows: not without the version that wrote what is on the topics
                folder = schemas / "pathways" / NAME
                details = json.loads((folder / "referral.avsc").read_text())
                more = {"name": "since", "type": ["null", "string"], "default": None}
                details["fields"].append({**more, "maxLength": 40})
                (folder / "referral.avsc").write_text(json.dumps(details))
                (folder / "versions").rename(folder / "kept")
                in_force = self.generation(stack)
                self.reload(stack)
                for name in ("gateway", "router", "dispatcher"):
                    wait_until(lambda n=name: self.kept_the_old(stack, n), 20, f"{name} says so")
                    log = stack.log_path(name)
                    wait_until(lambda at=log: "version-gone" in at.read_text(), 10, "and why")
                (folder / "kept").rename(folder / "versions")
                keep_versions(schemas)
                self.assertEqual(stack.ctl("validate", check=False).returncode, 0)
                self.reload(stack)
                wait_until(
                    lambda: all(self.generation(stack)[n] == in_force[n] + 1 for n in in_force),
                    20,
                    "every service took the schema that keeps its version",
                )

    def kept_the_old(self, stack, name):
        return stack.metric(name, "referral_configuration_last_reload_successful") == 0

    def generation(self, stack):
        return {
            name: stack.metric(name, "referral_configuration_generation")
            for name in ("gateway", "router", "dispatcher")
        }

    def reload(self, stack):
        for name in ("gateway", "router", "dispatcher", "aggregator", "tracker"):
            stack.kill(name, signal.SIGHUP)

    def add_folder(self, schemas):
        folder = schemas / "pathways" / NAME
        (folder / "examples").mkdir(parents=True)
        (folder / "referral.avsc").write_text(
            json.dumps(
                {
                    "type": "record",
                    "name": "Details",
                    "fields": [
                        {
                            "name": "eye",
                            "type": "string",
                            "oneOf": ["left", "right", "both"],
                            "maxLength": 5,
                        },
                        {"name": "complaint", "type": "string", "maxLength": 200},
                    ],
                }
            )
        )
        falls = json.loads((schemas / "pathways" / "falls" / "pathway.json").read_text())
        falls.update(
            name=NAME,
            title="Minor eye conditions",
            provider_kind="optometrist",
            services=[{"service": NAME, "title": "Minor eye conditions", "when": True}],
            rules=[],
        )
        falls.pop("no_distance_selling", None)
        (folder / "pathway.json").write_text(json.dumps(falls))
        (folder / "cases.tsv").write_text(
            "# expected\tinputs\n"
            + "".join(
                f"route {NAME}\tday=2026-03-{day:02}; details.eye=left\n" for day in range(2, 17)
            )
        )
        body = next(
            b
            for p in sorted((schemas / "pathways" / "falls" / "examples").glob("valid-*.json"))
            for b in [json.loads(p.read_text())]
            if b["source"]["kind"] in falls["sources"]
        )
        body.update(pathway=NAME, details={"eye": "left", "complaint": "Red and itchy, invented"})
        body["patient"]["postcode"] = "ME14 9ZZ"  # not far from the one optometrist
        body.pop("authored_at", None)
        body.pop("nominated_provider", None)
        for name, eye in (
            ("valid-1", "left"),
            ("valid-2", "both"),
            ("invalid-eye-not-allowed", "third"),
            ("invalid-eye-wrong-type", 2),
        ):
            (folder / "examples" / f"{name}.json").write_text(
                json.dumps({**body, "details": {**body["details"], "eye": eye}})
            )

    def load_optometrist(self, stack, receiver):
        row = dict.fromkeys(generate.COLUMNS, "")
        row.update(
            ods_code="TP001",
            name="Invented Optometrist",
            kind="optometrist",
            hcp="West Kent",
            postcode="ME14 1AA",
            services=NAME,
            distance_selling="false",
            paused="false",
            endpoint_url=receiver.url("TP001"),
            format="json",
        )
        generate.write_directory([row], stack.dir / "optometrist.csv")
        stack.ctl("providers", "load", stack.dir / "optometrist.csv")


if __name__ == "__main__":
    unittest.main(verbosity=2)
