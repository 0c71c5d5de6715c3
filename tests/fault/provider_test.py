# SPDX-License-Identifier: Apache-2.0
"""Scripted providers against the real dispatcher: what each kind of answer, or of no answer, comes
to. Every case has a scripted pharmacy of its own and a healthy one a little farther from its
patient, so that all cases run side by side on one system, as they would in life."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402

OUTCOME = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"%s"}]}'
REFUSED = f"http://127.0.0.1:{free_port()}/nobody"
LATE, LATE_PORT = "FA999", free_port()
METADATA = "http://169.254.169.254/latest/meta-data"

# What the first provider answers, attempt by attempt; a text is an address that stands instead.
CASES = {
    "500": (Answer(500), Answer(500), Answer(200)),
    "404": (Answer(404),),
    "410": (Answer(410),),
    "409 duplicate": (Answer(409, body=OUTCOME % b"duplicate"),),
    "409 conflict": (Answer(409, body=OUTCOME % b"conflict"),),
    "429": (Answer(429, headers=(("Retry-After", "3"),)), Answer(200)),
    "302": (Answer(302, headers=(("Location", "/ELSEWHERE"),)), Answer(200)),
    "hang": (Answer(how="hang"), Answer(200)),
    "drip": (Answer(how="drip", delay=0.3), Answer(200)),
    "reset": (Answer(how="reset"), Answer(how="close"), Answer(200)),
    "megabytes": (Answer(how="megabytes", size=32 * 1024 * 1024),),
    "endless": (Answer(how="endless"),),
    "half": (Answer(how="half"), Answer(200)),
    "cut": (Answer(how="cut", size=5), Answer(200)),
    "garbage": (Answer(how="garbage"), Answer(200)),
    "dead": REFUSED,
    "metadata": METADATA,
}
# Whether an attempt says that it may repeat one: not after a connection that was refused.
MARKS = {
    "500": [False, True, True],
    "429": [False, True],
    "hang": [False, True],
    "reset": [False, True, True],
    "cut": [False, True],
}
# The only provider of its pathway.
ALONE = {"404 alone": ("falls", (Answer(404),)), "dead alone": ("msk", REFUSED)}


class Provider(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_RETRY_FIRST_MS": "200",
                    "DISPATCHER_RETRY_MOST_MS": "400",
                    # Long enough for two attempts where the machine is busy, those that hang
                    # included; only the dead wait for the end of it.
                    "DISPATCHER_HOP_LIMIT_MS": "30000",
                    "DISPATCHER_ATTEMPT_TIMEOUT_MS": "8000",
                    # so that one who is there late is found before that
                    "DISPATCHER_PROBE_FIRST_MS": "1000",
                    "DISPATCHER_PROBE_MOST_MS": "2000",
                }
            )
        )
        cls.generator = generate.Generator(1, cls.stack.schemas)
        districts = scripted.apart(cls.generator.places, len(CASES))
        cls.first, cls.second, cls.ids, rows, bodies = {}, {}, {}, [], {}
        for number, (name, script) in enumerate(CASES.items()):
            cls.first[name], cls.second[name] = f"FA{number:02d}1", f"FA{number:02d}2"
            rows.append(cls.row(cls.first[name], "blood-pressure", districts[number], 100, script))
            rows.append(cls.row(cls.second[name], "blood-pressure", districts[number], 1500, ()))
            bodies[name] = cls.generator.body("blood-pressure")
            bodies[name]["patient"]["postcode"] = districts[number]
        for number, (name, (pathway, script)) in enumerate(ALONE.items()):
            cls.first[name] = f"RAL0{number}"
            rows.append(cls.row(cls.first[name], pathway, districts[0], 100, script))
            bodies[name] = cls.generator.body(pathway)
            bodies[name]["patient"]["postcode"] = districts[0]
        late = f"http://127.0.0.1:{LATE_PORT}/{LATE}"
        rows.append(cls.row(LATE, "contraception", districts[0], 100, late))
        scripted.load(cls.stack, rows)
        cls.stack.start()
        for name, body in bodies.items():
            cls.ids[name] = cls.post(body, name)

    @classmethod
    def row(cls, code, pathway, district, east, script):
        if not isinstance(script, str):
            cls.receiver.script(code, *script or (Answer(),))
        url = script if isinstance(script, str) else cls.receiver.url(code)
        return scripted.row(
            cls.stack.schemas, cls.generator.places, code, pathway, district, url, east
        )

    @classmethod
    def post(cls, body, key):
        return scripted.post(cls.stack, body, key)

    def outcome(self, name, referral_id=None):
        """(events in order, requests that came in) of a case, once it has come to an end."""
        wanted = referral_id or self.ids[name]
        events = scripted.events_to_the_end(self.stack, wanted)
        return events, [r for r in self.receiver.snapshot() if r.referral_id == wanted]

    def passed_over(self, name):
        """Who was passed over at the last hop, and why, as its event explains."""
        events, _ = self.outcome(name)
        routed = [e for e in events if e["kind"] == "routed"]
        return dict(json.loads(routed[-1]["explanation"])["passed_over"])

    def delivered_to(self, events):
        return [e["destination"] for e in events if e["kind"] == "delivered"]

    def check(self, name, provider, requests=None):
        """It was delivered once, to that provider, with so many requests in all."""
        events, came = self.outcome(name)
        self.assertEqual(self.delivered_to(events), [provider], events)
        if requests is not None:
            self.assertEqual(len(came), requests)
        return events, came

    def test_500_is_tried_again_until_it_is_taken(self):
        _, came = self.check("500", self.first["500"], 3)
        self.assertEqual(len({r.delivery_id for r in came}), 1, "the id is stable over retries")

    def test_404_goes_to_the_next_provider_at_once(self):
        _, came = self.check("404", self.second["404"], 2)
        self.assertEqual([r.provider for r in came], [self.first["404"], self.second["404"]])
        self.assertNotEqual(came[0].delivery_id, came[1].delivery_id)
        self.assertEqual(self.passed_over("404")[self.first["404"]], "declined")

    def test_404_of_the_only_provider_returns_it_with_a_reason(self):
        events, came = self.outcome("404 alone")
        self.assertEqual(len(came), 1)
        returned = [e for e in events if e["kind"] == "returned"][0]
        self.assertEqual(returned["reason"], "returned-by-provider")
        explanation = json.loads(returned["explanation"])
        self.assertIn([self.first["404 alone"], "declined"], explanation["passed_over"])
        self.assertIn("another way", explanation["words"])

    def test_410_goes_to_the_next_provider(self):
        self.check("410", self.second["410"], 2)
        self.assertEqual(self.passed_over("410")[self.first["410"]], "declined")

    def test_409_duplicate_is_delivered(self):
        self.check("409 duplicate", self.first["409 duplicate"], 1)

    def test_409_of_another_kind_goes_to_the_next_provider(self):
        self.check("409 conflict", self.second["409 conflict"], 2)

    def test_429_waits_for_as_long_as_it_was_told(self):
        _, came = self.check("429", self.first["429"], 2)
        self.assertGreaterEqual(came[1].at - came[0].at, 2.9)

    def test_a_redirect_is_never_followed(self):
        self.check("302", self.first["302"], 2)
        self.assertNotIn("ELSEWHERE", [r.provider for r in self.receiver.snapshot()])

    def test_an_answer_that_never_comes_is_cut_off_and_tried_again(self):
        self.check("hang", self.first["hang"], 2)

    def test_a_dripping_answer_is_cut_off_and_tried_again(self):
        self.check("drip", self.first["drip"], 2)

    def test_a_reset_connection_is_one_attempt_and_tried_again(self):
        self.check("reset", self.first["reset"], 3)

    def test_an_answer_cut_off_behind_its_status_still_says_what_became_of_it(self):
        self.check("half", self.first["half"], 1)

    def test_an_answer_cut_off_within_its_body_is_none_and_tried_again(self):
        self.check("cut", self.first["cut"], 2)

    def test_a_kept_connection_that_dies_brings_no_silent_second_post(self):
        self.outcome("409 duplicate")
        code = self.first["409 duplicate"]
        self.receiver.script(code, Answer(200))
        for number in range(2):  # the second one finds the connection of the first
            if number == 1:
                self.receiver.script(code, Answer(how="close"), Answer(200))
            body = self.generator.body("blood-pressure")
            body["nominated_provider"] = code
            referral_id = self.post(body, f"kept-{number}")
            events, came = self.outcome(f"kept {number}", referral_id)
        self.assertEqual(self.delivered_to(events), [code])
        self.assertEqual(len(came), 2, "one that was closed, and one more attempt")
        self.assertEqual(len([e for e in events if e["kind"] == "attempted"]) >= 1, True)

    def test_what_may_have_arrived_before_is_marked_and_nothing_else(self):
        def marks(came):
            return ["referral-possible-duplicate" in r.headers for r in came]

        found = {name: marks(self.outcome(name)[1]) for name in MARKS}
        self.assertEqual(found, MARKS)
        body = self.generator.body("contraception")
        body["nominated_provider"] = LATE
        referral_id = self.post(body, "late")

        def refused():
            events = [e for e in oracle.events(self.stack) if e["referral_id"] == referral_id]
            return [e for e in events if e["result"] == "refused-connection"]

        wait_until(refused, 20, "nobody is there")
        with Receiver(port=LATE_PORT) as late:
            late.wait_for(lambda came: came, 30, "the next attempt")
            self.assertEqual(marks(late.snapshot()[:1]), [False])

    def test_megabytes_of_answer_do_not_fill_the_memory(self):
        self.check("megabytes", self.first["megabytes"])
        resident = [
            float(line.split()[1])
            for line in self.stack.metrics("dispatcher").splitlines()
            if line.startswith("process_resident_memory_bytes")
        ]
        self.assertLess(resident[0], 256 * 1024 * 1024)

    def test_an_endless_answer_is_cut_off(self):
        events, _ = self.outcome("endless")
        self.assertEqual(len(self.delivered_to(events)), 1)

    def test_garbage_instead_of_http_is_a_failure_and_tried_again(self):
        self.check("garbage", self.first["garbage"], 2)

    def test_a_dead_provider_loses_its_referral_to_the_next_before_the_deadline(self):
        events, _ = self.check("dead", self.second["dead"])
        routed = [e["destination"] for e in events if e["kind"] == "routed"]
        self.assertEqual(routed, [self.first["dead"], self.second["dead"]])
        self.assertEqual(self.passed_over("dead")[self.first["dead"]], "tried")

    def test_a_dead_only_provider_returns_it_to_the_referrer(self):
        events, _ = self.outcome("dead alone")
        self.assertEqual(self.delivered_to(events), [])
        self.assertTrue([e for e in events if e["kind"] == "returned"][0]["reason"])

    def test_an_address_outside_the_allowed_networks_is_never_reached(self):
        self.check("metadata", self.second["metadata"])

    def test_an_endpoint_that_a_new_directory_blocks_is_told_at_once(self):
        def refused():
            return [
                float(line.split()[1])
                for line in self.stack.metrics("dispatcher").splitlines()
                if line.startswith("referral_dispatcher_endpoints_refused ")
            ][0]

        wait_until(lambda: refused() == 1, 20, "the metadata service is counted")
        district = sorted(self.generator.places)[0]
        scripted.load(
            self.stack,
            [
                scripted.row(
                    self.stack.schemas,
                    self.generator.places,
                    "FAX99",
                    "contraception",
                    district,
                    "https://10.1.2.3/in",
                )
            ],
        )
        wait_until(lambda: refused() == 2, 20, "the new one is counted")
        told = [
            line
            for line in self.stack.log_path("dispatcher").read_text().splitlines()
            if "endpoint-refused" in line
        ]
        self.assertEqual(len(told), 2, "each once")
        self.assertTrue(any("FAX99" in line for line in told))

    def test_everything_balances_in_the_end(self):
        report = self.stack.settle()
        self.assertEqual(report["total"]["missing"], 0)
        self.assertEqual(report["total"]["returned"], len(ALONE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
