# SPDX-License-Identifier: Apache-2.0
"""A service that is killed may leave a transaction open, and readers of what is committed wait
behind it for as long as the broker lets it be: transaction.timeout.ms. Who is started again in its
place ends it at once."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

COUNT = 200
TIMEOUT_S = 20  # transaction.timeout.ms


class Fence(unittest.TestCase):
    def end(self, isolation):
        return oracle.ends_of(self.stack.bootstrap, "referral.events", isolation)

    def test_a_router_that_is_started_again_ends_what_the_killed_one_left_open(self):
        with Receiver() as receiver, Stack(
            environment={"ROUTER_COMMIT_INTERVAL_MS": "10000"}
        ) as self.stack:
            generator = generate.Generator(1, self.stack.schemas)
            district = scripted.apart(generator.places, 1)[0]
            scripted.load_in(self.stack, receiver, district, ("FO001", "blood-pressure", 100))
            body = scripted.routable(generator, "blood-pressure")
            body["patient"]["postcode"] = district
            self.stack.start("router")
            scripted.produce(self.stack, body, [None] * COUNT)
            wait_until(
                lambda: self.end("read_uncommitted") > self.end("read_committed") + COUNT,
                60,
                "an open transaction",
            )
            self.stack.restart("router", ROUTER_COMMIT_INTERVAL_MS="50")  # whose own are short
            wait_until(
                lambda: self.end("read_uncommitted") == self.end("read_committed"),
                TIMEOUT_S - 5,
                "its end",
                1,
            )


if __name__ == "__main__":
    unittest.main(verbosity=2)
