# SPDX-License-Identifier: Apache-2.0
"""The stream (consume, transform, produce) as a process of its own, stream_copy, that may be killed
and started again beside a real broker. The oracle is set equality: each record that a committed
reader sees in the input is in the output as often as it should be, and nothing else is. Input and
output are written and read by another client."""

import collections
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import confluent_kafka as kafka
from confluent_kafka.admin import AdminClient, NewTopic

import oracle
from stack import BIN_DIR, PATIENCE, Stack, free_port, http_status, http_text, wait_until

END_TXN = 26
HEARTBEAT = 12
FENCED_INSTANCE_ID = 82


class Broker(Stack):
    """Kafka alone."""

    def __enter__(self):
        self.kafka_start()
        return self

    def topics(self, *names, partitions=4):
        """Makes them; the broker hears of it a moment after the controller."""
        client = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in client.create_topics(
            [NewTopic(name, partitions, 1) for name in names]
        ).values():
            future.result()
        self.wait_known(*names, partitions=partitions)

    def wait_known(self, *names, partitions):
        client = AdminClient({"bootstrap.servers": self.bootstrap})

        def known():
            topics = client.list_topics(timeout=30).topics
            return all(
                name in topics
                and len(topics[name].partitions) == partitions
                and all(one.leader >= 0 for one in topics[name].partitions.values())
                for name in names
            )

        wait_until(known, 30, f"{names} known to the broker")

    def committed(self, group, topic):
        client = kafka.Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        count = len(client.list_topics(topic, 30).topics[topic].partitions)
        parts = [kafka.TopicPartition(topic, i) for i in range(count)]
        rows = oracle.patiently(lambda: client.committed(parts, 30))
        client.close()
        return [row.offset for row in rows]

    def read(self, topic):
        """All committed records: [(partition, offset, key, value)]."""
        client = kafka.Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "the-reader-of-the-test",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        count = len(client.list_topics(topic, 30).topics[topic].partitions)
        client.assign([kafka.TopicPartition(topic, i, 0) for i in range(count)])
        ended, records = set(), []
        until = time.monotonic() + 60 * PATIENCE
        while len(ended) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{topic}: no end within {60 * PATIENCE} s")
            for message in client.consume(10000, 0.5):
                if message.error() is None:
                    records.append(
                        (message.partition(), message.offset(), message.key(), message.value())
                    )
                elif message.error().code() == kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
        client.close()
        return records


class Copier:
    """One stream_copy process; may be killed and started again."""

    def __init__(self, broker, instance="0", bootstrap=None, **options):
        self.broker = broker
        self.instance = instance
        self.health = free_port()
        self.log = broker.dir / f"copy-{instance}-{self.health}.log"
        self.process = None
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "STREAM_COPY_"))},
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap or broker.bootstrap,
            "INSTANCE": instance,
            "HEALTH_LISTEN": f"127.0.0.1:{self.health}",
        }
        for name, value in options.items():
            prefix = "" if name.startswith(("KAFKA_", "LOG_")) else "STREAM_COPY_"
            self.environment[prefix + name.upper()] = str(value)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN_DIR / "stream_copy")], stdout=log, stderr=log, env=self.environment
            )
        return self

    def status(self, path):
        return http_status(f"http://127.0.0.1:{self.health}{path}")

    def metric(self, name):
        try:
            for line in http_text(f"http://127.0.0.1:{self.health}/metrics").splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        except OSError:
            pass
        return 0.0

    def said(self, text):
        return self.log.exists() and text in self.log.read_text(errors="replace")

    def partitions(self):
        """Those that are its own, as it tells of each that comes and goes."""
        own = set()
        for line in self.log.read_text(errors="replace").splitlines():
            fact = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if fact.get("fact") == "starting":
                own.clear()
            elif fact.get("fact") in ("assigned", "revoked"):
                change = own.add if fact["fact"] == "assigned" else own.discard
                change(fact["what"].split(" ")[0])
        return own

    def wait_partitions(self, least=1):
        wait_until(lambda: len(self.partitions()) >= least, 40, f"{least} partitions of its own")

    def wait_ready(self, timeout=30):
        wait_until(lambda: self.status("/readyz") == 200, timeout, "copier ready")
        return self

    def wait_copied(self, count, timeout=60):
        wait_until(lambda: self.metric("copy_copied_total") >= count, timeout, f"{count} copied")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, expected=0):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        code = self.process.wait(50 * PATIENCE)  # as long as a service's own limits
        self.process = None
        if expected is not None and code != expected:
            raise AssertionError(f"exit {code}: {self.log.read_text(errors='replace')[-3000:]}")


class Proxy:
    """Between a client and the broker, whose address it replaces by its own in all that comes back.
    `on_end` is called with the number of each EndTxn request, `on_heartbeat` with the bytes of each
    Heartbeat, and says what happens to it."""

    def __init__(self, broker):
        self.real = ("127.0.0.1", broker.kafka_port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.on_end = lambda number: "pass"
        self.on_heartbeat = lambda frame: "pass"
        self.ends = 0
        self.heartbeats = 0
        self.gone_until = 0
        self.open = []
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if time.monotonic() < self.gone_until:
                    raise OSError
                broker = socket.create_connection(self.real)
            except OSError:
                client.close()
                continue
            self.open.append((client, broker))
            withheld, fenced, slow = set(), {}, {}
            for target in (self._requests, self._answers):
                threading.Thread(
                    target=target, args=(client, broker, withheld, fenced, slow), daemon=True
                ).start()

    @staticmethod
    def _frame(source):
        head = b""
        while len(head) < 4:
            more = source.recv(4 - len(head))
            if not more:
                raise OSError
            head += more
        left = struct.unpack(">i", head)[0]
        parts = []
        while left:
            more = source.recv(min(left, 65536))
            if not more:
                raise OSError
            parts.append(more)
            left -= len(more)
        return b"".join(parts)

    def _requests(self, client, broker, withheld, fenced, slow):
        late = False
        try:
            while True:
                frame = self._frame(client)
                action = "pass"
                api, version = struct.unpack(">hh", frame[:4])
                with self.lock:
                    if api == END_TXN:
                        self.ends += 1
                        action = self.on_end(self.ends)
                    elif api == HEARTBEAT:
                        self.heartbeats += 1
                        action = self.on_heartbeat(frame)
                data = struct.pack(">i", len(frame)) + frame
                if action == "pass":
                    broker.sendall(data)
                elif action == "fence":  # the broker is made to say that another took the place
                    fenced[frame[4:8]] = version
                    broker.sendall(data)
                elif action[0] == "slow-answer":
                    slow[frame[4:8]] = action[1]
                    broker.sendall(data)
                elif action == "lose-answer":
                    withheld.add(frame[4:8])
                    broker.sendall(data)
                elif action == "lose-request":
                    break
                elif action[0] == "vanish":  # with all connections, for a while
                    _, for_seconds, reached = action
                    self.gone_until = time.monotonic() + for_seconds
                    if reached:
                        broker.sendall(data)
                        self._frame(broker)
                    self._close(*[end for pair in self.open for end in pair])
                elif action[0] == "late":  # the client gives it up; it still arrives
                    late = True
                    threading.Timer(action[1], self._send_late, (broker, data)).start()
        except OSError:
            pass
        self._close(client, *(() if late else (broker,)))

    @staticmethod
    def _send_late(broker, data):
        try:
            broker.sendall(data)
        except OSError:
            pass

    @staticmethod
    def _answer_fenced(frame, version):
        """A Heartbeat's answer: correlation id, tags (from 4), throttle time (from 1), error."""
        at = 4 + (version >= 4) + 4 * (version >= 1)
        return frame[:at] + struct.pack(">h", FENCED_INSTANCE_ID) + frame[at + 2 :]

    def _answers(self, client, broker, withheld, fenced, slow):
        here = b"\x00\x09127.0.0.1" + struct.pack(">i", self.real[1])
        compact = b"\x0a127.0.0.1" + struct.pack(">i", self.real[1])
        mine = struct.pack(">i", self.port)
        try:
            while True:
                frame = self._frame(broker)
                if frame[:4] in withheld:
                    break
                time.sleep(slow.pop(frame[:4], 0))
                if frame[:4] in fenced:
                    frame = self._answer_fenced(frame, fenced.pop(frame[:4]))
                for address in (here, compact):
                    frame = frame.replace(address, address[:-4] + mine)
                client.sendall(struct.pack(">i", len(frame)) + frame)
        except OSError:
            pass
        self._close(client, broker)

    @staticmethod
    def _close(*ends):
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Copying(unittest.TestCase):
    """Every case has topics and a group of its own on one broker."""

    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker())
        cls.numbers = itertools.count(1)

    def setUp(self):
        self.number = next(self.numbers)
        self.input = f"in.{self.number}"
        self.output = f"out-{self.number}"
        self.ticks = f"ticks-{self.number}"
        self.copiers = []
        self.broker.topics(self.input, self.output)
        self.broker.topics(self.ticks, partitions=1)

    def tearDown(self):
        for copier in self.copiers:
            if copier.process is not None and copier.process.poll() is None:
                copier.kill()

    def copier(self, instance="0", **options):
        named = {
            "group": f"copy-{self.number}",
            "topics": self.input,
            "output": self.output,
            "ticks": self.ticks,
            **options,
        }
        copier = Copier(self.broker, instance, **named)
        self.copiers.append(copier)
        return copier

    def produce(self, count, topic=None, first=0):
        client = kafka.Producer(
            {"bootstrap.servers": self.broker.bootstrap, "linger.ms": 5, "acks": "all"}
        )
        for i in range(first, first + count):
            client.produce(topic or self.input, key=f"k{i}", value=f"v{i}")
            if i % 1000 == 0:
                client.poll(0)
        self.assertEqual(client.flush(60), 0)

    def produce_transactions(self, *batches):
        """(count, committed?) each."""
        client = kafka.Producer(
            {"bootstrap.servers": self.broker.bootstrap, "transactional.id": f"t{self.number}"}
        )
        client.init_transactions(30)
        for count, commit in batches:
            client.begin_transaction()
            for i in range(count):
                client.produce(self.input, key=f"t{i}", value="committed" if commit else "undone")
            client.flush(60)
            if commit:
                client.commit_transaction(30)
            else:
                client.abort_transaction(30)

    def expected(self, topics=None, copies=1):
        return collections.Counter(
            f"{topic}/{partition}/{offset}/{copy}"
            for topic in topics or [self.input]
            for partition, offset, _, _ in self.broker.read(topic)
            for copy in range(copies)
        )

    def got(self):
        return collections.Counter(
            value.decode() for _, _, _, value in self.broker.read(self.output)
        )

    def check(self, topics=None, copies=1, timeout=60):
        """Waits until the output is as large as it should be; then it must be equal, and so must
        the group's offsets."""
        expected = self.expected(topics, copies)
        wait_until(
            lambda: sum(self.got().values()) >= sum(expected.values()),
            timeout,
            f"{sum(expected.values())} records in the output",
        )
        got = self.got()
        self.assertEqual(got - expected, collections.Counter(), "doubled or invented")
        self.assertEqual(expected - got, collections.Counter(), "lost")

    def check_ticks(self):
        """What a process counted aloud is 0, 1, 2 … without a gap: transactions without input are
        exact, too."""
        counted = collections.defaultdict(list)
        for _, _, key, value in self.broker.read(self.ticks):
            counted[key].append(int(value))
        self.assertTrue(counted)
        for key, numbers in counted.items():
            self.assertEqual(numbers, list(range(len(numbers))), key)
