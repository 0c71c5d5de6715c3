# SPDX-License-Identifier: Apache-2.0
"""Services are frozen in mid-stream, and wake up again. What must hold is in harness/harming.py."""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from harming import Harming  # noqa: E402


class Freezes(Harming):
    def test_a_frozen_process_that_wakes_up_again_does_no_harm(self):
        def freeze(name):
            def fault(stack):
                stack.kill(name, signal.SIGSTOP)
                time.sleep(
                    3
                )  # frozen for three seconds: the fault itself, not a wait for something
                stack.kill(name, signal.SIGCONT)

            return fault

        self.run_with(23, [freeze("router"), freeze("dispatcher"), freeze("aggregator")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
