# SPDX-License-Identifier: Apache-2.0
"""Several ask about the same backlog at once, and a backlog changes hands while it is re-routed. To
each its own count: once whoever stood first in memory was told what all had moved, and one delivery
that was asked for came out as a thousand moved. Then two dispatchers share the work: the one that
re-routes is frozen, wakes when the other has taken over, and that one is stopped."""

import json
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import oracle  # noqa: E402
from backlog import COUNT, HANGS, PORTION, SICK, Backlog  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402

MANY = 10000
FIRST, SECOND = "dispatcher", "dispatcher-2"
TAKE_OVER = {
    "DISPATCHER_COMMIT_INTERVAL_MS": "3000",  # between two portions
    "DISPATCHER_SESSION_TIMEOUT_MS": "6000",
}


class OperationShared(Backlog):
    def operations(self):
        """What is said of each now: on the topic of the deliveries, tombstones left out."""
        latest = {
            message.key(): message.value()
            for message in oracle.read_topic(self.stack.bootstrap, ["deliveries"])
            if message.key().startswith(b"operation/")
        }
        return [value for value in latest.values() if value]

    def deliveries(self):
        decode = oracle.decoder(oracle.message_schema(self.stack.schemas, "delivery"))
        messages = oracle.read_topic(self.stack.bootstrap, ["deliveries"])
        records = [decode(m.value()) for m in messages if m.value() and len(m.key()) == 36]
        return [record["id"] for record in records if record["destination"] == SICK]

    def said(self, question):
        out, _ = question.communicate(timeout=300)
        self.assertEqual(question.returncode, 0, out)
        operations = json.loads(out)["operations"]
        for one in operations:
            self.assertEqual(one["stage"], "done")
            self.assertEqual(one["moved"], one["touched"], operations)
            self.assertEqual((one["returned"], one["stayed"]), (0, 0))
        return [one["moved"] for one in operations]

    def test_each_who_asks_is_told_what_came_of_what_he_asked_for(self):
        with Receiver() as self.receiver, Stack() as self.stack:
            self.load()
            self.stack.start("gateway", "router", "aggregator", "tracker")
            self.produce_a_backlog()
            first, second, *_ = self.deliveries()
            with self.ask(first, SICK) as ada:
                wait_until(lambda: len(self.operations()) == 2, 30, "ada's question")
                with self.ask(SICK, by="bob") as bob, self.ask(second, by="cyd") as cyd:
                    wait_until(lambda: len(self.operations()) == 4, 30, "all questions")
                    self.stack.start("dispatcher")
                    self.assertEqual(self.said(ada), [1, COUNT - 1])
                    self.assertEqual(self.said(bob), [0])
                    self.assertEqual(self.said(cyd), [0])
            self.end()

    def end(self):
        self.receiver.script(HANGS, Answer(200))
        report, _ = oracle.check_ends(self, self.stack, self.ids + self.hanging, self.receiver)
        self.assertEqual(report["total"]["delivered"], len(self.ids) + 1)
        self.check_the_moves()

    def begin(self, name, **environment):
        self.stack.start(
            name,
            program="dispatcher",
            INSTANCE=name,
            DISPATCHER_HEALTH_LISTEN=f"127.0.0.1:{self.stack.health[name]}",
            **environment,
        )

    def holds(self, name):
        """It has the backlog, not only what was moved."""
        pending = self.stack.metric(name, "referral_dispatcher_pending")
        return (pending or 0) > PORTION and pending >= self.left_there() > 0

    def portion(self):
        """Seen by the partition's end: a list of what is left there takes as long as a portion."""
        before = self.end_there()
        wait_until(lambda: self.end_there() > before + PORTION // 2, 60, "a portion")

    def test_a_backlog_that_changes_hands_is_moved_once_and_counted_once(self):
        with Receiver() as self.receiver, Stack() as self.stack:
            self.stack.health[SECOND] = free_port()
            self.load()
            self.stack.start("gateway", "router", "aggregator", "tracker")
            self.produce_a_backlog(MANY)
            self.end_there = self.watch("read_committed")
            self.begin(FIRST, **TAKE_OVER)
            self.begin(SECOND, **TAKE_OVER)
            owner = wait_until(
                lambda: [name for name in (FIRST, SECOND) if self.holds(name)], 60, "an owner"
            )[0]
            other = SECOND if owner == FIRST else FIRST
            with self.ask() as question:
                self.portion()
                self.stack.kill(owner, signal.SIGSTOP)
                wait_until(lambda: self.holds(other), 120, "a take-over")
                self.portion()
                self.stack.kill(owner, signal.SIGCONT)
                self.portion()
                self.stack.kill(other, signal.SIGTERM)
                self.assertGreater(self.left_there(), 0, "it was too late to be a test")
                if self.stack.processes[owner].poll() is not None:  # it was fenced, and said so
                    self.begin(owner, **TAKE_OVER)
                self.assertEqual(self.said(question), [MANY])
            done = [answer for answer in self.answers() if answer["stage"] == "done"]
            self.assertEqual([(a["touched"], a["moved"]) for a in done], [(MANY, MANY)])
            self.stack.kill(owner, signal.SIGTERM)
            self.begin(owner)  # what has moved is delivered at its usual pace
            self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
