# SPDX-License-Identifier: Apache-2.0
"""What a hostile, broken or merely newer producer may write to referrals.*: each record ends as
what it is, the service goes on, and the bytes are kept for people."""

import json
import pathlib
import shutil
import struct
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
from stack import SOURCE_DIR, Stack, wait_until  # noqa: E402

PATHWAY = "blood-pressure"
TOPIC = f"referrals.{PATHWAY}"


def widen(schema):
    """The schema of a newer writer: one more optional field at the end of the envelope."""
    newer = json.loads(json.dumps(schema))
    newer["fields"].append({"name": "added_later", "type": ["null", "string"], "default": None})
    return newer


def shuffle_enums(node):
    """The same schema with every enum's symbols in another order; says how many there were."""
    count = 0
    if isinstance(node, dict):
        if node.get("type") == "enum":
            node["symbols"] = list(reversed(node["symbols"]))
            count += 1
        for value in node.values():
            count += shuffle_enums(value)
    elif isinstance(node, list):
        for value in node:
            count += shuffle_enums(value)
    return count


def symbols_of(node):
    """The symbols of every enum in the schema."""
    if isinstance(node, dict):
        own = node["symbols"] if node.get("type") == "enum" else []
        return own + [s for value in node.values() for s in symbols_of(value)]
    return [s for value in node for s in symbols_of(value)] if isinstance(node, list) else []


class ReferralsTopic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        # a private copy of the contract that also knows two newer writers
        holder = pathlib.Path(cls.enterClassContext(__import__("tempfile").TemporaryDirectory()))
        schemas = holder / "schemas"
        shutil.copytree(SOURCE_DIR / "schemas", schemas)
        cls.schema = avro.composed(schemas, PATHWAY)
        cls.newer = widen(cls.schema)
        cls.enum_pathway = next(
            p.name
            for p in sorted((schemas / "pathways").iterdir())
            if shuffle_enums(avro.composed(schemas, p.name))
        )
        cls.enum_schema = avro.composed(schemas, cls.enum_pathway)
        cls.reordered = json.loads(json.dumps(cls.enum_schema))
        shuffle_enums(cls.reordered)
        for pathway, schema in ((PATHWAY, cls.newer), (cls.enum_pathway, cls.reordered)):
            versions = schemas / "pathways" / pathway / "versions"
            versions.mkdir(exist_ok=True)
            (versions / "newer.avsc").write_text(json.dumps(schema))
        cls.stack = cls.enterClassContext(Stack(schemas=schemas))
        rows = generate.directory(5, cls.stack.schemas, cls.receiver.url)
        generate.write_directory(rows, cls.stack.dir / "providers.csv")
        cls.stack.ctl("providers", "load", cls.stack.dir / "providers.csv")
        cls.stack.start("router", "dispatcher", "aggregator", "tracker")
        cls.producer = confluent_kafka.Producer({"bootstrap.servers": cls.stack.bootstrap})

    def value(self, schema, pathway=PATHWAY, referral_id=None, suits=None, **changes):
        """A referral as a trusted Kafka producer writes it: (id, bytes)."""
        generator = generate.Generator(str(uuid.uuid4()), self.stack.schemas)
        body = generator.body(pathway, suits or (lambda _: True))
        record = {
            **body,
            "id": referral_id or str(uuid.uuid4()),
            "accepted_at": int(time.time() * 1000),
            **changes,
        }
        return record["id"], oracle.encode(schema, avro.with_defaults(schema, record))

    def has_symbol(self, body):
        """Whether the body's details hold a symbol of one of the pathway's enums."""
        found = json.dumps(body["details"])
        return any(f'"{symbol}"' in found for symbol in symbols_of(self.enum_schema))

    def produce(self, key, value, topic=TOPIC, **more):
        where = []

        def delivered(error, message):
            self.assertIsNone(error)
            where.append(f"{message.topic()}/{message.partition()}/{message.offset()}")

        self.producer.produce(topic, key=key, value=value, on_delivery=delivered, **more)
        self.producer.flush(60)
        return where[0]

    def event_of(self, origin):
        def found():
            got = [e for e in oracle.events(self.stack) if e["origin"] == origin]
            return got or None

        events = wait_until(found, 30, f"an event of {origin}")
        self.assertEqual(len(events), 1, events)
        return events[0]

    def refused(self, key, value, topic=TOPIC):
        """Produces it, expects a refusal, checks that the original bytes are kept; returns the
        reason code."""
        origin = self.produce(key, value, topic)
        event = self.event_of(origin)
        self.assertEqual(event["kind"], "refused", event)

        def found():  # what is committed may be on one topic a moment before it is on another
            return [
                m
                for m in oracle.read_topic(self.stack.bootstrap, ["referrals.refused"])
                if "/".join(
                    dict(m.headers())[n].decode()
                    for n in ("origin_topic", "origin_partition", "origin_offset")
                )
                == origin
            ]

        letters = wait_until(found, 20, "the dead letter")
        self.assertEqual(len(letters), 1)
        letter, headers = letters[0], dict(letters[0].headers())
        self.assertEqual(letter.value(), value)
        self.assertEqual(
            letter.key() or b"", (key or "").encode() if isinstance(key, str) else key or b""
        )
        self.assertEqual(headers["reason"].decode(), event["reason"])
        return event["reason"]

    def test_malformed_bytes_are_refused_each_with_its_own_reason(self):
        referral_id, good = self.value(self.schema)
        head, body = good[:10], good[10:]
        one_string = lambda length: length  # noqa: E731  (varint bytes of the first field's length)
        cases = {
            "empty-value": b"",
            "unknown-framing": b"hello",
            "unknown-fingerprint": b"\xc3\x01" + struct.pack("<Q", 0x1234) + body,
            "unknown-schema-id": b"\x00" + struct.pack(">I", 4242) + body,
            "avro-truncated": good[:10],
            "avro-trailing": good + b"\x00",
            "avro-length": head + one_string(b"\xfe\xff\xff\xff\x0f") + body[1:],
            "avro-varint": head + b"\xff" * 11 + body,
            "avro-utf8": head + body[:1] + b"\xff" * 36 + body[37:],
        }
        for reason, value in cases.items():
            with self.subTest(reason):
                self.assertEqual(self.refused(str(uuid.uuid4()), value), reason)
        negative = head + b"\x01" + body[1:]  # a length of -1
        self.assertIn(self.refused(str(uuid.uuid4()), negative), ("avro-length", "avro-truncated"))
        with self.subTest("union position out of range"):
            # id (36 bytes) stands first, the union of correlation_id right behind it
            self.assertEqual(
                self.refused(str(uuid.uuid4()), head + body[:37] + b"\x7e" + body[38:]),
                "avro-union",
            )

    def test_an_enum_position_out_of_range_is_refused(self):
        _, good = self.value(self.enum_schema, self.enum_pathway, suits=self.has_symbol)
        # flip bytes until the pre-scan meets the enum: every mutant must be refused or delivered,
        # never crash
        for position in range(10, len(good)):
            mutant = good[:position] + b"\x7e" + good[position + 1 :]
            self.producer.produce(
                f"referrals.{self.enum_pathway}", key=str(uuid.uuid4()), value=mutant
            )
        self.producer.flush(60)
        self.stack.settle()
        reasons = {e["reason"] for e in oracle.events(self.stack) if e["kind"] == "refused"}
        self.assertIn("avro-enum", reasons)
        self.stack.wait_ready("router")

    def test_tombstones_and_empty_keys_are_refused(self):
        origin = self.produce(str(uuid.uuid4()), None)
        self.assertEqual(self.event_of(origin)["reason"], "tombstone")

        def letters():
            lines = self.stack.ctl("tail", "referrals.refused", "--json").stdout.splitlines()
            return [v for v in (json.loads(line)["value"] for line in lines) if is_of(v, origin)]

        def is_of(value, origin):
            names = ("origin_topic", "origin_partition", "origin_offset")
            return bool(value) and "/".join(value[name] for name in names) == origin

        (letter,) = wait_until(letters, 20, "the dead letter, as tail shows it")
        self.assertEqual((letter["reason"], letter["bytes"]), ("tombstone", 0))
        _, good = self.value(self.schema)
        self.assertEqual(self.refused(None, good), "empty-key")
        _, good = self.value(self.schema)
        self.assertEqual(self.refused("not-a-uuid", good), "bad-key")
        _, good = self.value(self.schema)
        self.assertEqual(self.refused(str(uuid.uuid4()), good), "key-mismatch")

    def test_a_key_has_one_spelling_and_may_be_of_no_size(self):
        referral_id, good = self.value(self.schema)
        self.assertEqual(self.refused(referral_id.upper(), good), "bad-key")
        _, good = self.value(self.schema)
        self.assertEqual(self.refused(b"", good), "empty-key")

    def test_a_trace_context_of_another_shape_stops_nothing_and_goes_nowhere(self):
        for evil in (b"\xff\xfe", b"a\r\nX-Evil: 1", b"t" * 5000):
            referral_id, value = self.value(self.schema)
            origin = self.produce(referral_id, value, headers={"traceparent": evil})
            self.assertEqual(self.event_of(origin)["kind"], "received")
            self.receiver.wait_for(
                lambda got, wanted=referral_id: any(r.referral_id == wanted for r in got),
                30,
                "the delivery",
            )
        referral_id, value = self.value(self.schema, traceparent="a\r\nX-Evil: 1")
        self.assertEqual(self.refused(referral_id, value), "bad-format")
        self.assertFalse([r for r in self.receiver.snapshot() if "x-evil" in r.headers])

    def test_a_record_too_large_to_be_written_again_stops_nothing(self):
        for key, value in ((b"k" * 900_000, b"v"), (b"k", b"v" * 900_000)):
            self.assertEqual(self.event_of(self.produce(key, value))["kind"], "refused")
        self.stack.wait_ready("router")

    def test_an_old_time_of_a_producer_makes_no_second_referral(self):
        referral_id, value = self.value(self.schema)
        days_ago = int((time.time() - 86400 * 2) * 1000)
        for kind in ("received", "duplicate", "duplicate"):
            origin = self.produce(referral_id, value, timestamp=days_ago)
            self.assertEqual(self.event_of(origin)["kind"], kind)

    def test_a_record_on_another_pathways_topic_is_refused(self):
        referral_id, good = self.value(self.schema)
        self.assertEqual(self.refused(referral_id, good, "referrals.falls"), "wrong-pathway")

    def test_values_that_break_a_fields_own_limit_are_refused(self):
        referral_id, value = self.value(self.schema, notes="n" * 5000)
        self.assertEqual(self.refused(referral_id, value), "too-long")

    def test_a_newer_writer_with_one_more_optional_field_is_read(self):
        referral_id, value = self.value(self.newer, added_later="something new")
        self.assertEqual(self.event_of(self.produce(referral_id, value))["kind"], "received")
        self.receiver.wait_for(
            lambda got: any(r.referral_id == referral_id for r in got), 30, "the delivery"
        )

    def test_enum_symbols_in_another_order_keep_their_meaning(self):
        referral_id = str(uuid.uuid4())
        generator = generate.Generator("enum", self.stack.schemas)
        body = generator.body(self.enum_pathway, self.has_symbol)
        record = {**body, "id": referral_id, "accepted_at": int(time.time() * 1000)}
        value = oracle.encode(self.reordered, avro.with_defaults(self.reordered, record))
        topic = f"referrals.{self.enum_pathway}"
        self.assertEqual(self.event_of(self.produce(referral_id, value, topic))["kind"], "received")
        self.receiver.wait_for(
            lambda got: any(r.referral_id == referral_id for r in got), 30, "the delivery"
        )
        request = next(r for r in self.receiver.snapshot() if r.referral_id == referral_id)
        for name, value in body["details"].items():
            self.assertEqual(request.document["data"]["details"][name], value, name)

    def test_the_same_id_again_is_a_duplicate_and_with_other_content_a_conflict(self):
        referral_id, value = self.value(self.schema)
        self.assertEqual(self.event_of(self.produce(referral_id, value))["kind"], "received")
        self.assertEqual(self.event_of(self.produce(referral_id, value))["kind"], "duplicate")
        _, other = self.value(self.schema, referral_id=referral_id, notes="other content")
        event = self.event_of(self.produce(referral_id, other))
        self.assertEqual((event["kind"], event["reason"]), ("refused", "conflict"))
        self.assertNotEqual(event["referral_id"], referral_id)
        # and the router's memory outlives the router
        self.stack.restart("router")
        self.stack.wait_ready("router")
        self.assertEqual(self.event_of(self.produce(referral_id, value))["kind"], "duplicate")

    def test_clock_skewed_times_are_taken_and_named(self):
        ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400 * 400))
        referral_id, value = self.value(self.schema, authored_at=ahead)
        self.assertEqual(self.event_of(self.produce(referral_id, value))["kind"], "received")
        self.stack.settle()
        explained = [
            e["explanation"] or ""
            for e in oracle.events(self.stack)
            if e["referral_id"] == referral_id
        ]
        self.assertTrue(any("skew" in text for text in explained), explained)
        referral_id, value = self.value(
            self.schema, accepted_at=int((time.time() + 86400 * 400) * 1000)
        )
        self.assertEqual(self.event_of(self.produce(referral_id, value))["kind"], "received")
        self.stack.settle()
        self.assertEqual(len(oracle.finals(self.stack)[referral_id]), 1)
        year = time.gmtime(time.time() + 86400 * 300).tm_year + 1
        self.assertFalse(
            [v for v in oracle.volumes(self.stack) if v["period"].startswith(str(year))]
        )

    def test_after_all_of_it_the_audit_balances(self):
        report = self.stack.settle()
        self.assertEqual(report["total"]["missing"], 0)
        refused = len([e for e in oracle.events(self.stack) if e["kind"] == "refused"])
        self.assertEqual(report["total"]["refused"], refused)


if __name__ == "__main__":
    unittest.main(verbosity=2)
