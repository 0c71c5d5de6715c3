# SPDX-License-Identifier: Apache-2.0
"""What a test holds the system to, read from Kafka by an independent implementation
(confluent-kafka, fastavro): none of our C code has a hand in it."""

import collections
import contextlib
import datetime
import functools
import io
import json
import pathlib
import struct
import time
import zoneinfo

import confluent_kafka
import fastavro

import avro
import stack as stack_module


LONDON = zoneinfo.ZoneInfo("Europe/London")
DIMENSIONS = ("period", "pathway", "service", "source_kind", "hcp", "pcn", "provider", "stage")
# what is counted, written down a second time on purpose: an event's kind is its stage
STAGES = (
    "received",
    "refused",
    "returned",
    "delivered",
    "recorded",
    "cancelled",
    "accepted",
    "declined",
    "completed",
)


def message_schema(schemas, name):
    return json.loads(pathlib.Path(schemas, f"{name}.avsc").read_text())


@functools.lru_cache(maxsize=64)
def _prepared(text):
    """(the head of its single-object encodings, the schema parsed), of a schema as JSON text: both
    cost a hundred times what a record does."""
    schema = json.loads(text)
    head = b"\xc3\x01" + struct.pack("<Q", avro.fingerprint_number(schema))
    return head, fastavro.parse_schema(schema)


def encoder(schema):
    """A function from a value to its single-object encoding."""
    head, parsed = _prepared(json.dumps(schema))

    def encode_one(value):
        out = io.BytesIO()
        out.write(head)
        fastavro.schemaless_writer(out, parsed, value)
        return out.getvalue()

    return encode_one


def decoder(schema):
    head, parsed = _prepared(json.dumps(schema))

    def decode_one(data):
        if data[: len(head)] != head:
            raise ValueError("not a single-object encoding of this schema")
        return fastavro.schemaless_reader(io.BytesIO(data[len(head) :]), parsed)

    return decode_one


def encode(schema, value):
    return encoder(schema)(value)


def decode(schema, data):
    return decoder(schema)(data)


def patiently(ask):
    """What it gives, asked again while Kafka says no: the controller of a busy machine takes a
    broker that is well for dead, and for a moment nobody leads a partition."""
    end = time.monotonic() + 90
    while True:
        try:
            return ask()
        except confluent_kafka.KafkaException:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)  # its own back-off


def read_topic(bootstrap, topics, isolation="read_committed"):
    """Every committed message of the topics, from their beginnings to their present ends; with
    read_uncommitted also those of open and aborted transactions."""
    return patiently(lambda: _read_topic(bootstrap, topics, isolation))


def _read_topic(bootstrap, topics, isolation):
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "oracle",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    try:
        listing = consumer.list_topics(timeout=90).topics
        parts = [
            confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING)
            for topic in topics
            if topic in listing
            for number in listing[topic].partitions
        ]
        consumer.assign(parts)
        messages, ended = [], set()
        while len(ended) < len(parts):
            message = consumer.poll(90)
            if message is None:
                raise TimeoutError(f"{topics}: no end within 90 s")
            if message.error():
                if message.error().code() != confluent_kafka.KafkaError._PARTITION_EOF:
                    raise confluent_kafka.KafkaException(message.error())
                ended.add((message.topic(), message.partition()))
            else:
                messages.append(message)
        return messages
    finally:
        consumer.close()


def events(stack):
    read = decoder(message_schema(stack.schemas, "event"))
    return [read(message.value()) for message in read_topic(stack.bootstrap, ["referral.events"])]


def ends_of(bootstrap, topic, isolation):
    """Sum of the partitions' ends, as a reader of that isolation sees them: with read_committed a
    partition ends before its first open transaction."""
    with contextlib.closing(Ends(bootstrap, topic, isolation)) as ends:
        return ends.sum()


class Ends:
    """The same for who asks again and again; of one partition only, if it is named."""

    def __init__(self, bootstrap, topic, isolation, partition=None):
        self.consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "ends", "isolation.level": isolation}
        )
        listing = patiently(lambda: self.consumer.list_topics(topic, timeout=90))
        self.parts = [
            confluent_kafka.TopicPartition(topic, number)
            for number in listing.topics[topic].partitions
            if partition in (None, number)
        ]

    def sum(self):
        ends = [
            patiently(lambda part=part: self.consumer.get_watermark_offsets(part, timeout=90))
            for part in self.parts
        ]
        return sum(end for _, end in ends)

    def close(self):
        self.consumer.close()


def finals(stack):
    """Referral id -> list of its final events' kinds."""
    ends = collections.defaultdict(list)
    for event in events(stack):
        if event["kind"] in ("delivered", "returned", "recorded", "cancelled", "refused"):
            ends[event["referral_id"]].append(event["kind"])
    return ends


def volumes(stack):
    """Key of the dimensions -> count, the last record of each key."""
    read, cells = decoder(message_schema(stack.schemas, "volume")), {}
    for message in read_topic(stack.bootstrap, ["volumes.daily"]):
        if message.value() is None:
            cells.pop(message.key(), None)
        else:
            cells[message.key()] = read(message.value())
    return list(cells.values())


def volume_cells(stack):
    """All dimensions -> count, as volumes.daily says."""
    return {tuple(cell[name] for name in DIMENSIONS): cell["count"] for cell in volumes(stack)}


def london_day(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, LONDON).date().isoformat()


def cells_of(events):
    """All dimensions -> count, of events."""
    counts = collections.Counter()
    for event in events:
        if event["kind"] in STAGES:
            at = event["accepted_at"] if event["kind"] == "received" else event["occurred_at"]
            names = ("pathway", "service", "source_kind", "hcp", "pcn", "destination")
            day, stage = london_day(at), event["kind"]
            counts[(day, *(event[name] or "" for name in names), stage)] += 1
    return counts


def check_ends(test, stack, accepted, receiver):
    """The whole promise: each accepted referral has exactly one end, what was delivered came in at
    a provider, volumes equal the events, and the audit says so. `accepted` is the set of ids that
    were answered 202."""
    report = stack.settle(timeout=120)
    ends = finals(stack)
    test.assertEqual(set(accepted) - set(ends), set(), "accepted, but without an end")
    doubled = {name: kinds for name, kinds in ends.items() if len(kinds) != 1}
    test.assertEqual(doubled, {}, "more than one end")
    delivered = {name for name, kinds in ends.items() if kinds == ["delivered"]}
    came_in = {r.referral_id for r in receiver.snapshot() if r.accepted or r.answer.status == 409}
    test.assertEqual(delivered - came_in, set(), "counted as delivered, but no provider has it")
    stack_module.wait_until(
        lambda: volume_cells(stack) == cells_of(events(stack)),
        30,
        "volumes equal the events in every dimension",
    )
    test.assertEqual(report["total"]["missing"], 0)
    return report, ends


def check_marks(test, receiver):
    """Of a delivery that was taken more than once all but one bear the mark. The one may be the
    later: what a frozen process was about to send, and sends when it wakes, bears none."""
    unmarked = collections.Counter(
        request.delivery_id
        for request in receiver.snapshot()
        if request.accepted and request.headers.get("referral-possible-duplicate") != "true"
    )
    test.assertEqual([name for name, count in unmarked.items() if count > 1], [])
