# SPDX-License-Identifier: Apache-2.0
"""The aggregator against a real Kafka: whatever is done to it, volumes.daily says exactly what the
committed events add up to, late days and days of 23 and 25 hours included."""

import collections
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka  # noqa: E402
import lives  # noqa: E402
import oracle  # noqa: E402
from copying import Proxy  # noqa: E402
from stack import BIN_DIR, Stack, free_port, http_status, http_text, wait_until  # noqa: E402


class OwnTopics(Stack):
    """Kafka with the two topics that the aggregator knows, and nothing else."""

    def __enter__(self):
        try:
            self.kafka_start()
            lives.make_topics(self)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self


class Standby:
    """A further aggregator beside the stack's own."""

    def __init__(self, stack, instance):
        self.port = free_port()
        environment = {
            **stack.environment,
            "INSTANCE": instance,
            "AGGREGATOR_HEALTH_LISTEN": f"127.0.0.1:{self.port}",
        }
        with open(stack.log_path(f"aggregator-{instance}"), "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN_DIR / "aggregator")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=stack.dir,
                env=environment,
            )

    def ready(self):
        return http_status(f"http://127.0.0.1:{self.port}/readyz") == 200

    def active(self):
        metrics = http_text(f"http://127.0.0.1:{self.port}/metrics")
        return "referral_aggregator_active 1" in metrics.splitlines()

    def __enter__(self):
        wait_until(self.ready, 30, "standby ready")
        return self

    def __exit__(self, *_error):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


class Aggregator(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(OwnTopics())
        self.events = []

    def wait_for_truth(self, timeout=60):
        truth = oracle.cells_of(self.events)
        last = [None]

        def equal():
            last[0] = oracle.volume_cells(self.stack)
            return last[0] == truth

        try:
            wait_until(equal, timeout, "volumes equal to the events")
        except TimeoutError:
            wrong = {
                key: (truth.get(key, 0), last[0].get(key, 0))
                for key in truth.keys() | last[0].keys()
                if truth.get(key, 0) != last[0].get(key, 0)
            }
            self.fail(f"{len(wrong)} of {len(truth)} cells, e.g. {list(wrong.items())[:5]}")

    def metric(self, name):
        return self.stack.metric("aggregator", name) or 0.0

    def active(self):
        return self.metric("referral_aggregator_active") == 1

    def test_it_does_not_begin_anew_where_its_offsets_are_lost(self):
        """As Kafka loses them, offsets.retention.minutes after the last of a group has left. Once
        all was counted a second time, on top of what had been read back."""
        self.events = lives.Lives(9, 20).events
        lives.produce(self.stack, self.events)
        cell = {name: "" for name in oracle.DIMENSIONS}
        cell |= {"period": "2026-11-20", "pathway": "msk", "stage": "received", "count": 3}
        encode = oracle.encoder(oracle.message_schema(self.stack.schemas, "volume"))
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
        producer.produce("volumes.daily", key="a cell", value=encode(cell))
        producer.flush(60)
        self.stack.start("aggregator", ready=False)
        process = self.stack.processes["aggregator"]
        wait_until(lambda: process.poll() is not None, 30, "its end")
        self.assertEqual(process.returncode, 1)
        self.assertEqual(self.stack.told("aggregator", "broken")[0]["code"], "offsets-lost")
        self.assertEqual(sum(oracle.volume_cells(self.stack).values()), 3)

    def test_killed_in_mid_stream_it_counts_nothing_twice_and_loses_nothing(self):
        self.events = lives.Lives(7, 1500).events
        self.stack.start("aggregator")
        whole = sum(oracle.cells_of(self.events).values())
        with lives.Background(self.stack, self.events, between=lambda: time.sleep(0.05)):
            for share in (0.1, 0.3, 0.5, 0.7, 0.9):
                wait_until(
                    lambda: sum(oracle.volume_cells(self.stack).values()) > share * whole,
                    60,
                    "progress",
                )
                self.stack.restart("aggregator")
                self.stack.wait_ready("aggregator")
        self.wait_for_truth()
        # and stopped in good order it goes on from its own output
        self.stack.kill("aggregator", signal.SIGTERM)
        self.assertEqual(self.stack.processes["aggregator"].returncode, 0)
        more = lives.Lives(8, 300).events
        self.events = self.events + more
        lives.produce(self.stack, more)
        self.stack.start("aggregator")
        self.wait_for_truth()
        self.assertGreater(self.metric("referral_aggregator_late_days_loaded_total"), 0)

    def test_the_broker_goes_away_and_comes_back(self):
        self.events = lives.Lives(9, 400).events
        self.stack.start("aggregator")
        lives.produce(self.stack, self.events)
        self.wait_for_truth()
        self.stack.kafka_signal(signal.SIGKILL)
        self.stack.kafka_start()
        more = lives.Lives(10, 400).events
        self.events = self.events + more
        lives.produce(self.stack, more)
        self.wait_for_truth(90)

    def test_a_standby_waits_takes_over_and_a_paused_one_changes_nothing(self):
        self.pause_and_wake()

    def test_one_that_was_paused_for_longer_than_its_session_ends_nobody(self):
        """Awake again, the library and the stream take the place of who counts now."""
        self.pause_and_wake(KAFKA_SESSION_TIMEOUT_MS="6000")

    def test_who_is_fenced_while_it_has_the_turn_takes_its_place_back(self):
        proxy = Proxy(self.stack)
        self.addCleanup(proxy.close)
        self.stack.start(
            "aggregator",
            KAFKA_BOOTSTRAP_SERVERS=proxy.bootstrap,
            KAFKA_HEARTBEAT_INTERVAL_MS="500",
        )
        self.events = lives.Lives(19, 100).events
        lives.produce(self.stack, self.events)
        self.wait_for_truth()
        left = ["fence"]
        proxy.on_heartbeat = lambda frame: (
            left.pop() if left and b"aggregator-turn" not in frame else "pass"
        )
        wait_until(lambda: self.metric("referral_aggregator_replaced_total") == 1, 30, "the fence")
        more = lives.Lives(20, 100).events
        self.events = self.events + more
        lives.produce(self.stack, more)
        self.wait_for_truth()
        self.assertTrue(self.active())
        self.assertEqual(len(self.stack.told("aggregator", "standing-by")), 1)
        self.assertEqual(len(self.stack.told("aggregator", "counting")), 2)
        self.stack.kill("aggregator", signal.SIGTERM)
        self.assertEqual(self.stack.processes["aggregator"].returncode, 0)

    def test_paused_while_its_turn_is_confirmed_it_stands_by_like_any_other(self):
        """Whether that transaction was committed can't be told any more, as another one's has
        followed it, and need not be."""
        proxy = Proxy(self.stack)
        self.addCleanup(proxy.close)
        paused = threading.Event()

        def on_end(number):
            if number == 1:
                os.kill(self.stack.processes["aggregator"].pid, signal.SIGSTOP)
                paused.set()
            return "lose-request"

        proxy.on_end = on_end
        self.stack.start("aggregator", ready=False, KAFKA_BOOTSTRAP_SERVERS=proxy.bootstrap)
        self.assertTrue(paused.wait(60), "its first EndTxn")
        process = self.stack.processes["aggregator"]
        with Standby(self.stack, "1") as standby:
            wait_until(standby.active, 60, "the standby at work")
            os.kill(process.pid, signal.SIGCONT)
            wait_until(
                lambda: process.poll() is not None
                or self.stack.told("aggregator", "transaction-resolved"),
                60,
                "it knows",
            )
            proxy.on_end = lambda number: "pass"
            self.stack.wait_ready("aggregator")
            self.assertFalse(self.active())
            self.events = lives.Lives(21, 100).events
            lives.produce(self.stack, self.events)
            self.wait_for_truth()
            self.assertTrue(standby.active())
            self.assertIsNone(process.poll(), self.stack.log_tail("aggregator"))

    def pause_and_wake(self, **environment):
        self.stack.start("aggregator", **environment)
        process = self.stack.processes["aggregator"]
        wait_until(self.active, 30, "the first at work")
        with Standby(self.stack, "1") as standby:
            self.assertFalse(standby.active())
            first = lives.Lives(11, 300).events
            self.events = first
            lives.produce(self.stack, first)
            self.wait_for_truth()
            self.assertTrue(self.active())
            self.assertFalse(standby.active())
            # paused in the middle of its work: the standby takes over
            second = lives.Lives(12, 300).events
            self.events = first + second
            os.kill(process.pid, signal.SIGSTOP)
            lives.produce(self.stack, second)
            wait_until(standby.active, 60, "the standby at work")
            self.wait_for_truth()
            # awake again it is fenced, whatever it still had in hand, and stands by
            os.kill(process.pid, signal.SIGCONT)
            third = lives.Lives(13, 300).events
            self.events = self.events + third
            lives.produce(self.stack, third)
            wait_until(lambda: not self.active(), 60, "the first gave up")
            fourth = lives.Lives(18, 100).events
            self.events = self.events + fourth
            lives.produce(self.stack, fourth)
            self.wait_for_truth()
            wait_until(standby.active, 60, "the standby still at work")
            log = self.stack.log_path("aggregator-1").read_text()
            self.assertIsNone(standby.process.poll(), log)
            self.assertFalse(self.active())
            self.assertIsNone(process.poll(), self.stack.log_tail("aggregator"))

    def test_what_cannot_be_read_is_passed_over_and_counted_apart(self):
        self.events = lives.Lives(14, 50).events
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
        for value in (b"", b"\xc3\x01short", b"\x00" * 40, None):
            producer.produce("referral.events", key=b"x", value=value)
        producer.flush(60)
        lives.produce(self.stack, self.events)
        self.stack.start("aggregator")
        self.wait_for_truth()
        passed = [
            line
            for line in self.stack.metrics("aggregator").splitlines()
            if line.startswith("referral_aggregator_passed_over_total{")
        ]
        self.assertEqual(sum(float(line.rsplit(" ", 1)[1]) for line in passed), 4, passed)

    def test_in_less_memory_than_its_days_need_it_still_counts_exactly(self):
        every = lives.Lives(16, 400).events
        cells = oracle.cells_of(every)
        newest = max(cell[0] for cell in cells)
        bound = (len(cells) + sum(cell[0] == newest for cell in cells)) // 2
        self.stack.start("aggregator", AGGREGATOR_CELLS=str(bound))
        self.day_after_day(every)
        self.assertGreater(self.metric("referral_aggregator_days_let_go_total"), 0)
        self.assertLessEqual(self.metric("referral_aggregator_cells"), bound)
        self.assertEqual(self.metric("referral_aggregator_cells_max"), bound)
        self.assertIn('"days-let-go"', self.stack.log_path("aggregator").read_text())
        # and from its own output, which does not fit either: late events find their days again
        self.stack.restart("aggregator", AGGREGATOR_CELLS=str(bound))
        self.day_after_day(lives.Lives(17, 60).events)

    def day_after_day(self, events):
        days = collections.defaultdict(list)
        for event in events:
            days[oracle.london_day(event["occurred_at"])].append(event)
        for day in sorted(days):
            lives.produce(self.stack, days[day])
            self.events = self.events + days[day]
            self.wait_for_truth()

    def test_past_its_bound_it_stops_and_says_what_to_do(self):
        self.events = lives.Lives(15, 50).events
        lives.produce(self.stack, self.events)
        self.stack.start("aggregator", ready=False, AGGREGATOR_CELLS="20")
        self.assertEqual(self.stack.processes["aggregator"].wait(180), 1)
        self.assertIn("AGGREGATOR_CELLS", self.stack.log_tail("aggregator"))


if __name__ == "__main__":
    unittest.main()
