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
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from copying import Proxy  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import BIN_DIR, Stack, wait_until  # noqa: E402

COUNT = 5000
PORTION = 1024  # MOVES_PER_TRANSACTION
VALID_MS = 1000
IN_TIME = {"DISPATCHER_OPERATION_VALID_MS": str(VALID_MS)}
SLOWLY = {**IN_TIME, "DISPATCHER_COMMIT_INTERVAL_MS": "1000"}  # between two portions, too
SICK, NEXT, HANGS = "FO001", "FO002", "RAL01"


class OperationKill(unittest.TestCase):
    def figure(self, name):
        return self.stack.metric("dispatcher", f"referral_dispatcher_{name}")

    def left_there(self):
        done = self.stack.ctl("deliveries", "list", SICK, "--topic-only", "--json")
        rows = json.loads(done.stdout)["destinations"]
        return rows[0]["pending"] if rows else 0

    def watch(self, isolation):
        """The end of SICK's partition."""
        ends = oracle.Ends(self.stack.bootstrap, "deliveries", isolation, self.partition)
        self.addCleanup(ends.close)
        return ends.sum

    def answers(self):
        decode = oracle.decoder(oracle.message_schema(self.stack.schemas, "operation"))
        messages = oracle.read_topic(self.stack.bootstrap, ["delivery.operations"])
        return [decode(message.value()) for message in messages]

    def load(self):
        self.generator = generate.Generator(1, self.stack.schemas)
        self.district = scripted.apart(self.generator.places, 1)[0]
        scripted.load_in(
            self.stack,
            self.receiver,
            self.district,
            (SICK, "blood-pressure", 100),
            (NEXT, "blood-pressure", 1500),
            (HANGS, "msk", 100),
        )

    def produce(self, pathway, count):
        body = scripted.routable(self.generator, pathway)
        body["patient"]["postcode"] = self.district
        return scripted.produce(self.stack, body, [None] * count)

    def produce_a_backlog(self):
        """And one that is under way all the time: else the next portion would follow at once."""
        self.receiver.script(HANGS, Answer(how="hang"))
        self.ids = self.produce("blood-pressure", COUNT)
        self.hanging = self.produce("msk", 1)
        wait_until(lambda: self.left_there() == COUNT, 60, "all routed")
        messages = oracle.read_topic(self.stack.bootstrap, ["deliveries"])
        self.partition = collections.Counter(m.partition() for m in messages).most_common(1)[0][0]
        self.stack.ctl("providers", "pause", SICK)

    def ask(self):
        return subprocess.Popen(
            [
                str(BIN_DIR / "referralctl"),
                *("deliveries", "reroute", SICK, "--json", "--wait-seconds", "300"),
                *("--by", "ada", "--reason", "supplier is down"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=self.stack.dir,
            env=self.stack.environment,
        )

    def kill_between_two_portions(self):
        end = self.watch("read_committed")
        before = end()
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
            asked_at = time.monotonic()
            with self.ask() as question:
                left = self.kill_between_two_portions()
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

    def check_the_moves(self):
        """One for each referral, and one acceptance."""
        moved = [e["referral_id"] for e in oracle.events(self.stack) if e["reason"] == "operator"]
        self.assertEqual(sorted(moved), sorted(self.ids))
        taken = [r for r in self.receiver.snapshot() if r.accepted and r.provider != HANGS]
        self.assertEqual({r.provider for r in taken}, {NEXT})
        unmarked = [
            r.delivery_id for r in taken if "referral-possible-duplicate" not in r.headers
        ]
        self.assertEqual(len(unmarked), len(set(unmarked)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
