# SPDX-License-Identifier: Apache-2.0
"""Kafka is killed with -9, stopped and started in mid-stream. What must hold is in
harness/harming.py."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from harming import Harming  # noqa: E402


class KafkaStops(Harming):
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
