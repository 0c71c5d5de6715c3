# SPDX-License-Identifier: Apache-2.0
"""One referral of every pathway, from POST to provider, status, volumes and audit, over real
processes and a real Kafka."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import BIN_DIR, SOURCE_DIR, Stack, http, wait_until  # noqa: E402


class EndToEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        patient = {"GATEWAY_ACK_TIMEOUT_MS": "30000"}  # a sender that repeats makes a duplicate
        cls.stack = cls.enterClassContext(Stack(environment=patient, as_shipped=True))
        rows = generate.directory(7, cls.stack.schemas, cls.receiver.url)
        generate.write_directory(rows, cls.stack.dir / "providers.csv")
        cls.stack.ctl("providers", "load", cls.stack.dir / "providers.csv")
        cls.stack.start()

    def test_each_pathway_is_delivered_to_a_provider_and_its_status_says_so(self):
        generator = generate.Generator(7, self.stack.schemas)
        before = self.stack.settle()["pathways"]
        ids = {}
        for pathway in generator.examples:
            # an example that the pathway's rules send to a provider: try each until one is not
            # returned
            for number, _ in enumerate(generator.examples[pathway]):
                status, headers, document = self.stack.post(
                    generator.body(pathway), f"walk-{pathway}-{number}"
                )
                self.assertEqual(status, 202, document)
                self.assertTrue(headers["location"].endswith(document["id"]))
                self.assertTrue(document["status_url"].endswith(document["id"]))
                ids.setdefault(pathway, []).append(document["id"])
        every = {referral for group in ids.values() for referral in group}
        report, ends = oracle.check_ends(self, self.stack, every, self.receiver)
        for pathway, group in ids.items():
            self.assertIn(
                ["delivered"], [ends[referral] for referral in group], f"{pathway}: none delivered"
            )
            accepted = report["pathways"][pathway]["accepted"] - before[pathway]["accepted"]
            self.assertEqual(accepted, len(group))
        for referral in every:

            def known(referral=referral):
                status, _, document = self.stack.status(referral)
                return (
                    document if status == 200 and document["state"] == ends[referral][0] else None
                )

            document = wait_until(known, 20, f"status of {referral}")
            kinds = [event["kind"] for event in document["history"]]
            self.assertEqual(kinds[0], "received")
            self.assertIn(ends[referral][0], kinds)

    def test_a_delivery_carries_a_signature_that_an_independent_implementation_verifies(self):
        import standardwebhooks

        body = generate.Generator(8, self.stack.schemas).body("blood-pressure")
        typed, number = dict(body["patient"]), body["patient"]["nhs_number"]
        typed["nhs_number"] = f"{number[:3]} {number[3:6]} {number[6:]}"
        typed["postcode"] = typed["postcode"].lower()
        status, _, document = self.stack.post(
            {**body, "patient": typed},
            "walk-signature",
            {"X-Correlation-Id": "6f1c1d4e-57b1-4e0e-9a2c-0d6a3a1f0a11"},
        )
        self.assertEqual(status, 202, document)
        self.receiver.wait_for(
            lambda got: any(r.referral_id == document["id"] for r in got), 30, "the delivery"
        )
        request = next(r for r in self.receiver.snapshot() if r.referral_id == document["id"])
        standardwebhooks.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(
            request.body.decode(), request.headers
        )
        with self.assertRaises(Exception):
            standardwebhooks.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(
                request.body.decode() + " ", request.headers
            )
        data = request.document["data"]
        for name in ("family_name", "nhs_number", "postcode"):
            self.assertEqual(data["patient"][name], body["patient"][name])
        self.assertEqual(data["correlation_id"], "6f1c1d4e-57b1-4e0e-9a2c-0d6a3a1f0a11")
        for name, value in body["details"].items():
            self.assertEqual(data["details"][name], value, name)

    def test_the_same_key_and_body_is_one_referral(self):
        body = generate.Generator(9, self.stack.schemas).body("msk")
        typed = json.loads(json.dumps(body))
        typed["patient"].update(nhs_number="999 100 1026", postcode="da11aa")
        body["patient"].update(nhs_number="9991001026", postcode="DA1 1AA")
        first = self.stack.post(typed, "walk-same")
        second = self.stack.post(body, "walk-same")
        self.assertEqual((first[0], second[0]), (202, 202))
        self.assertEqual(first[2]["id"], second[2]["id"])
        body["notes"] = "something else"
        self.assertEqual(self.stack.post(body, "walk-same")[0], 422)
        self.stack.settle()
        kinds = [e["kind"] for e in oracle.events(self.stack) if e["referral_id"] == first[2]["id"]]
        self.assertEqual(kinds.count("received"), 1)
        self.assertEqual(kinds.count("duplicate"), 1)
        self.assertEqual(len([k for k in kinds if k in ("delivered", "returned")]), 1)

    def test_a_walk_in_is_recorded_and_goes_nowhere(self):
        examples = SOURCE_DIR / "schemas/pathways/blood-pressure/examples"
        body = json.loads((examples / "valid-2-walk-in-check.json").read_text())
        status, _, document = self.stack.post(body, "walk-in")
        self.assertEqual(status, 202, document)
        self.stack.settle()
        self.assertEqual(oracle.finals(self.stack)[document["id"]], ["recorded"])
        self.assertNotIn(document["id"], {r.referral_id for r in self.receiver.snapshot()})

    def test_the_operator_reads_times_words_and_what_is_no_delivery(self):
        body = generate.Generator(10, self.stack.schemas).body("falls")
        body["details"].update(red_flags_asked=False)
        body["details"].pop("red_flags", None)
        sent = generate.Generator(10, self.stack.schemas).body("blood-pressure")
        self.assertEqual(self.stack.post(sent, "walk-sent")[0], 202)
        status, _, document = self.stack.post(body, "walk-words")
        self.assertEqual(status, 202, document)
        self.stack.settle()

        def words():
            status, _, state = self.stack.status(document["id"])
            history = state["history"] if status == 200 else []
            return [e["explanation"]["words"] for e in history if e["kind"] == "returned"]

        (said,) = wait_until(words, 20, "the words of the return")
        self.assertIn("questions have not been answered", said)
        self.assertIn(f"\n      {said}\n", self.stack.ctl("status", document["id"]).stdout)
        balance = r"\nbalanced: accepted (\d+) = (\d+) final \+ 0 pending, 0 missing"
        audit = re.search(balance, self.stack.ctl("audit", check=False).stdout)
        self.assertTrue(audit and audit[1] == audit[2], audit)
        lines = self.stack.ctl("tail", "referral.events", "--json").stdout.splitlines()
        for line in lines:
            self.assertRegex(json.loads(line)["value"]["occurred_at"], r"^20\d\d-.*Z$")
        lines = self.stack.ctl("tail", "deliveries", "--json").stdout.splitlines()
        values = [json.loads(line)["value"] for line in lines]
        shown = {value["not_shown"] for value in values if value and "not_shown" in value}
        self.assertIn("intent", shown)
        self.assertLessEqual(shown, {"intent", "fence", "roll"})

    def test_volumes_come_as_json_and_csv_and_the_page_shows_them(self):
        self.stack.settle()
        wait_until(lambda: http(f"{self.stack.tracker_url}/v1/volumes")[0] == 200, 20, "volumes")
        status, headers, text = http(f"{self.stack.tracker_url}/v1/volumes?format=csv")
        self.assertEqual(status, 200)
        self.assertIn("text/csv", headers["content-type"])
        self.assertIn("pathway", text.splitlines()[0])
        status, _, problem = http(f"{self.stack.tracker_url}/v1/volumes?from=yesterday")
        self.assertEqual(status, 400, problem)
        status, headers, page = http(f"{self.stack.tracker_url}/")
        self.assertEqual(status, 200)
        self.assertIn("<table", page)
        self.assertNotIn(
            "http://", page.replace("http://127.0.0.1", "").replace("http://www.w3.org", "")
        )

    def test_every_service_says_help_check_and_version_and_refuses_a_bad_option(self):
        for name in ("gateway", "router", "dispatcher", "aggregator", "tracker"):

            def run(*arguments, **environment):
                return subprocess.run(
                    [BIN_DIR / name, *arguments],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    env={**self.stack.environment, **environment},
                    cwd=self.stack.dir,
                )

            self.assertEqual(run("--check").returncode, 0, run("--check").stderr)
            self.assertIn("--health-listen", run("--help").stdout)
            self.assertEqual(run("--version").returncode, 0)
            bad = run(DRAIN_TIMEOUT_MS="soon")
            self.assertEqual(bad.returncode, 78)
            self.assertIn("DRAIN_TIMEOUT_MS", bad.stderr)
            self.assertIn("soon", bad.stderr)
            self.assertEqual(run("--no-such-option", "1").returncode, 78)

    def test_metrics_and_health_answer(self):
        for name in ("gateway", "router", "dispatcher", "aggregator", "tracker"):
            text = self.stack.metrics(name)
            self.assertIn("# TYPE", text)
            self.assertIn("process_resident_memory_bytes", text)
            self.assertEqual(http(f"http://127.0.0.1:{self.stack.health[name]}/livez")[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
