# SPDX-License-Identifier: Apache-2.0
"""Each service in turn is killed with -9 in mid-stream and started again. What must hold is in
harness/harming.py."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from harming import Harming  # noqa: E402


class Kills(Harming):
    def test_each_service_killed_in_mid_stream_loses_and_doubles_nothing(self):
        names = ("router", "dispatcher", "aggregator", "tracker", "gateway", "dispatcher", "router")
        self.run_with(21, [lambda stack, name=name: stack.restart(name) for name in names])


if __name__ == "__main__":
    unittest.main(verbosity=2)
