# SPDX-License-Identifier: Apache-2.0
"""More deliveries than the dispatcher may hold. Once it undid and read the same again without
end, and said that Kafka was away. Now what doesn't fit stays on the topic: the others are served,
and all of it is delivered, once, when its provider is back, through a kill -9 in between."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

HELD = 40
BACKLOG = 120
OTHERS = 30
DEAD, WELL = "RAL01", "RAL02"


class Room(unittest.TestCase):
    def figure(self, name):
        return self.stack.metric("dispatcher", f"referral_dispatcher_{name}")

    def post(self, pathway, number):
        body = self.generator.body(pathway)
        body["patient"]["postcode"] = self.district
        return scripted.post(self.stack, body, f"{pathway}-{number}")

    def taken(self, ids):
        """How often each of them was accepted."""
        counts = dict.fromkeys(ids, 0)
        for request in self.receiver.snapshot():
            if request.accepted and request.referral_id in counts:
                counts[request.referral_id] += 1
        return counts

    def test_a_backlog_that_does_not_fit_keeps_nobody_out_and_is_delivered_later(self):
        environment = {
            "DISPATCHER_PENDING_MAX": str(HELD),
            "DISPATCHER_PROBE_FIRST_MS": "300",
            "DISPATCHER_PROBE_MOST_MS": "1000",
        }
        with Receiver() as self.receiver, Stack(environment=environment) as self.stack:
            self.generator = generate.Generator(1, self.stack.schemas)
            self.district = scripted.apart(self.generator.places, 1)[0]
            self.receiver.script(DEAD, Answer(503))
            scripted.load_in(
                self.stack, self.receiver, self.district, (DEAD, "msk", 0), (WELL, "falls", 0)
            )
            self.stack.start()
            backlog = [self.post("msk", number) for number in range(BACKLOG)]
            wait_until(
                lambda: self.figure("left_on_topic") >= BACKLOG - HELD - 10, 60, "a full core"
            )
            others = [self.post("falls", number) for number in range(OTHERS)]
            wait_until(lambda: min(self.taken(others).values()) == 1, 30, "the others")
            wait_until(lambda: self.stack.is_ready("dispatcher"), 10, "a dispatcher that is ready")
            self.assertLessEqual(self.figure("pending"), HELD * 5 // 4)
            self.assertEqual(max(self.taken(backlog).values()), 0)
            wait_until(lambda: self.figure("delivered_total") == OTHERS, 30, "their commit")

            self.stack.restart("dispatcher")
            self.stack.wait_ready("dispatcher", 60)
            self.receiver.script(DEAD, Answer(200))
            wait_until(lambda: min(self.taken(backlog).values()) >= 1, 180, "the backlog")
            report = self.stack.settle()
            self.assertEqual(report["total"]["missing"], 0)
            self.assertEqual(report["total"]["delivered"], BACKLOG + OTHERS)
            self.assertEqual(max(self.taken(backlog).values()), 1)
            self.assertEqual(max(self.taken(others).values()), 1)
            wait_until(lambda: self.figure("left_on_topic") == 0, 10, "nothing left there")


if __name__ == "__main__":
    unittest.main(verbosity=2)
