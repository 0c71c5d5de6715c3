# SPDX-License-Identifier: Apache-2.0
"""With a schema registry: what we write is read by confluent-kafka's AvroDeserializer, and what its
AvroSerializer and fastavro write is routed by us, for all ten pathways and both framings."""

import json
import pathlib
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import avro  # noqa: E402
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Receiver  # noqa: E402
from registry import Registry  # noqa: E402
from stack import SERVICES, SOURCE_DIR, Stack, wait_until  # noqa: E402

EXAMPLES = {
    str(path.relative_to(SOURCE_DIR / "schemas/pathways")): json.loads(path.read_text())
    for path in sorted(SOURCE_DIR.glob("schemas/pathways/*/examples/valid-*.json"))
}


class Interchange(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.registry = cls.enterClassContext(Registry())
        cls.stack = cls.enterClassContext(
            Stack(environment={"SCHEMA_REGISTRY_URL": cls.registry.url})
        )
        cls.stack.ctl("schema", "register")
        rows = generate.directory(7, cls.stack.schemas, cls.receiver.url)
        generate.write_directory(rows, cls.stack.dir / "providers.csv")
        cls.stack.ctl("providers", "load", cls.stack.dir / "providers.csv")
        cls.stack.start()
        cls.stack.wait_schema_ids(*SERVICES)
        cls.producer = confluent_kafka.Producer({"bootstrap.servers": cls.stack.bootstrap})

    def post_all(self, run):
        """Name of each example -> id of its referral."""
        ids = {}
        for name, body in EXAMPLES.items():
            status, _, document = self.stack.post(body, f"{run}-{name}")
            self.assertEqual(status, 202, (name, document))
            ids[name] = document["id"]
        return ids

    def records(self, ids):
        """Id -> message on the referrals.* topics."""
        topics = sorted({"referrals." + name.split("/")[0] for name in EXAMPLES})
        wanted = set(ids)
        found = {
            message.key().decode(): message
            for message in oracle.read_topic(self.stack.bootstrap, topics)
        }
        self.assertEqual(wanted - set(found), set())
        return {referral: found[referral] for referral in wanted}

    def assert_says(self, posted, read, at):
        """Each thing that was posted was read, field by field; what was left out is null or the
        field's default."""
        if isinstance(posted, dict):
            for name, value in posted.items():
                self.assertIn(name, read, at)
                self.assert_says(value, read[name], f"{at}/{name}")
        elif isinstance(posted, list):
            self.assertEqual(len(posted), len(read), at)
            for number, (one, other) in enumerate(zip(posted, read)):
                self.assert_says(one, other, f"{at}/{number}")
        else:
            self.assertEqual(posted, read, at)

    def events(self):
        found = {}
        for message in oracle.read_topic(self.stack.bootstrap, ["referral.events"]):
            self.assertEqual(message.value()[:1], b"\0")
            event = self.registry.read(message)
            found.setdefault(event["referral_id"], []).append(event)
        return found

    def wait_taken(self, ids):
        """Waits until each is received and decided; none is refused."""

        def taken():
            events = self.events()
            return events if all(len(events.get(one, [])) >= 2 for one in ids) else None

        events = wait_until(taken, 60, "all taken")
        for one in ids:
            kinds = [event["kind"] for event in events[one]]
            self.assertEqual(kinds[0], "received", (one, events[one]))
            self.assertNotIn("refused", kinds)

    def test_what_the_gateway_writes_confluent_kafka_reads(self):
        self.assertEqual(len({name.split("/")[0] for name in EXAMPLES}), 10)
        ids = self.post_all("confluent")
        records = self.records(ids.values())
        for name, referral in ids.items():
            message = records[referral]
            self.assertEqual(message.value()[:1], b"\0", "Confluent framing")
            self.assert_says(EXAMPLES[name], self.registry.read(message), name)
        self.wait_taken(ids.values())
        self.stack.settle()
        for topic in ("deliveries", "providers", "volumes.daily"):
            read = 0
            for message in oracle.read_topic(self.stack.bootstrap, [topic]):
                plain = message.key().startswith((b"intent/", b"fence/"))
                if message.value() is not None and not plain:
                    self.assertEqual(message.value()[:1], b"\0", topic)
                    self.registry.read(message)
                    read += 1
            self.assertGreater(read, 0, topic)

    def test_what_a_gateway_without_a_registry_writes_fastavro_reads_and_a_router_with_one_routes(
        self,
    ):
        self.stack.restart("gateway", SCHEMA_REGISTRY_URL="")
        self.stack.wait_ready("gateway")
        try:
            ids = self.post_all("single-object")
            records = self.records(ids.values())
        finally:
            self.stack.restart("gateway")
            self.stack.wait_ready("gateway")
            self.stack.wait_schema_ids("gateway")
        for name, referral in ids.items():
            schema = avro.composed(self.stack.schemas, name.split("/")[0])
            read = oracle.decode(schema, records[referral].value())
            self.assert_says(EXAMPLES[name], read, name)
        self.wait_taken(ids.values())

    def test_what_python_writes_in_either_framing_is_routed(self):
        posted = self.post_all("again")
        originals = self.records(posted.values())
        self.wait_taken(posted.values())
        written = []
        for name, referral in posted.items():
            pathway = name.split("/")[0]
            topic = f"referrals.{pathway}"
            schema = avro.composed(self.stack.schemas, pathway)
            for encode in (
                lambda value: self.registry.write(topic, value),
                lambda value: oracle.encode(schema, value),
            ):
                value = self.registry.read(originals[referral])
                value.update(id=str(uuid.uuid4()), accepted_at=int(time.time() * 1000))
                written.append(value["id"])
                self.producer.produce(topic, key=value["id"], value=encode(value))
        self.assertEqual(self.producer.flush(60), 0)
        self.assertEqual(len(written), 2 * len(EXAMPLES))
        self.wait_taken(written)
        code, report = self.stack.audit()
        self.assertEqual((code, report["total"].get("refused", 0)), (0, 0), report)

    def test_the_operator_s_tools_read_what_is_there(self):
        self.post_all("tools")
        lines = self.stack.ctl("tail", "referrals.falls", "--json").stdout.splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertIn("falls.Referral", line)
        listed = self.stack.ctl("providers", "list", "--json").stdout
        self.assertIn("ods_code", listed)
        # a registry that was late once is called away until it was asked again
        up = "referral_schema_registry_up 1"
        wait_until(lambda: up in self.stack.metrics("router"), 60, up)
        metrics = self.stack.metrics("router")
        self.assertIn("referral_schema_registry_schemas_without_id 0", metrics)
        self.assertIn("referral_schema_registry_ids_waiting 0", metrics)


if __name__ == "__main__":
    unittest.main()
