# SPDX-License-Identifier: Apache-2.0
"""A provider that is paused, with a whole backlog that operators ask dispatchers to re-route."""

import collections
import json
import subprocess
import unittest

import generate
import oracle
import scripted
from receiver import Answer
from stack import BIN_DIR, wait_until

COUNT = 5000
PORTION = 1024  # MOVES_PER_TRANSACTION
SICK, NEXT, HANGS = "FO001", "FO002", "RAL01"


class Backlog(unittest.TestCase):
    """Whoever inherits sets `stack` and `receiver`."""

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

    def produce_a_backlog(self, count=COUNT):
        """And one that is under way all the time: else the next portion would follow at once."""
        self.receiver.script(HANGS, Answer(how="hang"))
        self.ids = self.produce("blood-pressure", count)
        self.hanging = self.produce("msk", 1)
        wait_until(lambda: self.left_there() == count, 60, "all routed")
        messages = oracle.read_topic(self.stack.bootstrap, ["deliveries"])
        self.partition = collections.Counter(m.partition() for m in messages).most_common(1)[0][0]
        self.stack.ctl("providers", "pause", SICK)

    def ask(self, *about, by="ada"):
        """A process that asks for re-routes, of SICK's whole backlog if nothing else is named, and
        again where Kafka was away: it says so at once, and that no dispatcher answers at the end
        of its patience."""
        again = (
            "for _ in {1..30}; do at=$SECONDS; "
            '"$0" "$@"; code=$?; ((code == 69 && SECONDS - at < 250)) || break; done; exit $code'
        )
        return subprocess.Popen(
            [
                *("bash", "-c", again, str(BIN_DIR / "referralctl")),
                *("deliveries", "reroute", *(about or (SICK,)), "--json"),
                *("--by", by, "--reason", "supplier is down", "--wait-seconds", "300"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=self.stack.dir,
            env=self.stack.environment,
        )

    def check_the_moves(self):
        """One for each referral, and one acceptance."""
        moved = [e["referral_id"] for e in oracle.events(self.stack) if e["reason"] == "operator"]
        self.assertEqual(sorted(moved), sorted(self.ids))
        taken = [r for r in self.receiver.snapshot() if r.accepted and r.provider != HANGS]
        self.assertEqual({r.provider for r in taken}, {NEXT})
        oracle.check_marks(self, self.receiver)
