# SPDX-License-Identifier: Apache-2.0
"""Names that do not resolve: fifty providers whose name server never answers, and one that is well
beside them. The dispatcher runs in a mount namespace of its own, where the system's resolver asks a
name server that hears and says nothing."""

import pathlib
import re
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import BIN_DIR, Stack, wait_until  # noqa: E402

HUNG = 50
HEALTHY = 100
ATTEMPT_MS = 15000  # far behind what one takes that waits for no name, on a busy machine, too
NAME_SERVER = "127.0.0.77"


def silent_name_server():
    """The port of DNS, bound, that never answers. Skips where that needs rights we do not have."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        server.bind((NAME_SERVER, 53))
        subprocess.run(["unshare", "--mount", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        server.close()
        raise unittest.SkipTest(f"needs root, for port 53 and a mount namespace: {error}") from None
    return server


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = silent_name_server()
        cls.addClassCleanup(cls.server.close)
        cls.server.setblocking(False)
        cls.asked = set()
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_ATTEMPT_TIMEOUT_MS": str(ATTEMPT_MS),
                    "DISPATCHER_CONNECT_TIMEOUT_MS": "60000",
                }
            )
        )
        conf = cls.stack.dir / "resolv.conf"
        conf.write_text(f"nameserver {NAME_SERVER}\noptions timeout:30 attempts:5\n")
        inside = cls.stack.dir / "dispatcher-inside"
        inside.write_text(
            f"#!/bin/sh\nset -e\nmount --bind {conf} $(readlink -f /etc/resolv.conf)\n"
            f"exec {BIN_DIR}/dispatcher\n"
        )
        outside = cls.stack.dir / "dispatcher-apart"
        outside.write_text(f"#!/bin/sh\nexec unshare --mount sh {inside}\n")
        outside.chmod(0o755)
        cls.generator = generate.Generator(1, cls.stack.schemas)
        scripted.load(
            cls.stack,
            [
                cls.row("FNZ99", cls.receiver.url("FNZ99")),
                *(cls.row(f"FNA{n:02d}", f"http://hung-{n}.example/") for n in range(HUNG)),
            ],
        )
        cls.stack.start("gateway", "router", "aggregator", "tracker")
        cls.outside = outside

    @classmethod
    def row(cls, code, url):
        places = cls.generator.places
        district = sorted(places)[0]
        return scripted.row(cls.stack.schemas, places, code, "blood-pressure", district, url)

    def post(self, code, key):
        body = self.generator.body("blood-pressure")
        body["nominated_provider"] = code
        return scripted.post(self.stack, body, key)

    def names_asked_for(self):
        while True:
            try:
                self.asked.update(re.findall(rb"hung-\d+", self.server.recv(512)))
            except BlockingIOError:
                return self.asked

    def test_hung_names_hold_up_nobody_and_end_in_time(self):
        hung = [self.post(f"FNA{n:02d}", f"hung-{n}") for n in range(HUNG)]
        wait_until(
            lambda: {e["referral_id"] for e in oracle.events(self.stack) if e["kind"] == "routed"}
            >= set(hung),
            30,
            "all routed",
        )
        self.stack.start("dispatcher", program=self.outside)  # has all of them at once
        wait_until(lambda: len(self.names_asked_for()) == HUNG, 30, "fifty resolutions")
        healthy = [self.post("FNZ99", f"healthy-{n}") for n in range(HEALTHY)]
        self.receiver.wait_for(
            lambda got: {r.referral_id for r in got} >= set(healthy), 30, "the healthy ones"
        )

        def told():
            events = oracle.events(self.stack)
            found = {e["referral_id"]: e for e in events if e["kind"] == "delivered"}
            return found if set(healthy) <= set(found) else None

        delivered = wait_until(told, 30, "their events")
        waits = sorted(
            delivered[one]["occurred_at"] - delivered[one]["accepted_at"] for one in healthy
        )
        self.assertLess(waits[len(waits) // 2], ATTEMPT_MS / 2, "the median waits for no name")

        def first_attempts():
            first = {
                e["referral_id"]: e
                for e in oracle.events(self.stack)
                if e["kind"] == "attempted" and e["attempt"] == 1 and e["hop"] == 0
            }
            return first if set(hung) <= set(first) else None

        attempts = wait_until(first_attempts, 60, "the end of the hung attempts")
        for referral_id in hung:
            attempt = attempts[referral_id]
            self.assertEqual(attempt["result"], "timeout")
            self.assertGreaterEqual(attempt["duration_ms"], ATTEMPT_MS - 100)
            # the resolver itself gives up after minutes, a connection after one
            self.assertLess(attempt["duration_ms"], 5 * ATTEMPT_MS, "bounded from resolving on")


if __name__ == "__main__":
    unittest.main(verbosity=2)
