# SPDX-License-Identifier: Apache-2.0
"""The stream against a real broker: without faults, and when its process is killed, frozen or
joined by another. What must hold is in harness/copying.py."""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from copying import Copying  # noqa: E402
from stack import wait_until  # noqa: E402


class Process(Copying):
    # ---- without faults
    def test_markers_and_undone_records_are_neither_copied_nor_waited_for(self):
        self.produce_transactions((500, True), (300, False), (200, True), (100, False))
        copier = self.copier(copies=3).start().wait_ready()
        self.check(copies=3)
        wait_until(lambda: copier.metric("copy_lag") == 0, 20, "no lag behind the markers")
        copier.stop()
        self.assertNotIn(-1001, self.broker.committed(f"copy-{self.number}", self.input))

    def test_a_pattern_takes_in_a_new_topic_and_leaves_the_excluded_one_out(self):
        names = [f"many.{self.number}.{name}" for name in ("one", "two", "refused", "later")]
        self.broker.topics(*names[:3])
        for name in names[:3]:
            self.produce(200, name)
        copier = self.copier(
            topics=rf"^many\.{self.number}\..+", excluded=names[2], LOG_LEVEL="debug"
        )
        copier.start().wait_ready()
        self.check(names[:2])
        self.broker.topics(names[3])
        self.produce(200, names[3])
        self.check([names[0], names[1], names[3]], timeout=30)  # the library looks in 5 minutes
        all_owned = '"fact":"owners-looked","unowned":"0"'
        before = copier.log.read_text().count(all_owned)
        wait_until(lambda: copier.log.read_text().count(all_owned) > before, 40, "all owned")
        self.assertFalse(copier.said("partitions-unowned"))
        copier.stop()

    def test_from_the_beginning_reads_all_again_and_still_commits_positions(self):
        self.produce(1000)
        for times in (1, 2):
            # nobody may read again because its session ended
            copier = self.copier(start="beginning", session_timeout_ms=45000).start().wait_ready()
            expected = self.expected()
            wait_until(lambda: sum(self.got().values()) >= 1000 * times, 30, "all read")
            copier.stop()
            self.assertEqual(set(self.got().values()), {times})
            self.assertEqual(set(self.got()), set(expected))
            self.assertEqual(sum(self.broker.committed(f"copy-{self.number}", self.input)), 1000)

    def test_positions_are_committed_where_records_lead_to_nothing(self):
        self.produce(500)  # half a batch, which would be committed anyway
        copier = self.copier(copies=0, ticks="").start().wait_ready()
        wait_until(
            lambda: sum(self.broker.committed(f"copy-{self.number}", self.input)) == 500,
            20,
            "positions of all",
        )
        copier.stop()

    def test_idle_turns_open_no_transaction(self):
        copier = self.copier(ticks="").start().wait_ready()
        before = self.broker.committed(f"copy-{self.number}", self.input)
        time.sleep(1)  # idling is what is measured
        self.assertEqual(before, [-1001] * 4)
        self.assertEqual(self.broker.committed(f"copy-{self.number}", self.input), before)
        copier.stop()

    def test_the_wake_descriptor_tells_of_every_message(self):
        self.produce(5000)
        copier = self.copier(by_wake="true", interval_ms=10000, batch=50, ticks="").start()
        self.check()  # 5,000 records in batches of 50: nothing waits for the interval of 10 s
        copier.stop()

    # ---- faults of the process
    def test_aborts_in_the_middle_lose_and_double_nothing(self):
        self.produce(20000)
        copier = self.copier(fail_every=1999, copies=2, batch=500, meanwhile="true").start()
        self.check(copies=2)
        self.assertGreater(copier.metric("copy_meanwhile_total"), 40)
        self.assertGreaterEqual(copier.metric("copy_aborted_total"), 5)
        copier.stop()
        self.check_ticks()

    def test_a_killed_process_goes_on_where_it_was(self):
        self.produce(8000)
        copier = self.copier(slow_us=100, batch=300, meanwhile="true")
        for number in range(4):
            copier.start()
            # so that it finds some, however much the one before did until it was killed
            self.produce(4000, first=8000 + 4000 * number)
            copier.wait_copied(1000)
            copier.kill()
        copier.start()
        self.check()
        copier.stop()
        self.check_ticks()

    def test_two_members_come_and_go(self):
        self.produce(15000)
        first = self.copier("0", slow_us=300, batch=200).start()
        second = self.copier("1", slow_us=300, batch=200)
        first.wait_copied(2000)
        second.start().wait_partitions()
        self.produce(5000, first=15000)  # so that it finds some, however long its start took
        second.wait_copied(1000)
        first.stop()
        first.start().wait_partitions()
        self.produce(5000, first=20000)
        first.wait_copied(1000)
        second.stop()
        second.start()
        self.produce(5000, first=25000)
        self.check()
        first.stop()
        second.stop()
        self.check_ticks()

    def test_aborts_while_partitions_move(self):
        self.produce(15000)
        first = self.copier("0", slow_us=50, batch=200, fail_every=701).start()
        first.wait_copied(2000)
        second = self.copier("1", slow_us=50, batch=200, fail_every=701).start()
        second.wait_partitions()
        self.produce(5000, first=15000)
        second.wait_copied(1000)
        third = self.copier("2", slow_us=50, batch=200, fail_every=701).start()
        self.check()
        for copier in (first, second, third):
            copier.stop()
        self.check_ticks()

    def test_a_process_that_was_frozen_is_fenced_and_its_work_undone(self):
        self.produce(10000)
        first = self.copier("0", slow_us=400, batch=300).start()
        first.wait_copied(1500)
        second = self.copier("1", slow_us=400, batch=300).start()
        second.wait_partitions()
        self.produce(20000, first=10000)  # so that both find some, however long its start took
        second.wait_copied(500)
        first.signal(signal.SIGSTOP)
        second.wait_partitions(4)
        first.signal(signal.SIGCONT)
        self.check()
        second.stop()
        first.stop(expected=None)
        self.check()
        self.check_ticks()

    def test_whoever_comes_back_with_partitions_that_another_had_meanwhile_starts_them_anew(self):
        """The group has asked the first to give two of its four partitions away, and its program
        has not heard of it yet. Frozen then for longer than its session it is put out of the group,
        and what it keeps has another owner, who is gone again when it comes back: the library gives
        the two away late, joins as somebody new and lets the program keep the other two as if
        nothing had been."""
        self.produce(20000)
        stall = self.broker.dir / f"stall-{self.number}"
        first = self.copier(
            "0", slow_us=200, batch=300, stall_file=stall, KAFKA_DEBUG="cgrp", LOG_LEVEL="debug"
        ).start()
        first.wait_copied(2000)
        stall.touch()
        self.produce(5000, first=20000)  # something to stall on, and to be left for the second
        second = self.copier("1", slow_us=100, batch=100).start()
        wait_until(lambda: first.said("-> wait-unassign-call"), 30, "it is to give two away")
        first.signal(signal.SIGSTOP)
        second.wait_partitions(4)
        second.wait_copied(4000)
        second.kill()
        stall.unlink()
        first.signal(signal.SIGCONT)
        self.check()
        first.stop()
        self.check_ticks()

    def test_what_was_asked_back_from_a_process_that_died_finds_an_owner(self):
        """The group has asked the first to give two of its four partitions away. It dies before
        and comes back under its name: its place and what it keeps are its own, there is nothing to
        rebalance for, and nobody is told to take the two."""
        self.produce(20000)
        stall = self.broker.dir / f"stall-{self.number}"
        often = {"session_timeout_ms": 60000, "KAFKA_DEBUG": "cgrp", "LOG_LEVEL": "debug"}
        first = self.copier("0", slow_us=200, batch=300, stall_file=stall, **often).start()
        first.wait_copied(2000)
        stall.touch()
        self.produce(5000, first=20000)  # something to stall on
        second = self.copier("1", session_timeout_ms=60000).start()
        wait_until(lambda: first.said("-> wait-unassign-call"), 30, "it is to give two away")
        first.kill()
        stall.unlink()
        first.start().wait_partitions()
        self.check(timeout=90)
        self.assertTrue(first.said("partitions-unowned") or second.said("partitions-unowned"))
        first.stop()
        second.stop()
        self.check_ticks()


if __name__ == "__main__":
    unittest.main(verbosity=2)
