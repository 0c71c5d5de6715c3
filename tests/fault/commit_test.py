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

COUNT = 150  # noted ahead, all of them
ALONE = "RAL01"
HELD_SECONDS = 11  # the dispatcher waits for 12


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
        """Nothing has begun for as long as a dozen would take."""
        return time.time() - self.receiver.snapshot()[-1].at > 2

    def hold_a_commit(self, proxy):
        """From when ten were sent: by then all of them are noted."""
        held = threading.Event()

        def on_end(_):
            if self.begun() < 10 or held.is_set():
                return "pass"
            self.held_at = time.monotonic()
            held.set()
            return "late", HELD_SECONDS

        proxy.on_end = on_end
        through = {"KAFKA_BOOTSTRAP_SERVERS": proxy.bootstrap}
        self.stack.start("dispatcher", ready=False, **through)
        self.assertTrue(held.wait(60), "a commit that hangs")

    def test_what_was_noted_goes_on_and_a_pause_is_in_force(self):
        with Receiver() as self.receiver, Stack() as self.stack, contextlib.closing(
            Proxy(self.stack)
        ) as proxy:
            self.load()
            self.receiver.script(ALONE, Answer(200, delay=0.5))
            self.hold_a_commit(proxy)
            # a window of two to eight: more than that means that answers are heard
            before = self.begun()
            self.receiver.wait_for(lambda got: len(got) >= before + 12, 10, "more of them")
            self.assertLess(time.monotonic() - self.held_at, HELD_SECONDS, "they waited for it")
            wait_until(lambda: not self.stack.is_ready("dispatcher"), 10, "it says that it waits")
            self.stack.ctl("providers", "pause", ALONE)
            wait_until(self.quiet, 10, "a pause that is in force")
            self.assertLess(self.begun(), COUNT, "they had all gone before the pause")
            self.stack.ctl("providers", "resume", ALONE)
            self.receiver.script(ALONE, Answer(200))
            report, _ = oracle.check_ends(self, self.stack, self.ids, self.receiver)
            self.assertEqual(report["total"]["delivered"], COUNT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
