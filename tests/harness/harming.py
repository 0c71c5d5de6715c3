# SPDX-License-Identifier: Apache-2.0
"""A stream of 2,000 referrals while something is done to the system that carries them: what was
accepted ends exactly once, volumes equal the truth, the audit says so."""

import collections
import concurrent.futures
import http.client
import os
import threading
import time
import unittest

import generate
import oracle
from receiver import Answer, Receiver
from stack import PATIENCE, Stack, wait_until

COUNT = int(os.environ.get("KILL_COUNT", "2000"))


class Stream:
    """Posts referrals as a careful sender does: again with the same key until the answer is 202."""

    def __init__(self, test, stack, seed, count):
        generator = generate.Generator(seed, stack.schemas)
        pathways = list(generator.examples)
        self.stack, self.test = stack, test
        self.work = [
            (f"kill-{seed}-{n}", generator.body(pathways[n % len(pathways)])) for n in range(count)
        ]
        self.accepted, self.lock = {}, threading.Lock()
        self.given_up = threading.Event()
        self.answers = collections.Counter()
        self.pool = concurrent.futures.ThreadPoolExecutor(4)
        self.futures = [self.pool.submit(self._post, *entry) for entry in self.work]

    def _post(self, key, body):
        end = time.monotonic() + 120 * PATIENCE
        while time.monotonic() < end and not self.given_up.is_set():
            try:
                status, _, document = self.stack.post_once(body, key, timeout=15)
            except (OSError, http.client.HTTPException):  # the gateway is dead at the moment
                status, document = 0, None
            with self.lock:
                self.answers[status] += 1
                if status == 202:
                    self.accepted[document["id"]] = key
                    return
            self.test.assertIn(status, (0, 409, 503), document)
            time.sleep(0.05)  # a sender's own back-off
        raise TimeoutError(f"{key} was never accepted")

    def wait_for(self, count):
        wait_until(
            lambda: len(self.accepted) >= count or all(f.done() for f in self.futures),
            180,
            f"{count} accepted",
        )

    def give_up(self):
        self.given_up.set()
        self.pool.shutdown(cancel_futures=True)

    def finish(self):
        for future in self.futures:
            future.result()
        self.pool.shutdown()
        return self.accepted


class Harming(unittest.TestCase):
    def run_with(self, seed, faults):
        with Receiver() as receiver, Stack(
            as_shipped=True,
            environment={
                "DISPATCHER_RETRY_FIRST_MS": "200",
                "DISPATCHER_RETRY_MOST_MS": "1000",
                "DISPATCHER_HOP_LIMIT_MS": "20000",
            }
        ) as stack:
            rows = generate.directory(seed, stack.schemas, receiver.url)
            for row in rows[:300:25]:
                receiver.script(row["ods_code"], Answer(delay=0.4))
            for row in rows[:300:31]:
                receiver.script(row["ods_code"], Answer(503), Answer(how="close"), Answer())
            generate.write_directory(rows, stack.dir / "providers.csv")
            stack.ctl("providers", "load", stack.dir / "providers.csv")
            stack.start()
            stream = Stream(self, stack, seed, COUNT)
            self.addCleanup(stream.give_up)
            for number, fault in enumerate(faults):
                stream.wait_for(COUNT * (number + 1) // (len(faults) + 2))
                fault(stack)
            # in the middle of it all the audit knows what is under way, and compares the volumes
            code, report = stack.audit()
            self.assertEqual((code, report["volumes_checked"]), (0, True), report)
            accepted = stream.finish()
            self.assertEqual(len(accepted), COUNT)
            for name in stack.processes:
                stack.wait_ready(name, timeout=60)
            report, _ = oracle.check_ends(self, stack, accepted, receiver)
            self.assertEqual(report["total"]["accepted"], COUNT)
            oracle.check_marks(self, receiver)
