# SPDX-License-Identifier: Apache-2.0
"""A service that is killed may leave a transaction open, and readers of what is committed wait
behind it for as long as the broker lets it be: transaction.timeout.ms. Who is started again in its
place ends it at once."""

import contextlib
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from copying import Proxy  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import Stack, http, wait_until  # noqa: E402

COUNT = 200
TIMEOUT_MS = "600000"  # transaction.timeout.ms: the broker itself would end it after that


class Fence(unittest.TestCase):
    def begin_and_kill(self, body):
        """A router that is killed when all of a transaction is written, before its end is."""
        written, committed = (
            self.enterContext(
                contextlib.closing(
                    oracle.Ends(self.stack.bootstrap, "referral.events", isolation)
                )
            ).sum
            for isolation in ("read_uncommitted", "read_committed")
        )
        reached, killed = threading.Event(), threading.Event()

        def on_end(_):
            if written() == committed():
                return "pass"
            reached.set()
            killed.wait(240)
            return "lose-request"

        with contextlib.closing(Proxy(self.stack)) as proxy:
            proxy.on_end = on_end
            self.stack.start("router", KAFKA_BOOTSTRAP_SERVERS=proxy.bootstrap)
            scripted.produce(self.stack, body, [None] * COUNT)
            self.assertTrue(reached.wait(180), "an open transaction")
            self.stack.kill("router")
            killed.set()
        self.assertGreater(written(), committed())
        return lambda: written() == committed()

    def test_a_router_that_is_started_again_ends_what_the_killed_one_left_open(self):
        with Receiver() as receiver, Stack(
            environment={"KAFKA_TRANSACTION_TIMEOUT_MS": TIMEOUT_MS}
        ) as self.stack:
            generator = generate.Generator(1, self.stack.schemas)
            district = scripted.apart(generator.places, 1)[0]
            scripted.load_in(self.stack, receiver, district, ("FO001", "blood-pressure", 100))
            body = scripted.routable(generator, "blood-pressure")
            body["patient"]["postcode"] = district
            ended = self.begin_and_kill(body)
            self.stack.start("router", ready=False)
            wait_until(ended, 60, "its end")


class Forgotten(unittest.TestCase):
    """Kafka forgets a group's offsets some time after its last member has left."""

    def test_a_router_whose_group_is_forgotten_has_nothing_delivered_again(self):
        with Stack() as stack:
            generator = generate.Generator(1, stack.schemas)
            district = scripted.apart(generator.places, 1)[0]
            with Receiver() as receiver:
                scripted.load_in(stack, receiver, district, ("FO001", "blood-pressure", 100))
            scripted.produce(stack, scripted.routable(generator, "blood-pressure"), [None])
            producer = confluent_kafka.Producer({"bootstrap.servers": stack.bootstrap})
            producer.produce("referral.events", key="of a router before", value=b"x")
            producer.flush(60)
            stack.start("router", ready=False)
            wait_until(
                lambda: [
                    line for line in stack.told("router", "turn-failed")
                    if line["code"] == "offsets-lost"
                ],
                30,
                "its word",
            )
            address = f"http://127.0.0.1:{stack.health['router']}/readyz"
            says = "Kafka has forgotten the group's offsets"
            wait_until(lambda: says in http(address)[2], 30, says)
            self.assertEqual(len(oracle.read_topic(stack.bootstrap, ["deliveries"])), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
