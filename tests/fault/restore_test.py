# SPDX-License-Identifier: Apache-2.0
"""A restart of the dispatcher while the registry is away, with records on the first partitions of
`deliveries` that nobody can read without it. Once the other partitions, which are restored after
the first, waited as long as it was away; and when it was back the count of what is still to be
restored could be lost, so that some were never read."""

import pathlib
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Receiver  # noqa: E402
from registry import Scripted  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

PROVIDERS = 48
BLOCKED = range(5)  # the first is restored first; the others are to rest
UNKNOWN = b"\x00" + (777).to_bytes(4, "big") + b"nobody knows"


class Restore(unittest.TestCase):
    def delivered(self):
        return {r.referral_id for r in self.receiver.snapshot() if r.accepted}

    def deliveries(self):
        """Partition by referral, of what is to be delivered."""
        schema = oracle.message_schema(self.stack.schemas, "delivery")
        messages = oracle.read_topic(self.stack.bootstrap, ["deliveries"])
        return {
            oracle.decode(schema, m.value())["referral_id"]: m.partition()
            for m in messages
            if m.value() and m.value()[:2] == b"\xc3\x01"
        }

    def test_what_nobody_can_read_on_some_partitions_holds_up_no_other(self):
        answers = {"status": 503}

        def answer(method, path, body):
            if answers["status"] == 503:
                return 503, b"away"
            return 404, b'{"error_code": 40403, "message": "no such schema"}'

        with Scripted(answer) as registry, Receiver() as self.receiver, Stack(
            as_shipped=True,
            environment={"SCHEMA_REGISTRY_URL": registry.url}
        ) as self.stack:
            generator = generate.Generator(1, self.stack.schemas)
            district = scripted.apart(generator.places, 1)[0]
            codes = [f"RAL{number:02}" for number in range(PROVIDERS)]
            scripted.load(
                self.stack,
                [
                    scripted.row(
                        self.stack.schemas,
                        generator.places,
                        code,
                        "falls",
                        district,
                        self.receiver.url(code),
                    )
                    for code in codes
                ],
            )
            self.stack.start("gateway", "router")
            body = scripted.routable(generator, "falls")
            ids = [
                scripted.post(self.stack, {**body, "nominated_provider": code}, f"falls-{code}")
                for code in codes
            ]
            where = wait_until(
                lambda: (lambda found: found if set(ids) <= found.keys() else None)(
                    self.deliveries()
                ),
                60,
                "all routed",
            )
            producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
            for partition in BLOCKED:
                producer.produce(
                    "deliveries", key=str(uuid.uuid4()), value=UNKNOWN, partition=partition
                )
            self.assertEqual(producer.flush(60), 0)
            free = {one for one in ids if where[one] not in BLOCKED}
            self.assertGreater(len(free), PROVIDERS // 3)
            self.assertLess(len(free), PROVIDERS)

            self.stack.start("dispatcher")
            wait_until(lambda: free <= self.delivered(), 60, "those of the other partitions")
            self.assertEqual(self.delivered(), free)
            self.stack.wait_ready("dispatcher")  # a commit that takes its time is told, too

            answers["status"] = 404  # it is back, and says that there is no such schema
            wait_until(lambda: set(ids) <= self.delivered(), 90, "all of them")
            wait_until(
                lambda: "referral_dispatcher_pending 0"
                in self.stack.metrics("dispatcher").splitlines(),
                30,
                "nothing pending",
            )
            self.stack.wait_ready("dispatcher")  # a commit that takes its time is told, too


if __name__ == "__main__":
    unittest.main(verbosity=2)
