# SPDX-License-Identifier: Apache-2.0
"""Kafka is killed with -9, stopped and started in mid-stream. What must hold is in
harness/harming.py."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from harming import Harming  # noqa: E402
from stack import SERVICES, Stack, http, wait_until  # noqa: E402


class KafkaStops(Harming):
    def test_every_service_says_that_kafka_is_away_also_when_it_has_nothing_to_do(self):
        with Stack() as stack:
            stack.start()
            stack.kafka_stop()
            for name in SERVICES:
                says = "Kafka or the database is away" if name == "tracker" else "Kafka is away"
                address = f"http://127.0.0.1:{stack.health[name]}/readyz"
                wait_until(lambda at=address, why=says: why in http(at)[2], 60, f"{name}: {says}")
            stack.kafka_start()
            for name in SERVICES:
                stack.wait_ready(name, 60)

    def test_kafka_stopped_killed_and_started_in_mid_stream_loses_and_doubles_nothing(self):
        def stop_and_start(stack):
            stack.kafka_stop()
            stack.kafka_start()

        def kill_and_start(stack):
            stack.kafka_signal(signal.SIGKILL)
            stack.kafka_stop()
            stack.kafka_start()

        self.run_with(22, [kill_and_start, stop_and_start])


if __name__ == "__main__":
    unittest.main(verbosity=2)
