# SPDX-License-Identifier: Apache-2.0
"""What the audit says of deliveries that nobody can read, and of volumes that are wrong or can't be
compared: an operator relies on its exit code."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402


class Audit(unittest.TestCase):
    def setUp(self):
        self.receiver = self.enterContext(Receiver())
        self.stack = self.enterContext(Stack())
        rows = generate.directory(31, self.stack.schemas, self.receiver.url)
        generate.write_directory(rows, self.stack.dir / "providers.csv")
        self.stack.ctl("providers", "load", self.stack.dir / "providers.csv")
        self.generator = generate.Generator(31, self.stack.schemas)

    def post(self, pathway, key):
        status, _, document = self.stack.post(self.generator.body(pathway), key)
        self.assertEqual(status, 202, document)
        return document["id"]

    def replace(self, message, value):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
        producer.produce(
            message.topic(), key=message.key(), value=value, partition=message.partition()
        )
        self.assertEqual(producer.flush(60), 0)

    def problems(self):
        code, report = self.stack.audit()
        return code, {(one["code"], one["what"]) for one in report["problems"]}, report

    def test_a_delivery_that_cannot_be_read_is_pending_and_said(self):
        self.stack.start("gateway", "router")
        referral = self.post("falls", "unreadable")

        def delivery():
            found = oracle.read_topic(self.stack.bootstrap, ["deliveries"])
            return [m for m in found if m.value() and len(m.key()) == 36]

        message = wait_until(delivery, 30, "the delivery")[0]
        self.assertEqual(self.problems()[0], 0)
        self.replace(message, b"\xc3\x01" + b"from another version of the schema")
        code, problems, report = self.problems()
        self.assertEqual((code, problems), (1, {("pending-unreadable", referral)}), report)
        self.assertEqual((report["total"]["pending"], report["total"]["missing"]), (1, 0))
        # and the dispatcher counts it, by reason; what it read before must not be sent meanwhile
        schema = oracle.message_schema(self.stack.schemas, "delivery")
        destination = oracle.decode(schema, message.value())["destination"]
        self.stack.ctl("providers", "pause", destination)
        self.stack.start("dispatcher")
        name = "referral_dispatcher_unreadable_total{"
        wait_until(lambda: name in self.stack.metrics("dispatcher"), 30, name)
        log = self.stack.log_path("dispatcher")
        wait_until(lambda: '"delivery-unreadable"' in log.read_text(), 10, "and it is said")
        # what can be read is delivered all the same
        self.replace(message, message.value())
        self.stack.ctl("providers", "resume", destination)
        report = self.stack.settle()
        self.assertEqual(report["total"]["delivered"] + report["total"]["returned"], 1)

    def test_volumes_that_are_wrong_or_gone_are_never_called_well(self):
        self.stack.start()
        self.post("msk", "volumes")
        self.stack.settle()

        def counted():
            cells = oracle.cells_of(oracle.events(self.stack))
            return cells and oracle.volume_cells(self.stack) == cells

        wait_until(counted, 30, "the volumes")
        code, _, report = self.problems()
        self.assertEqual((code, report["volumes_checked"]), (0, True))
        self.assertEqual(report["volumes_uncertain"], 0)
        message = oracle.read_topic(self.stack.bootstrap, ["volumes.daily"])[-1]
        self.replace(message, None)  # a tombstone that the aggregator never wrote
        wait_until(lambda: self.stack.audit()[0] == 1, 30, "the audit sees it")
        _, problems, _ = self.problems()
        self.assertEqual({code for code, _ in problems}, {"volumes"})
        # the first events have expired: what is left says nothing of all the volumes
        first = oracle.read_topic(self.stack.bootstrap, ["referral.events"])[0]
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.stack.bootstrap})
        place = confluent_kafka.TopicPartition(
            first.topic(), first.partition(), first.offset() + 1
        )
        for future in admin.delete_records([place]).values():
            future.result(60)
        code, _, report = self.problems()
        self.assertEqual((code, report["volumes_checked"]), (3, False), report)


if __name__ == "__main__":
    unittest.main(verbosity=2)
