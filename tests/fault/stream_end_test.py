# SPDX-License-Identifier: Apache-2.0
"""Wherever the end of a transaction goes astray between the stream and the broker, it ends once.
What must hold is in harness/copying.py."""

import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from copying import Copying, Proxy  # noqa: E402
from stack import wait_until  # noqa: E402


class Ends(Copying):
    def together(self, *scenarios):
        """Each on topics of its own, at the same time: most of it is waiting for time-outs."""
        failures = {}

        def run(name, scenario, *arguments):
            case = type(self)("together")
            case.setUp()
            try:
                getattr(case, scenario)(*arguments)
            except BaseException as error:
                failures[name] = error
            finally:
                case.tearDown()
                case.doCleanups()

        threads = [threading.Thread(target=run, args=scenario) for scenario in scenarios]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, error in failures.items():
            raise AssertionError(name) from error

    def astray(self, action):
        proxy = Proxy(self.broker)
        self.addCleanup(proxy.close)
        proxy.on_end = lambda number: action if number % 5 == 0 else "pass"
        self.produce(4000)
        copier = self.copier(
            bootstrap=proxy.bootstrap,
            batch=150,
            slow_us=100,
            meanwhile="true",
            KAFKA_SOCKET_TIMEOUT_MS=1000,
        ).start()
        self.check(timeout=120)
        self.assertGreater(proxy.ends, 15)
        copier.stop(expected=None)
        self.check()
        self.check_ticks()

    def test_positions_alone_end_few_transactions(self):
        proxy = Proxy(self.broker)
        self.addCleanup(proxy.close)
        options = {"copies": 0, "ticks": "", "interval_ms": 20}
        copier = self.copier(bootstrap=proxy.bootstrap, **options).start().wait_ready()
        for number in range(40):
            self.produce(1, first=number)
            time.sleep(0.05)  # longer than the interval

        def positions():
            at = self.broker.committed(f"copy-{self.number}", self.input)
            return sum(max(0, offset) for offset in at)  # -1001 where there is none

        wait_until(lambda: positions() == 40, 20, "positions of all")
        self.assertLess(proxy.ends, 20)
        copier.stop()

    def astray_for_long(self, reached):
        """The answer to a commit never comes, for as long as it is waited for: only the group's
        offsets can tell how it ended."""
        proxy, told = Proxy(self.broker), []
        self.addCleanup(proxy.close)

        def on_end(number):
            if number != 4:
                return "pass"
            told.append(copier.log.stat().st_size)
            return "vanish", 600, reached

        proxy.on_end = on_end
        self.produce(4000)
        copier = self.copier(
            bootstrap=proxy.bootstrap,
            batch=150,
            slow_us=100,
            KAFKA_SOCKET_TIMEOUT_MS=1000,
            meanwhile="true" if reached else "false",
            session_timeout_ms=60000,
        )
        copier.start()
        wait_until(
            lambda: told and '"turn-failed"' in copier.log.read_text()[told[0] :],
            60,
            "it gives the commit up",
        )
        proxy.gone_until = 0
        self.check(timeout=120)
        ended = "committed" if reached else "undone"
        resolved = copier.log.read_text().count('"fact":"transaction-resolved"')
        self.assertEqual(copier.log.read_text().count(f'"ending":"{ended}"'), resolved)
        if not reached:  # one that did arrive the library may find out about by itself in time
            self.assertGreaterEqual(resolved, 1)
        copier.stop()
        self.check()
        self.check_ticks()

    def test_wherever_the_end_of_a_transaction_goes_astray_it_ends_once(self):
        self.together(
            ("the answer is lost", "astray", "lose-answer"),
            ("the request is lost", "astray", "lose-request"),
            ("the request comes late, in the next transaction", "astray", ("late", 1.5)),
            ("carried out, never answered", "astray_for_long", True),
            ("never arrived", "astray_for_long", False),
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
