# SPDX-License-Identifier: Apache-2.0
"""Producer, reader and admin against a real broker; another client says what is true."""

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import confluent_kafka as kafka
from confluent_kafka.admin import AdminClient, NewPartitions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from copying import Broker  # noqa: E402
from stack import BIN_DIR, wait_until  # noqa: E402

IN_TIME = {"TIMEOUT_MS": "30000"}  # of a broker that is there, but may be busy
TRY_AGAIN = 3
# These are repeated where it is: each waits for five seconds at most, and does no harm twice.
REPEATED = ("read", "read-at", "seek", "watermarks", "partitions", "committed", "offset-at")
REPEATED += ("create",)
BOUND_SECONDS = 40  # where the library by itself waits for five minutes, or for ever


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker())
        cls.admin = AdminClient({"bootstrap.servers": cls.broker.bootstrap})
        cls.number = 0

    def setUp(self):
        Calls.number += 1
        self.topic = f"topic-{self.number}"

    def make(self, partitions=1):
        self.broker.topics(self.topic, partitions=partitions)

    def clean(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KAFKA_")}
        return {**clean, "KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap}

    def call(self, *arguments, code=0, **environment):
        """The lines that were printed."""
        began = end = time.monotonic()
        while end - began < 60:
            done = subprocess.run(
                [str(BIN_DIR / "kafka_calls"), *map(str, arguments)],
                env={**self.clean(), **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
            )
            if done.returncode != TRY_AGAIN or code == TRY_AGAIN or arguments[0] not in REPEATED:
                break
            end = time.monotonic()
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr[-2000:])
        lines = done.stdout.splitlines()
        return ["created"] if lines == ["there"] and end != began else lines  # by the call before

    def client(self, **more):
        return kafka.Producer({"bootstrap.servers": self.broker.bootstrap, **more})

    def produce(self, count, **more):
        client = self.client()
        for i in range(count):
            client.produce(self.topic, key=f"k{i}", value=f"v{i}", **more)
        self.assertEqual(client.flush(60), 0)

    # ---- producer
    def test_the_producer_delivers_with_keys_headers_and_tombstones(self):
        self.make(4)
        self.assertEqual(
            self.call("produce", self.topic, 1000, **IN_TIME)[-2:],
            ["connected 1", "sent 1000 delivered 1000 failed 0"],
        )
        rows = [line.split(" ") for line in self.call("read", self.topic)]
        self.assertEqual(len(rows), 1000)
        self.assertEqual({row[2] for row in rows}, {f"k{i}" for i in range(1000)})
        self.assertEqual({row[3] for row in rows if row[2].endswith("9")}, {"-"})
        self.assertEqual({row[4] for row in rows}, {"2"})  # the last of that name
        # The same partitions as other clients choose.
        theirs = self.client(partitioner="murmur2_random")
        where = {}
        for i in range(100):
            theirs.produce(
                self.topic,
                key=f"k{i}",
                value="x",
                on_delivery=lambda _, message: where.update(
                    {message.key().decode(): message.partition()}
                ),
            )
        theirs.flush(60)
        ours = {row[2]: int(row[0]) for row in rows}
        self.assertEqual({key: ours[key] for key in where}, where)

    def test_a_partition_key_decides_instead_of_the_key(self):
        self.make(8)
        self.call("produce", self.topic, 100, "FA123", **IN_TIME)
        self.assertEqual(len({line.split(" ")[0] for line in self.call("read", self.topic)}), 1)

    def test_without_a_topic_or_a_broker_every_record_is_reported_as_not_delivered(self):
        lines = self.call("produce", "no-such-topic", 10)
        self.assertEqual(lines[-1], "sent 10 delivered 0 failed 10")
        began = time.monotonic()
        lines = self.call(
            "produce", self.topic, 10, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"
        )
        self.assertEqual(lines[-2:], ["connected 0", "sent 10 delivered 0 failed 10"])
        self.assertLess(time.monotonic() - began, BOUND_SECONDS)

    def test_a_broker_that_freezes_is_reported_in_time(self):
        self.make()
        self.broker.kafka_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            lines = self.call("produce", self.topic, 10)
            self.assertEqual(lines[-1], "sent 10 delivered 0 failed 10")
            self.assertLess(time.monotonic() - began, BOUND_SECONDS)
        finally:
            self.broker.kafka_signal(signal.SIGCONT)

    # ---- reader
    def transactions(self, *batches):
        client = self.client(**{"transactional.id": self.topic})
        client.init_transactions(60)
        for key, count, commit in batches:
            client.begin_transaction()
            for _ in range(count):
                client.produce(self.topic, key=key, value="x", partition=0)
            client.flush(60)
            if commit is None:
                return client
            (client.commit_transaction if commit else client.abort_transaction)(60)
        return None

    def test_a_log_that_ends_in_markers_and_undone_records_has_an_end(self):
        self.make(2)
        self.transactions(("a", 3, True), ("b", 5, False), ("c", 2, True), ("d", 7, False))
        keys = [line.split(" ")[2] for line in self.call("read", self.topic)]
        self.assertEqual(keys, ["a"] * 3 + ["c"] * 2)

    def test_an_open_transaction_is_behind_the_end(self):
        self.make()
        client = self.transactions(("a", 3, True), ("b", 5, None))
        self.assertEqual(len(self.call("read", self.topic)), 3)
        self.assertEqual(self.call("watermarks", self.topic, 0), ["0 4"])
        client.commit_transaction(60)
        # its end is in the partition a moment after the coordinator has said that it is over
        wait_until(lambda: len(self.call("read", self.topic, 2)) == 8, 20, "all of them")

    def test_reading_from_an_offset_and_seeking(self):
        self.make()
        self.produce(10)
        offsets = [int(line.split(" ")[1]) for line in self.call("read-at", self.topic, 0, 7)]
        self.assertEqual(offsets, [7, 8, 9])
        self.assertEqual(self.call("read-at", self.topic, 0, 10), [])
        lines = self.call("seek", self.topic, 0, 8)
        self.assertEqual(lines[10], "again")
        self.assertEqual([int(line.split(" ")[1]) for line in lines[11:]], [8, 9])

    def test_what_has_expired_is_not_waited_for(self):
        self.make()
        self.produce(10)
        self.admin.delete_records([kafka.TopicPartition(self.topic, 0, 6)])[
            kafka.TopicPartition(self.topic, 0, 6)
        ].result()
        self.assertEqual(len(self.call("read", self.topic)), 4)
        self.assertEqual(len(self.call("read-at", self.topic, 0, 2)), 4)
        self.assertEqual(self.call("watermarks", self.topic, 0), ["6 10"])

    def test_an_empty_topic_is_at_its_end_and_a_missing_one_is_named(self):
        self.make(3)
        self.assertEqual(self.call("read", self.topic), [])
        self.assertIn("no-such-topic", self.call("read", "nowhere", code=3)[0])

    def add_partitions(self):
        """Two more, with a record in the last."""
        for future in self.admin.create_partitions([NewPartitions(self.topic, 3)]).values():
            future.result()
        self.broker.wait_known(self.topic, partitions=3)
        errors = []
        client = self.client()
        client.produce(
            self.topic,
            key="new",
            value="x",
            partition=2,
            on_delivery=lambda error, _: errors.append(error),
        )
        client.flush(60)
        self.assertEqual(errors, [None])

    def test_partitions_that_are_added_are_read_after_the_next_mark(self):
        self.make()
        self.produce(5)
        self.add_partitions()
        self.assertEqual(len(self.call("read", self.topic, 1)), 6)

    def test_partitions_that_are_added_are_read_by_who_reads_on(self):
        self.make()
        self.produce(5)
        with subprocess.Popen(
            [str(BIN_DIR / "kafka_calls"), "read-on", self.topic, "6"],
            env=self.clean(),
            stdout=subprocess.PIPE,
            text=True,
        ) as reading:
            self.assertTrue(reading.stdout.readline())  # it knows of one partition
            self.add_partitions()
            rest = reading.stdout.readlines()
        self.assertEqual((reading.returncode, len(rest)), (0, 5), rest[-1:])

    # ---- admin
    def test_creating_twice_is_harmless(self):
        self.assertEqual(self.call("create", self.topic, 3, "compact"), ["created"])
        self.assertEqual(self.call("create", self.topic, 3, "compact"), ["there"])
        self.assertEqual(self.call("partitions", self.topic), ["3"])
        self.assertEqual(self.call("partitions", "nowhere"), ["0"])
        self.assertIn("nonsense", self.call("create", "other", 3, "nonsense", code=3)[0])

    def test_a_topic_that_was_made_is_known_at_once(self):
        for number in range(10):
            name = f"{self.topic}-{number}"
            self.assertEqual(self.call("create", name, 2, "compact"), ["created"])
            self.assertEqual(self.call("partitions", name), ["2"])

    def test_offsets_of_groups_and_times(self):
        self.make()
        now = int(time.time() * 1000)
        self.produce(3, timestamp=now - 100000)
        self.produce(2, timestamp=now)
        self.assertEqual(self.call("offset-at", self.topic, 0, now - 50000), ["3"])
        self.assertEqual(self.call("offset-at", self.topic, 0, 0), ["0"])
        self.assertEqual(self.call("offset-at", self.topic, 0, now + 1), ["5"])
        self.assertEqual(self.call("committed", "a-group", self.topic, 0), ["-1"])
        client = kafka.Consumer(
            {"bootstrap.servers": self.broker.bootstrap, "group.id": "a-group"}
        )
        client.commit(offsets=[kafka.TopicPartition(self.topic, 0, 4)], asynchronous=False)
        client.close()
        self.assertEqual(self.call("committed", "a-group", self.topic, 0), ["4"])

    def test_without_a_broker_every_question_ends_in_time(self):
        questions = (
            ("partitions", "t"),
            ("watermarks", "t", 0),
            ("committed", "g", "t", 0),
            ("offset-at", "t", 0, 0),
            ("create", "t", 1, "delete"),
        )

        def ask(question):
            began = time.monotonic()
            lines = self.call(*question, code=3, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
            self.assertIn("kafka-", lines[0], question)
            self.assertLess(time.monotonic() - began, BOUND_SECONDS, question)

        with concurrent.futures.ThreadPoolExecutor(len(questions)) as pool:
            for _ in pool.map(ask, questions):
                pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
