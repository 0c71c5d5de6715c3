# SPDX-License-Identifier: Apache-2.0
"""Two dispatchers share 20,000 deliveries to 200 endpoints, of which ten hang, while either is
killed, frozen, stopped and started, and the broker goes away: each referral ends once, the audit
balances, and what a provider was sent twice bears the mark."""

import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402

COUNT = int(os.environ.get("TAKE_OVER_COUNT", "20000"))
ENDPOINTS = 200
HANGING = 10
PATHWAY = "falls"
FIRST, SECOND = "dispatcher", "dispatcher-2"


class TakeOver(unittest.TestCase):
    def begin(self, name, ready=True):
        self.stack.start(
            name,
            ready=ready,
            program="dispatcher",
            INSTANCE=name,
            DISPATCHER_HEALTH_LISTEN=f"127.0.0.1:{self.stack.health[name]}",
        )

    def wait_taken(self, share):
        """Until that share of all has come in somewhere."""
        count = int(COUNT * share)
        self.receiver.wait_for(lambda got: len(got) >= count, 180, f"{count} requests")

    def test_two_dispatchers_take_over_from_each_other_and_lose_nothing(self):
        with Receiver() as self.receiver, Stack(
            as_shipped=True,
            environment={
                "DISPATCHER_ATTEMPT_TIMEOUT_MS": "5000",
                "DISPATCHER_RETRY_FIRST_MS": "200",
                "DISPATCHER_RETRY_MOST_MS": "2000",
                "DISPATCHER_PROBE_FIRST_MS": "1000",
                "DISPATCHER_HOP_LIMIT_MS": "30000",
                "DISPATCHER_SESSION_TIMEOUT_MS": "6000",
            }
        ) as self.stack:
            self.stack.health[SECOND] = free_port()
            generator = generate.Generator(3, self.stack.schemas)
            body = scripted.routable(generator, PATHWAY)
            district = body["patient"]["postcode"].split()[0]
            codes = [f"RTO{number:03}" for number in range(ENDPOINTS)]
            scripted.load(
                self.stack,
                [
                    scripted.row(
                        self.stack.schemas,
                        generator.places,
                        code,
                        PATHWAY,
                        district,
                        self.receiver.url(code),
                    )
                    for code in codes
                ],
            )
            for code in codes[::ENDPOINTS // HANGING]:
                self.receiver.script(code, Answer(how="hang"))
            self.stack.start("router", "aggregator")
            self.begin(FIRST)
            self.begin(SECOND)
            nominated = [codes[number % len(codes)] for number in range(COUNT)]
            ids = scripted.produce(self.stack, body, nominated)

            self.wait_taken(0.05)
            for name in (FIRST, SECOND):
                wait_until(
                    lambda: self.stack.metric(name, "referral_dispatcher_delivered_total"),
                    60,
                    f"{name} has a share",
                )
            self.stack.kill(FIRST)  # the second takes all over
            self.wait_taken(0.3)
            self.begin(FIRST)
            self.wait_taken(0.4)
            self.stack.kill(SECOND, signal.SIGSTOP)
            self.wait_taken(0.6)
            self.stack.kill(SECOND, signal.SIGCONT)
            self.wait_taken(0.65)
            self.stack.kafka_stop()
            time.sleep(1)  # the outage
            self.stack.kafka_start()
            self.wait_taken(0.8)
            self.stack.restart(FIRST, signal.SIGTERM, INSTANCE=FIRST)
            self.wait_taken(0.9)
            if self.stack.processes[SECOND].poll() is None:
                self.stack.kill(SECOND)
            self.begin(SECOND, ready=False)

            report, ends = oracle.check_ends(self, self.stack, ids, self.receiver)
            self.assertEqual(set(ends), set(ids))
            self.assertEqual(report["total"]["accepted"], COUNT)
            self.assertEqual(report["total"]["delivered"], COUNT, "somebody takes every one")
            oracle.check_marks(self, self.receiver)


if __name__ == "__main__":
    unittest.main(verbosity=2)
