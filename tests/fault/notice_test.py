# SPDX-License-Identifier: Apache-2.0
"""What a referrer is told when a referral comes back: its own callback gets a notice, tried again
like any delivery; where there is none, or it takes nothing, the referral is marked and counted as
needing a human. The notice has nothing of the patient."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

SICK = "RAL01"
TOLD, DEAF, SILENT = "G82901", "G82902", "G82903"  # with a callback, with one that is gone, without


class Notice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_RETRY_FIRST_MS": "200",
                    "DISPATCHER_RETRY_MOST_MS": "400",
                }
            )
        )
        cls.generator = generate.Generator(1, cls.stack.schemas)
        cls.district = scripted.apart(cls.generator.places, 1)[0]
        cls.receiver.script(SICK, Answer(404))
        cls.receiver.script(TOLD, Answer(503), Answer(200))
        cls.receiver.script(DEAF, Answer(410))
        rows = [cls.row(SICK, "community-provider")]
        rows += [cls.row(code, "referrer", services="") for code in (TOLD, DEAF)]
        scripted.load(cls.stack, rows)
        cls.stack.start()

    @classmethod
    def row(cls, code, kind, **columns):
        url = cls.receiver.url(code)
        return scripted.row(
            cls.stack.schemas,
            cls.generator.places,
            code,
            "falls",
            cls.district,
            url,
            kind=kind,
            **columns,
        )

    def noticed(self, source, pathway):
        """(the id of a referral from there that came back, its `noticed` event)."""
        body = scripted.routable(self.generator, pathway)
        body["patient"]["postcode"] = self.district
        body["nominated_provider"] = None
        body["source"] = {**body["source"], "kind": "gp-practice", "ods_code": source}
        one = scripted.post(self.stack, body, f"{source}-{pathway}")

        def found():
            events = [e for e in oracle.events(self.stack) if e["referral_id"] == one]
            return [e for e in events if e["kind"] == "noticed"]

        events = wait_until(found, 40, f"the referrer of {one} told")
        self.assertEqual(len(events), 1)
        kinds = [e["kind"] for e in oracle.events(self.stack) if e["referral_id"] == one]
        self.assertIn("returned", kinds)
        return one, events[0], body

    def counted(self, program, reason):
        name = f'referral_{program}_needing_human_total{{reason="{reason}"}} '
        lines = [x for x in self.stack.metrics(program).splitlines() if x.startswith(name)]
        return float(lines[0].split()[1]) if lines else 0

    def test_a_what_an_alert_waits_for_is_there_at_0_before_it_comes(self):
        for program in ("router", "dispatcher"):
            name = f'referral_{program}_needing_human_total{{reason="no-callback"}} '
            self.assertIn(f"\n{name}", self.stack.metrics(program))
        self.assertRegex(
            self.stack.metrics("tracker"), r'\nreferral_tracker_sql_errors_total{side="api"} 0\n'
        )

    def test_the_referrers_own_callback_is_told_until_it_takes_it(self):
        one, event, body = self.noticed(TOLD, "falls")
        self.assertEqual((event["reason"], event["result"]), (None, "http-200"))
        self.assertEqual(event["destination"], TOLD)
        came = [r for r in self.receiver.snapshot() if (r.provider, r.referral_id) == (TOLD, one)]
        self.assertEqual([r.answer.status for r in came], [503, 200])
        self.assertEqual(len({r.delivery_id for r in came}), 1)
        self.assertTrue(came[0].headers["webhook-signature"])
        self.assertEqual(came[0].body, came[1].body)
        document = came[0].document
        self.assertEqual(document["type"], "referral.returned")
        self.assertEqual(document["data"]["reason"], "returned-by-provider")
        self.assertEqual(document["data"]["pathway"], "falls")
        self.assertLessEqual(
            set(document["data"]),
            {"notice_id", "referral_id", "pathway", "reason", "correlation_id", "accepted_at"},
        )

        def shown():
            status, _, document = self.stack.status(one)
            return status == 200 and document["state"] == "returned"

        wait_until(shown, 20, "its status says so")

    def test_without_a_callback_a_person_is_needed(self):
        one, event, _ = self.noticed(SILENT, "falls")
        self.assertEqual((event["reason"], event["result"]), ("needs-human", "no-callback"))
        wait_until(lambda: self.counted("dispatcher", "no-callback") >= 1, 10, "it is counted")

        def shown():
            _, _, document = self.stack.status(one)
            kinds = {step["kind"]: step for step in document.get("history", [])}
            return kinds.get("noticed", {}).get("reason") == "needs-human"

        wait_until(shown, 20, "it is seen in its status")

    def test_an_endpoint_that_takes_referrals_is_no_callback(self):
        one, event, _ = self.noticed(SICK, "msk")
        self.assertEqual((event["reason"], event["result"]), ("needs-human", "no-callback"))
        self.assertEqual([r for r in self.receiver.snapshot() if r.referral_id == one], [])

    def test_a_callback_that_takes_nothing_needs_a_person_too(self):
        _, event, _ = self.noticed(DEAF, "falls")
        self.assertEqual((event["reason"], event["result"]), ("needs-human", "http-410"))
        wait_until(lambda: self.counted("dispatcher", "http-410") == 1, 10, "it is counted")

    def test_what_the_router_returns_is_told_by_the_same_way(self):
        one, event, _ = self.noticed(TOLD, "msk")  # no provider at all
        self.assertEqual((event["reason"], event["result"]), (None, "http-200"))
        came = [r for r in self.receiver.snapshot() if (r.provider, r.referral_id) == (TOLD, one)]
        self.assertEqual(json.loads(came[-1].body)["data"]["reason"], "no-provider")
        _, event, _ = self.noticed(SILENT, "msk")
        self.assertEqual((event["reason"], event["result"]), ("needs-human", "no-callback"))
        wait_until(lambda: self.counted("router", "no-callback") >= 1, 10, "it is counted")

    def test_z_everything_balances_in_the_end(self):
        report = self.stack.settle()
        self.assertEqual(report["total"]["missing"], 0)
        self.assertEqual(report["total"]["returned"], report["total"]["accepted"])
        # what is committed may be on one topic a moment before it is on another
        wait_until(lambda: self.stack.ask_dispatchers("list")["pending"] == 0, 20, "no notice left")


if __name__ == "__main__":
    unittest.main(verbosity=2)
