# SPDX-License-Identifier: Apache-2.0
"""What an operator asks reaches the deliveries that stay on the topic for want of room, too. Once
it did not, and nobody said so. A dispatcher that holds 80 has 200 for a provider that is paused: it
tells how many are left, one of them is re-routed by its id, and all of them by their destination,
through a kill -9 in the middle. Then another backlog is released, of which the most is left."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import oracle  # noqa: E402
from backlog import NEXT, SICK, Backlog  # noqa: E402
from backlog import HANGS as ALONE  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

HELD = 80
BACKLOG = 200
WHY = ("--by", "ada", "--reason", "supplier is down", "--wait-seconds", "60")


class OperationLeft(Backlog):
    def figure(self, name):
        return self.stack.metric("dispatcher", f"referral_dispatcher_{name}")

    def ctl(self, *arguments, code=0):
        return self.stack.ask_dispatchers(*arguments, code=code)

    def row(self, destination, *arguments):
        rows = self.ctl("list", destination, *arguments)["destinations"]
        return rows[0] if rows else {"pending": 0}

    def state(self, destination):
        return (self.row(destination).get("dispatcher") or {"state": ""})["state"]

    def taken(self, provider):
        return sorted(
            r.referral_id
            for r in self.receiver.snapshot()
            if r.provider == provider and r.accepted
        )

    def test_what_is_left_on_the_topic_is_told_of_moved_and_released(self):
        with Receiver() as self.receiver, Stack(
            environment={
                "DISPATCHER_PENDING_MAX": str(HELD),
                "DISPATCHER_PROBE_FIRST_MS": "600000",  # what a release sends no probe would
                "DISPATCHER_PROBE_MOST_MS": "600000",
            }
        ) as self.stack:
            self.load()
            self.stack.start("gateway", "router", "aggregator", "tracker")
            self.ids = self.produce("blood-pressure", BACKLOG)
            wait_until(lambda: self.row(SICK, "--topic-only")["pending"] == BACKLOG, 60, "them")
            self.stack.ctl("providers", "pause", SICK)
            self.stack.start("dispatcher")
            wait_until(lambda: self.figure("left_on_topic") == BACKLOG - HELD, 60, "a full core")
            self.check_the_list()
            one = self.move_one()
            self.move_all_through_a_kill(one)
            self.release_the_others()
            report = self.stack.settle()
            self.assertEqual(report["total"]["missing"], 0)
            self.assertEqual(report["total"]["delivered"], 2 * BACKLOG)

    def check_the_list(self):
        row = self.row(SICK)
        self.assertEqual(row["pending"], BACKLOG)
        seen = row["dispatcher"]
        self.assertEqual((seen["held"], seen["left"]), (HELD, BACKLOG - HELD))
        dry = self.ctl("reroute", SICK, "--dry-run")
        self.assertEqual(dry["touched"], BACKLOG)
        self.assertEqual(self.figure("left_on_topic"), BACKLOG - HELD)

    def move_one(self):
        """The last of them on the topic has found no room."""
        decode = oracle.decoder(oracle.message_schema(self.stack.schemas, "delivery"))
        records = [
            decode(message.value())
            for message in oracle.read_topic(self.stack.bootstrap, ["deliveries"])
            if message.value() and len(message.key()) == 36
        ]
        one = records[-1]
        self.assertEqual(one["destination"], SICK)
        self.assertEqual(self.ctl("retry", one["id"], *WHY)["operations"][0]["touched"], 1)
        answer = self.ctl("reroute", one["id"], *WHY)["operations"][0]
        self.assertEqual((answer["stage"], answer["touched"], answer["moved"]), ("done", 1, 1))
        self.receiver.wait_for(
            lambda _: self.taken(NEXT) == [one["referral_id"]], 20, "it, and no other"
        )
        return one["referral_id"]

    def move_all_through_a_kill(self, one):
        # what was moved keeps its room until it is taken: the next portion is a small one
        self.receiver.script(NEXT, Answer(200, delay=5))

        def asked():
            done = self.stack.ctl(
                "deliveries", "reroute", SICK, *WHY[:-1], "1", "--json", check=False
            )
            self.assertIn(done.returncode, (0, 69), done.stderr)
            return done.returncode == 0 or "no-answer" in done.stderr

        wait_until(asked, 60, "a question that Kafka has")
        # those held go first: then some that were not are on their way, too
        wait_until(
            lambda: self.row(SICK, "--topic-only")["pending"] < BACKLOG - HELD, 60, "the first"
        )
        self.stack.kill("dispatcher")
        self.receiver.script(NEXT, Answer(200))
        before = self.row(SICK, "--topic-only")["pending"]
        self.assertGreater(before, 0, "it was too late to be a test")
        self.stack.start("dispatcher", ready=False)
        wait_until(lambda: self.row(SICK, "--topic-only")["pending"] == 0, 120, "all of them moved")
        self.receiver.wait_for(
            lambda _: set(self.taken(NEXT)) == set(self.ids), 60, "all of them taken"
        )
        answers = wait_until(lambda: self.answers_at("done"), 30, "the answer")
        self.assertEqual(
            [(a["touched"], a["moved"]) for a in answers], [(1, 1), (BACKLOG - 1, BACKLOG - 1)]
        )
        self.assertEqual((answers[1]["held"], answers[1]["left"]), (0, 0))
        self.assertEqual(self.taken(SICK), [])
        moved = [e["referral_id"] for e in oracle.events(self.stack) if e["reason"] == "operator"]
        self.assertEqual(sorted(moved), sorted(self.ids))

    def answers_at(self, stage):
        """To re-routes; None while the second has none."""
        found = [r for r in self.answers() if r["kind"] == "reroute" and r["stage"] == stage]
        return sorted(found, key=lambda r: r["touched"]) if len(found) > 1 else None

    def release_the_others(self):
        """A release is answered at once: what is left waits for room, and for nothing else."""
        self.receiver.script(ALONE, Answer(503))
        ids = self.produce("msk", BACKLOG)
        wait_until(lambda: "broken" in self.state(ALONE), 60, "a breaker that is open")
        wait_until(lambda: self.figure("left_on_topic") == BACKLOG - HELD, 60, "a full core")
        self.receiver.script(ALONE, Answer(200))
        answer = self.ctl("release", ALONE, *WHY)["operations"][0]
        self.assertEqual((answer["stage"], answer["left"]), ("done", BACKLOG - HELD))
        self.receiver.wait_for(
            lambda _: set(ids) <= set(self.taken(ALONE)), 60, "all of them, with no probe between"
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
