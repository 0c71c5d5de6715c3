# SPDX-License-Identifier: Apache-2.0
"""The stream when the broker is away, restarts, dies or freezes. What must hold is in
harness/copying.py."""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from copying import Copying, Proxy  # noqa: E402
from stack import wait_until  # noqa: E402


class BrokerFaults(Copying):
    def test_a_broker_that_is_away_at_the_start_is_waited_for(self):
        self.produce(500)
        self.broker.kafka_stop()
        copier = self.copier().start()
        wait_until(lambda: copier.said("start-waits"), 20, "it says that it waits")
        self.assertEqual(copier.status("/livez"), 200)
        self.assertEqual(copier.status("/readyz"), 503)
        self.broker.kafka_start()
        copier.wait_ready()
        self.check()
        copier.stop()

    def test_a_broker_that_restarts_is_waited_for(self):
        self.produce(30000)
        copier = self.copier(slow_us=200, batch=300).start()
        for number, count in ((signal.SIGTERM, 3000), (signal.SIGKILL, 10000)):
            copier.wait_copied(count)
            if number == signal.SIGKILL:
                self.broker.kafka_signal(number)
            self.broker.kafka_stop()
            time.sleep(2)  # the outage
            self.assertEqual(copier.status("/livez"), 200)
            self.broker.kafka_start()
        self.check(timeout=120)
        copier.stop()
        self.check_ticks()

    def test_a_broker_that_freezes_is_waited_for(self):
        self.produce(20000)
        copier = self.copier(slow_us=200, batch=300, KAFKA_SOCKET_TIMEOUT_MS=3000).start()
        copier.wait_copied(3000)
        self.broker.kafka_signal(signal.SIGSTOP)
        time.sleep(8)  # longer than any request may take
        self.assertEqual(copier.status("/livez"), 200)
        self.broker.kafka_signal(signal.SIGCONT)
        self.check(timeout=120)
        copier.stop()
        self.check_ticks()

    def test_who_commits_each_turn_hears_that_its_session_is_over(self):
        """What a turn does to recover takes longer than the turn may poll, and each commit fails
        until the group was listened to."""
        self.produce(20000)
        often = {"by_wake": "true", "commit_each": "true", "slow_us": 200, "batch": 300}
        copier = self.copier(KAFKA_SOCKET_TIMEOUT_MS=3000, **often).start()
        copier.wait_copied(1000)
        self.broker.kafka_signal(signal.SIGSTOP)
        time.sleep(20)  # longer than the session, and than the client goes on asking
        self.broker.kafka_signal(signal.SIGCONT)
        self.check(timeout=120)
        copier.stop()
        self.check_ticks()

    def told_that_it_was_replaced(self, *first, session_ms=45000):
        """A copier one of whose heartbeats says so; what happens to those before it is given. The
        members of a start that had to be repeated had heartbeats of their own."""
        proxy = Proxy(self.broker)
        self.addCleanup(proxy.close)
        self.produce(10000)
        # It comes long before the session ends, however busy the machine is: after that it would
        # join again by itself, and a silence of that length is one.
        often = {"KAFKA_HEARTBEAT_INTERVAL_MS": 700, "session_timeout_ms": session_ms}
        copier = self.copier(bootstrap=proxy.bootstrap, slow_us=400, batch=300, **often)
        copier.start().wait_ready()
        left = [*first, "fence"]
        proxy.on_heartbeat = lambda _: left.pop(0) if left else "pass"
        wait_until(lambda: not left, 30 + len(first), "the heartbeat")
        return copier

    def test_who_was_told_after_a_silence_that_it_was_replaced_joins_again(self):
        copier = self.told_that_it_was_replaced("lose-answer")
        wait_until(lambda: copier.said("kafka-rejoined"), 20, "it joins again")
        self.check(timeout=120)
        copier.stop()
        self.check_ticks()

    def test_who_gave_its_place_up_and_hears_that_another_has_it_joins_again(self):
        """The answer to a heartbeat took less than a session, but came later than that behind the
        one before: the library has given the place up, and until the program hears of it, it sends
        heartbeats without a name, which are refused as those of somebody who was replaced."""
        proxy = Proxy(self.broker)
        self.addCleanup(proxy.close)
        self.produce(10000)
        stall = self.broker.dir / f"stall-{self.number}"
        often = {"KAFKA_HEARTBEAT_INTERVAL_MS": 8000, "session_timeout_ms": 20000}
        copier = self.copier(bootstrap=proxy.bootstrap, stall_file=stall, batch=300, **often)
        copier.start().wait_ready()
        stall.touch()
        self.produce(5000, first=10000)  # something to stall on
        left = [("slow-answer", 16)]
        proxy.on_heartbeat = lambda _: left.pop(0) if left else "pass"
        wait_until(lambda: copier.said("SESSTMOUT"), 40, "it gives its place up")
        wait_until(lambda: copier.said("Static consumer fenced"), 40, "it is refused")
        time.sleep(35)  # when it was said counts, not when it is heard: session and margin are 30 s
        stall.unlink()
        wait_until(lambda: copier.said("kafka-rejoined"), 20, "it joins again")
        self.check(timeout=120)
        copier.stop()
        self.check_ticks()

    def test_who_slept_through_its_session_and_is_told_that_it_was_replaced_joins_again(self):
        """No request of its own was late. Once it stopped, and on a machine that had slept so did
        everybody. Whether it hears that word first, or that its session is over, is up to the
        library; who joined anew is told nothing of the kind."""
        proxy = Proxy(self.broker)
        self.addCleanup(proxy.close)
        self.produce(10000)
        often = {"KAFKA_HEARTBEAT_INTERVAL_MS": 300, "session_timeout_ms": 10000}
        copier = self.copier(bootstrap=proxy.bootstrap, slow_us=400, batch=300, **often).start()
        copier.wait_ready()
        heard, before = proxy.heartbeats, set()
        proxy.on_heartbeat = lambda frame: before.add(frame[8:]) or "pass"  # who, of which group
        wait_until(lambda: proxy.heartbeats >= heard + 2, 30, "two heartbeats")
        copier.signal(signal.SIGSTOP)
        time.sleep(12)  # longer than the session
        proxy.on_heartbeat = lambda frame: "fence" if frame[8:] in before else "pass"
        copier.signal(signal.SIGCONT)
        again = ("kafka-rejoined", "kafka-member-replaced", "SESSTMOUT")
        wait_until(lambda: any(map(copier.said, again)), 20, "it joins again")
        self.produce(1000, first=10000)
        self.check(timeout=120)
        self.assertFalse(copier.said("kafka-fenced"))
        copier.stop()
        self.check_ticks()

    def test_who_is_replaced_without_a_silence_stops(self):
        copier = self.told_that_it_was_replaced()
        self.assertNotEqual(copier.process.wait(90), 0)
        self.assertTrue(copier.said("kafka-fenced"))
        self.copier().start()  # under the same name, as a supervisor would
        self.check()

    def test_who_is_replaced_long_after_a_silence_stops(self):
        """Once each such word within ten minutes was taken for an echo: of two with one name the
        former took its place back, and in the end both stopped."""
        copier = self.told_that_it_was_replaced("lose-answer", *["pass"] * 40, session_ms=15000)
        self.assertNotEqual(copier.process.wait(90), 0)
        self.assertFalse(copier.said("kafka-rejoined"))
        self.assertTrue(copier.said("kafka-fenced"))
        self.produce(1000, first=10000)
        self.copier().start()
        self.check()

    def test_it_stops_in_time_although_the_broker_is_away(self):
        self.produce(5000)
        copier = self.copier(slow_us=500).start()
        copier.wait_copied(1000)
        self.addCleanup(self.broker.kafka_start)
        self.broker.kafka_stop()
        began = time.monotonic()
        copier.signal(signal.SIGTERM)
        copier.stop(expected=None)
        self.assertLess(time.monotonic() - began, 39)
        self.broker.kafka_start()
        self.copier().start()
        self.check()


if __name__ == "__main__":
    unittest.main(verbosity=2)
