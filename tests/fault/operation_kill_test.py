# SPDX-License-Identifier: Apache-2.0
"""A re-route of a whole backlog takes several transactions. The dispatcher is killed between two of
them, and once more while one is open; and by then it is too late for a question that nobody had
begun. Each delivery goes elsewhere once, and the answer says how many did. Once the answer counted
only what the last process had moved, and the rest of a backlog was not moved at all if the next one
came 10 minutes after the question."""

import collections
import contextlib
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import oracle  # noqa: E402
from backlog import COUNT, HANGS, PORTION, Backlog  # noqa: E402
from copying import Proxy  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

VALID_MS = 1000
IN_TIME = {"DISPATCHER_OPERATION_VALID_MS": str(VALID_MS)}  # of those that go on, not of the first
SLOWLY = {"DISPATCHER_COMMIT_INTERVAL_MS": "4000"}  # between two portions, too


class OperationKill(Backlog):
    def figure(self, name):
        return self.stack.metric("dispatcher", f"referral_dispatcher_{name}")

    def kill_between_two_portions(self, end, before):
        wait_until(lambda: end() > before + PORTION, 60, "a portion committed")
        self.stack.kill("dispatcher")
        left = self.left_there()
        self.assertEqual((COUNT - left) % PORTION, 0)
        self.assertGreater(left, 0, "it was too late to be a test")
        return left

    def kill_inside_a_portion(self, left):
        """All of it is written, and the word that it is to be committed does not reach Kafka."""
        written, committed = self.watch("read_uncommitted"), self.watch("read_committed")
        reached, killed = threading.Event(), threading.Event()

        def on_end(_):
            if written() - committed() <= PORTION // 2:
                return "pass"
            reached.set()
            killed.wait(60)
            return "lose-request"

        with contextlib.closing(Proxy(self.stack)) as proxy:
            proxy.on_end = on_end
            through = {"KAFKA_BOOTSTRAP_SERVERS": proxy.bootstrap}
            self.stack.start("dispatcher", ready=False, **IN_TIME, **through)
            self.assertTrue(reached.wait(180), "a portion in an open transaction")
            self.stack.kill("dispatcher")
            killed.set()
        self.assertGreater(self.left_there(), 0)
        self.assertLessEqual(self.left_there(), left)

    def test_each_goes_elsewhere_once_though_two_die_over_it(self):
        with Receiver() as self.receiver, Stack() as self.stack:
            self.load()
            self.stack.start("gateway", "router", "aggregator", "tracker")
            self.produce_a_backlog()
            self.stack.start("dispatcher", **SLOWLY)
            wait_until(lambda: self.figure("pending") == COUNT + 1, 60, "all of it held")
            end = self.watch("read_committed")
            before = end()
            asked_at = time.monotonic()
            with self.ask() as question:
                left = self.kill_between_two_portions(end, before)
                too_late = asked_at + 2 * VALID_MS / 1000
                wait_until(lambda: time.monotonic() > too_late, 10, "that it is too late to begin")
                self.kill_inside_a_portion(left)
                self.receiver.script(HANGS, Answer(200))
                self.stack.start("dispatcher", **IN_TIME)
                said, _ = question.communicate(timeout=300)
            self.assertEqual(question.returncode, 0, said)
            self.check_the_answers(json.loads(said)["operations"])
            report, _ = oracle.check_ends(
                self, self.stack, self.ids + self.hanging, self.receiver
            )
            self.assertEqual(report["total"]["delivered"], COUNT + 1)
            self.check_the_moves()

    def check_the_answers(self, operations):
        self.assertEqual(len(operations), 1)
        for one in operations + [a for a in self.answers() if a["stage"] == "done"]:
            self.assertEqual(
                (one["stage"], one["touched"], one["moved"], one["returned"], one["stayed"]),
                ("done", COUNT, COUNT, 0, 0),
            )
        stages = collections.Counter(answer["stage"] for answer in self.answers())
        self.assertEqual((stages["done"], stages["expired"]), (1, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
