# SPDX-License-Identifier: Apache-2.0
"""A commit that hangs holds up nothing but what has to be written: what was noted before is sent,
answers are heard, and a pause is in force. Once the dispatcher's loop waited for it, and started
nothing in that time."""

import contextlib
import pathlib
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
from stack import Stack, wait_until  # noqa: E402

COUNT = 300  # about half of them are noted ahead; the others can't go while a commit hangs
ALONE = "RAL01"
HELD_SECONDS = 11  # the dispatcher waits for 12
SLOW_SECONDS = 3


class Commit(unittest.TestCase):
    def load(self):
        generator = generate.Generator(1, self.stack.schemas)
        district = scripted.apart(generator.places, 1)[0]
        scripted.load_in(self.stack, self.receiver, district, (ALONE, "msk", 100))
        self.stack.start("gateway", "router", "aggregator", "tracker")
        body = scripted.routable(generator, "msk")
        body["patient"]["postcode"] = district
        self.ids = scripted.produce(self.stack, body, [None] * COUNT)

    def begun(self):
        return len(self.receiver.snapshot())

    def quiet(self):
        """Nothing has come for longer than what is under way takes."""
        return time.time() - self.receiver.snapshot()[-1].at > SLOW_SECONDS + 3

    def held_count(self, got):
        """How many came while the commit hung, whenever this is looked at."""
        return sum(self.held_at < one.at < self.held_at + HELD_SECONDS for one in got)

    def hold_a_commit(self, proxy):
        """From when ten were sent: by then all are noted that are noted ahead."""
        held = threading.Event()

        def on_end(_):
            if self.begun() < 10 or held.is_set():
                return "pass"
            self.held_at = time.time()
            held.set()
            return "late", HELD_SECONDS

        proxy.on_end = on_end
        through = {"KAFKA_BOOTSTRAP_SERVERS": proxy.bootstrap}
        self.stack.start("dispatcher", ready=False, **through)
        self.assertTrue(held.wait(180), "a commit that hangs")

    def test_what_was_noted_goes_on_and_a_pause_is_in_force(self):
        with Receiver() as self.receiver, Stack() as self.stack, contextlib.closing(
            Proxy(self.stack)
        ) as proxy:
            self.load()
            self.receiver.script(ALONE, Answer(200, delay=0.5))
            self.hold_a_commit(proxy)
            wait_until(lambda: not self.stack.is_ready("dispatcher"), 10, "it says that it waits")
            # a window of two to eight: more than that means that answers are heard
            self.receiver.wait_for(lambda got: self.held_count(got) >= 12, 10, "more of them")
            # few enough that they have not all gone when the pause is in force
            self.receiver.script(ALONE, Answer(200, delay=SLOW_SECONDS))
            self.stack.ctl("providers", "pause", ALONE)
            wait_until(self.quiet, 30, "a pause that is in force")
            self.assertLess(self.begun(), COUNT, "they had all gone before the pause")
            self.stack.ctl("providers", "resume", ALONE)
            self.receiver.script(ALONE, Answer(200))
            report, _ = oracle.check_ends(self, self.stack, self.ids, self.receiver)
            self.assertEqual(report["total"]["delivered"], COUNT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
