# SPDX-License-Identifier: Apache-2.0
"""One scripted provider against the real dispatcher: what each kind of answer, or of no answer,
comes to."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402

FIRST, SECOND = (
    "FAA01",
    "FAA02",
)  # the nearest pharmacy, scripted, and a healthy one a little farther away


class Provider(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_RETRY_FIRST_MS": "200",
                    "DISPATCHER_RETRY_MOST_MS": "400",
                    "DISPATCHER_HOP_LIMIT_MS": "6000",
                    "DISPATCHER_ATTEMPT_TIMEOUT_MS": "1500",
                }
            )
        )
        cls.stack.start()
        cls.count = 0

    def setUp(self):
        self.receiver = Receiver().start()
        self.addCleanup(self.receiver.stop)
        type(self).count += 1

    def load(self, first_url=None, second=True):
        generator = generate.Generator(self.count, self.stack.schemas)
        services = " ".join(generate.services_of(self.stack.schemas, "blood-pressure"))
        easting, northing = generator.places["ME14"]

        def row(code, offset, url):
            return dict(
                zip(
                    generate.COLUMNS,
                    (
                        code,
                        f"Invented {code}",
                        "pharmacy",
                        "West Kent",
                        "Maidstone Central",
                        "ME14 1AA",
                        easting + offset,
                        northing,
                        services,
                        "false",
                        "false",
                        "",
                        url,
                        "json",
                        "",
                    ),
                )
            )

        rows = [row(FIRST, 100, first_url or self.receiver.url(FIRST))]
        if second:
            rows.append(row(SECOND, 9000, self.receiver.url(SECOND)))
        generate.write_directory(rows, self.stack.dir / "providers.csv")
        self.stack.ctl("providers", "load", "--replace", self.stack.dir / "providers.csv")
        time.sleep(0)  # the directory is followed live; send() waits for the routed event
        body = generator.body("blood-pressure")
        body["patient"]["postcode"] = "ME14 2AB"
        return body

    def send(self, body):
        status, _, document = self.stack.post(body, f"provider-{self.count}-{time.monotonic_ns()}")
        self.assertEqual(status, 202, document)
        return document["id"]

    def history(self, referral_id, last, timeout=40):
        """The referral's events in order, once `last` is among them."""

        def found():
            events = [e for e in oracle.events(self.stack) if e["referral_id"] == referral_id]
            return events if last in [e["kind"] for e in events] else None

        return wait_until(found, timeout, f"{last} of {referral_id}")

    def wait_for_directory(self, url_part):
        """The dispatcher and router follow the directory live: a change takes effect in under two
        seconds."""
        time.sleep(2)

    def run_case(self, *script, first_url=None, second=True, last="delivered"):
        self.receiver.script(FIRST, *script or (Answer(),))
        body = self.load(first_url, second)
        self.wait_for_directory(FIRST)
        referral_id = self.send(body)
        events = self.history(referral_id, last)
        self.stack.settle()
        return (
            referral_id,
            events,
            [r for r in self.receiver.snapshot() if r.referral_id == referral_id],
        )

    def results(self, events):
        return [e["result"] for e in events if e["kind"] == "attempted"]

    def delivered_to(self, events):
        return [e["destination"] for e in events if e["kind"] == "delivered"]

    def test_500_is_tried_again_until_it_is_taken(self):
        _, events, came = self.run_case(Answer(500), Answer(500), Answer(200))
        self.assertEqual(self.delivered_to(events), [FIRST])
        self.assertEqual(len(came), 3)
        self.assertEqual(len({r.delivery_id for r in came}), 1, "the id is stable over retries")

    def test_404_goes_to_the_next_provider_at_once(self):
        _, events, came = self.run_case(Answer(404))
        self.assertEqual(self.delivered_to(events), [SECOND])
        self.assertEqual([r.provider for r in came], [FIRST, SECOND])
        self.assertNotEqual(came[0].delivery_id, came[1].delivery_id)

    def test_404_of_the_only_provider_returns_it_with_a_reason(self):
        _, events, came = self.run_case(Answer(404), second=False, last="returned")
        self.assertEqual(len(came), 1)
        self.assertTrue([e for e in events if e["kind"] == "returned"][0]["reason"])

    def test_410_goes_to_the_next_provider(self):
        _, events, came = self.run_case(Answer(410))
        self.assertEqual(self.delivered_to(events), [SECOND])

    def test_409_duplicate_is_delivered(self):
        body = (
            b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"duplicate"}]}'
        )
        _, events, came = self.run_case(Answer(409, body=body))
        self.assertEqual(self.delivered_to(events), [FIRST])
        self.assertEqual(len(came), 1)

    def test_409_of_another_kind_goes_to_the_next_provider(self):
        body = (
            b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"conflict"}]}'
        )
        _, events, _ = self.run_case(Answer(409, body=body))
        self.assertEqual(self.delivered_to(events), [SECOND])

    def test_429_waits_for_as_long_as_it_was_told(self):
        _, events, came = self.run_case(Answer(429, headers=(("Retry-After", "3"),)), Answer(200))
        self.assertEqual(self.delivered_to(events), [FIRST])
        self.assertGreaterEqual(came[1].at - came[0].at, 2.9)

    def test_a_redirect_is_never_followed(self):
        _, events, came = self.run_case(
            Answer(302, headers=(("Location", self.receiver.url("ELSEWHERE")),)), Answer(200)
        )
        self.assertNotIn("ELSEWHERE", [r.provider for r in self.receiver.snapshot()])

    def test_an_answer_that_never_comes_is_cut_off_and_tried_again(self):
        _, events, came = self.run_case(Answer(how="hang"), Answer(200))
        self.assertEqual(self.delivered_to(events), [FIRST])
        self.assertEqual(len(came), 2)

    def test_a_dripping_answer_is_cut_off(self):
        _, events, came = self.run_case(Answer(how="drip", delay=0.3), Answer(200))
        self.assertEqual(self.delivered_to(events), [FIRST])
        self.assertEqual(len(came), 2)

    def test_a_reset_connection_is_one_attempt_and_tried_again(self):
        _, events, came = self.run_case(Answer(how="reset"), Answer(how="close"), Answer(200))
        self.assertEqual(self.delivered_to(events), [FIRST])
        self.assertEqual(len(came), 3, "no silent second POST by the HTTP library")

    def test_a_kept_connection_that_dies_brings_no_silent_second_post(self):
        referral_id, _, _ = self.run_case(Answer(200))
        self.receiver.script(FIRST, Answer(how="close"), Answer(200))
        body = self.load()
        second = self.send(body)
        events = self.history(second, "delivered")
        came = [r for r in self.receiver.snapshot() if r.referral_id == second]
        self.assertEqual(
            len(came), len(self.results(events)) + (0 if "http-200" in self.results(events) else 1)
        )

    def test_megabytes_of_answer_do_not_fill_the_memory(self):
        _, events, came = self.run_case(Answer(how="megabytes", size=32 * 1024 * 1024))
        self.assertEqual(len(self.delivered_to(events)), 1)
        resident = float(
            [
                line
                for line in self.stack.metrics("dispatcher").splitlines()
                if line.startswith("process_resident_memory_bytes")
            ][0].split()[1]
        )
        self.assertLess(resident, 64 * 1024 * 1024)

    def test_an_endless_answer_is_cut_off(self):
        _, events, _ = self.run_case(Answer(how="endless"))
        self.assertEqual(len(self.delivered_to(events)), 1)

    def test_garbage_instead_of_http_is_a_failure_and_tried_again(self):
        _, events, came = self.run_case(Answer(how="garbage"), Answer(200))
        self.assertEqual(self.delivered_to(events), [FIRST])

    def test_a_dead_provider_loses_its_referral_to_the_next_before_the_deadline(self):
        _, events, came = self.run_case(first_url=f"http://127.0.0.1:{free_port()}/{FIRST}")
        self.assertEqual(self.delivered_to(events), [SECOND])
        routed = [e["destination"] for e in events if e["kind"] == "routed"]
        self.assertEqual(routed, [FIRST, SECOND])

    def test_a_dead_only_provider_returns_it_to_the_referrer(self):
        _, events, _ = self.run_case(
            first_url=f"http://127.0.0.1:{free_port()}/{FIRST}", second=False, last="returned"
        )
        self.assertEqual(self.delivered_to(events), [])

    def test_an_address_outside_the_allowed_networks_is_never_reached(self):
        _, events, _ = self.run_case(first_url="http://169.254.169.254/latest/meta-data")
        self.assertEqual(self.delivered_to(events), [SECOND])


if __name__ == "__main__":
    unittest.main(verbosity=2)
