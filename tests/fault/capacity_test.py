# SPDX-License-Identifier: Apache-2.0
"""Capacity and load in the decision, while the router is killed inside open transactions: what it
had decided is aborted, it decides anew, and only one decision is ever seen; no provider is sent
more than it named, and none of its room is lost to what was aborted."""

import collections
import contextlib
import datetime
import json
import pathlib
import signal
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import avro  # noqa: E402
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

TOPIC = "referrals.blood-pressure"
SERVICE = "blood-pressure-check"
WAVE = 80
WAVES = 5
COUNT = WAVE * WAVES
ROOM = {"FZZ01": 60, "FZZ02": 45, "FZZ03": 0, "FZZ09": None}  # the last one names none, and is far


def rows(now):
    for number, (code, room) in enumerate(ROOM.items()):
        yield {
            "ods_code": code,
            "name": f"Invented Pharmacy {code}",
            "kind": "pharmacy",
            "easting": 576000 + (20000 if room is None else number),
            "northing": 155500,
            "services": SERVICE,
            "endpoint_url": f"http://127.0.0.1:9/{code}",
            "capacity": "" if room is None else f"{SERVICE}:{room}",
            "capacity_updated_at": "" if room is None else now,
        }


def write_rows(path, table):
    table = list(table)
    lines = [",".join(table[0])] + [",".join(str(v) for v in row.values()) for row in table]
    path.write_text("\n".join(lines) + "\n")


def produce(stack, count):
    """Referrals of people in Maidstone, written by an independent encoder."""
    schema = avro.composed(stack.schemas, "blood-pressure")
    body = generate.Generator(5, stack.schemas).body("blood-pressure")
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": stack.bootstrap, "partitioner": "murmur2_random"}
    )
    ids = [str(uuid.uuid4()) for _ in range(count)]
    for name in ids:
        now = int(time.time() * 1000)
        record = {**body, "id": name, "accepted_at": now}
        record["patient"] = {**record["patient"], "postcode": "ME14 1AB"}
        record.pop("authored_at", None)
        record.pop("nominated_provider", None)
        producer.produce(TOPIC, key=name, value=oracle.encode(schema, avro.filled(schema, record)))
    assert producer.flush(60) == 0
    return set(ids)


class Capacity(unittest.TestCase):
    def test_decisions_that_are_aborted_take_no_room_and_are_never_seen(self):
        with Stack() as stack:
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            write_rows(stack.dir / "providers.csv", rows(now))
            stack.ctl("providers", "load", stack.dir / "providers.csv")
            ids = set()
            written, committed = (
                self.enterContext(
                    contextlib.closing(oracle.Ends(stack.bootstrap, "referral.events", isolation))
                )
                for isolation in ("read_uncommitted", "read_committed")
            )

            def is_open():
                """Is there a transaction whose events nobody may see yet?"""
                return written.sum() > committed.sum()

            def decided():
                kinds = collections.Counter(event["kind"] for event in oracle.events(stack))
                return kinds["routed"] + kinds["returned"] >= len(ids)

            for _ in range(WAVES):
                stack.start("router", ROUTER_COMMIT_INTERVAL_MS="10000")  # open for long
                ids |= produce(stack, WAVE)
                # one wave may be over before it is looked at, not all of them
                wait_until(lambda: is_open() or decided(), 60, "an open transaction")
                stack.restart("router", ROUTER_COMMIT_INTERVAL_MS="100")
                wait_until(decided, 120, "all decided")
                stack.kill("router", signal.SIGTERM)
            schema = oracle.message_schema(stack.schemas, "event")
            every = [
                oracle.decode(schema, message.value())
                for message in oracle.read_topic(
                    stack.bootstrap, ["referral.events"], "read_uncommitted"
                )
            ]
            routed = [event for event in oracle.events(stack) if event["kind"] == "routed"]
            aborted = sum(event["kind"] == "routed" for event in every) - len(routed)
            self.assertGreater(aborted, 0, "no decision was aborted: nothing was tried")

            # one decision each, and the delivery goes where the event says
            self.assertEqual({event["referral_id"] for event in routed}, ids)
            self.assertEqual(len(routed), COUNT)
            deliveries = [
                oracle.decode(oracle.message_schema(stack.schemas, "delivery"), message.value())
                for message in oracle.read_topic(stack.bootstrap, ["deliveries"])
            ]
            self.assertEqual(
                sorted((d["referral_id"], d["destination"]) for d in deliveries),
                sorted((e["referral_id"], e["destination"]) for e in routed),
            )
            days = collections.defaultdict(list)
            for event in routed:
                days[oracle.london_day(event["occurred_at"])].append(event)
            for one in days.values():  # two, if it is midnight meanwhile
                self.check_a_day(one)
            # and each explanation says what was known when it was decided
            last = json.loads(
                next(e["explanation"] for e in routed if e["destination"] == "FZZ09")
            )
            self.assertIn(["FZZ03", "full"], last["passed_over"])

    def check_a_day(self, routed):
        """Every provider that named a capacity was sent exactly that many; the rest went on."""
        sent = collections.Counter(event["destination"] for event in routed)
        named = {code: room for code, room in ROOM.items() if room}
        near = min(len(routed), sum(named.values()))
        self.assertEqual(sum(sent[code] for code in named), near)
        for code, room in named.items():
            self.assertLessEqual(sent[code], room)
        self.assertEqual(sent["FZZ09"], len(routed) - near)
        self.assertEqual(sent["FZZ03"], 0)
        spares = sorted(
            (
                json.loads(e["explanation"])["spare"]
                for e in routed
                if e["destination"] == "FZZ01"
            ),
            reverse=True,
        )
        self.assertEqual(spares, [ROOM["FZZ01"] - taken for taken in range(len(spares))])


if __name__ == "__main__":
    unittest.main(verbosity=2)
