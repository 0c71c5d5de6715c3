# SPDX-License-Identifier: Apache-2.0
"""The stream when the broker is away, restarts, dies or freezes. What must hold is in
harness/copying.py."""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from copying import Copying  # noqa: E402
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

    def test_it_stops_in_time_although_the_broker_is_away(self):
        self.produce(5000)
        copier = self.copier(slow_us=500).start()
        copier.wait_copied(1000)
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
