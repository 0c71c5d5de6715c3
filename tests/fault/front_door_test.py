# SPDX-License-Identifier: Apache-2.0
"""Clients that stall, flood or never listen, and Kafka that goes away under load: the gateway
answers within its bounds, stays small and serves the others."""

import concurrent.futures
import json
import pathlib
import re
import resource
import signal
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from stack import BIN_DIR, Stack, wait_until  # noqa: E402

ACK_TIMEOUT_SECONDS = 3
MEMORY_MIB_MAX = 64
# the address sanitizer keeps what is freed, and a shadow of all: its memory says nothing of ours
SANITIZED = b"__asan_init" in pathlib.Path(BIN_DIR, "gateway").read_bytes()
BODY_MAX = 262144
IDLE = 3000  # connections: about three times as many as the gateway takes


class FrontDoor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack())
        cls.stack.start("gateway")
        cls.body = generate.Generator(5, cls.stack.schemas).body("msk")
        wait_until(lambda: cls.stack.post(cls.body)[0] == 202, 30, "the first record")

    def tearDown(self):
        status = pathlib.Path(f"/proc/{self.stack.processes['gateway'].pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        if not SANITIZED:
            self.assertLess(peak, MEMORY_MIB_MAX, "peak MiB of the gateway")
        self.assertEqual(self.stack.post(self.body)[0], 202)

    def dial(self, timeout=30, narrow=False):
        """`narrow`: the systems at both ends hold kilobytes for it instead of megabytes (what they
        hold for the sender grows with the size of a segment)."""
        connection = socket.socket()
        connection.settimeout(timeout)
        if narrow:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        connection.connect(("127.0.0.1", self.stack.ports["gateway"]))
        return connection

    def request(self, key, body=None):
        content = json.dumps(body or self.body).encode()
        return (
            b"POST /v1/referrals HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n" % (key.encode(), len(content))
        ) + content

    def hear(self, connection, count):
        """The statuses of `count` answers, or of those that came before the end."""
        got = b""
        while got.count(b"HTTP/1.1 ") < count or not got.endswith((b"}", b"\r\n\r\n")):
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            got += more
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", got)], got

    def test_requests_sent_together_are_answered_one_by_one_in_their_order(self):
        with self.dial() as connection:
            bad = {**self.body, "pathway": "no-such-pathway"}
            bodies = [bad if number % 3 == 2 else self.body for number in range(12)]
            connection.sendall(
                b"".join(self.request(f"pipe-{n}", body) for n, body in enumerate(bodies))
            )
            statuses, _ = self.hear(connection, len(bodies))
        self.assertEqual(statuses, [422 if body is bad else 202 for body in bodies])

    def test_a_head_that_is_too_large_is_answered_and_closed(self):
        start = b"POST /v1/referrals HTTP/1.1\r\nHost: a\r\n"
        cases = {
            "one long header": (start + b"X: " + b"x" * 200_000 + b"\r\n\r\n", 431),
            "many headers": (start + b"X: y\r\n" * 300 + b"\r\n", 431),
            "a long path": (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
            "no HTTP": (b"\x16\x03\x01\x02\x00\r\n\r\n", None),
        }
        for name, (data, expected) in cases.items():
            with self.subTest(name), self.dial() as connection:
                connection.sendall(data)
                statuses, _ = self.hear(connection, 2)
                self.assertEqual(statuses, [expected] if expected else [])

    def test_json_made_to_hurt_is_refused_as_what_it_is(self):
        wide = b"0," * ((BODY_MAX - 100) // 2) + b"0"
        members = b",".join(b'"m%06d":1' % number for number in range(20_000))
        cases = {
            "nested lists": (b"[" * (BODY_MAX // 2) + b"]" * (BODY_MAX // 2), 400, "too-deep"),
            "nested objects": (b'{"a":' * (BODY_MAX // 5), 400, "too-deep"),
            "a wide list": (b'{"pathway":"msk","details":[' + wide + b"]}", 422, ""),
            "many members": (b'{"pathway":"msk",' + members + b"}", 422, ""),
            "escapes": (b'{"pathway":"' + b"\\u0022" * 40_000 + b'"}', 422, "unknown-pathway"),
        }
        for name, (data, expected, code) in cases.items():
            with self.subTest(name):
                self.assertLessEqual(len(data), BODY_MAX)
                status, _, problem = self.stack.post(data)
                self.assertEqual(status, expected, problem)
                self.assertIn(code, problem["type"])

    def test_a_client_that_never_reads_its_answers_harms_nobody(self):
        with self.dial(timeout=3, narrow=True) as deaf:
            sent = 0
            with self.assertRaises((TimeoutError, OSError)):
                while sent < 1 << 28:
                    sent += deaf.send(self.request(f"deaf-{sent}") * 20)
            self.assertEqual(self.stack.post(self.body)[0], 202)

    def test_half_a_second_request_is_told_that_it_took_too_long(self):
        whole = self.request("half")
        with self.dial(timeout=60) as connection:  # ten seconds are what it has
            connection.sendall(whole + whole[: len(whole) // 2])
            statuses, answer = self.hear(connection, 3)
        self.assertEqual(statuses, [202, 408], answer[-200:])

    def test_idle_connections_beyond_the_limit_make_room_for_those_who_ask(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE + 1000), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        idle = []
        try:
            for _ in range(IDLE):
                idle.append(socket.socket())
                idle[-1].setblocking(False)
                idle[-1].connect_ex(("127.0.0.1", self.stack.ports["gateway"]))

            def served():
                try:
                    return self.stack.post(self.body, timeout=20)[0] == 202
                except OSError:
                    return False

            wait_until(served, 60, "a POST beside the idle")
        finally:
            for connection in idle:
                connection.close()


class KafkaSlow(unittest.TestCase):
    """The broker stands still, so that what waits for it can be looked at."""

    def test_no_202_before_kafka_has_it_and_what_waits_is_bounded_and_known(self):
        limits = {"GATEWAY_ACK_TIMEOUT_MS": "60000", "GATEWAY_IN_FLIGHT_MAX": "2"}
        with Stack(environment=limits) as stack, concurrent.futures.ThreadPoolExecutor(2) as pool:
            stack.start("gateway")
            body = generate.Generator(7, stack.schemas).body("podiatry")
            wait_until(lambda: stack.post(body, "before")[0] == 202, 30, "the first record")

            def in_flight(count):
                return f"referral_gateway_in_flight {count}\n" in stack.metrics("gateway")

            def post_and_wait(key, count):
                answer = pool.submit(stack.post, body, key)
                wait_until(lambda: in_flight(count) or answer.done(), 60, f"{key} in flight")
                self.assertFalse(answer.done(), "answered before Kafka has it")
                return answer

            def refuse(expected, code, key, **changed):
                status, head, problem = stack.post({**body, **changed}, key)
                self.assertEqual(status, expected, problem)
                self.assertTrue(problem["type"].endswith(code), problem)
                self.assertEqual("retry-after" in head, expected != 422)

            wait_until(lambda: in_flight(0), 30, "nothing in flight")
            stack.kafka_signal(signal.SIGSTOP)
            try:
                waiting = {"first": post_and_wait("first", 1)}
                refuse(409, "in-flight", "first")
                refuse(422, "key-reused", "first", notes="another")
                waiting["second"] = post_and_wait("second", 2)
                refuse(503, "overloaded", "third")
                time.sleep(1)  # an answer that came too early would be here by now
                self.assertFalse(any(answer.done() for answer in waiting.values()))
            finally:
                stack.kafka_signal(signal.SIGCONT)
            ids = set()
            for key, answer in waiting.items():
                status, _, document = answer.result(180)
                self.assertEqual(status, 202, document)
                self.assertEqual(stack.post(body, key)[2]["id"], document["id"])
                ids.add(document["id"])
            stored = oracle.read_topic(stack.bootstrap, ["referrals.podiatry"])
            self.assertLessEqual(ids, {message.key().decode() for message in stored})
            self.assertEqual(len({message.key() for message in stored}), 3)


class KafkaAwayUnderLoad(unittest.TestCase):
    def test_each_post_is_answered_within_the_bound_and_each_repeat_is_the_same_referral(self):
        timeout = {"GATEWAY_ACK_TIMEOUT_MS": str(ACK_TIMEOUT_SECONDS * 1000)}
        with Stack(environment=timeout) as stack, concurrent.futures.ThreadPoolExecutor(24) as pool:
            stack.start("gateway")
            body = generate.Generator(6, stack.schemas).body("falls")
            wait_until(lambda: stack.post(body, "before")[0] == 202, 30, "the first record")
            answers, seen_away = {}, threading.Event()

            def post(key):
                began = time.monotonic()
                status, head, document = stack.post_once(body, key)
                took = time.monotonic() - began
                self.assertIn(status, (202, 503), document)
                if status == 503:
                    self.assertIn("retry-after", head)
                # the machine may be busy: what counts is that none waits for Kafka to come back
                self.assertLess(took, ACK_TIMEOUT_SECONDS + 25)
                return status, document

            def stream(number):
                count = 0
                while not seen_away.is_set():
                    key = f"stream-{number}-{count}"
                    answers[key] = post(key)
                    count += 1

            streams = [pool.submit(stream, number) for number in range(24)]
            try:
                wait_until(lambda: len(answers) > 100, 30, "the stream under way")
                stack.kafka_stop()
                wait_until(
                    lambda: sum(status == 503 for status, _ in list(answers.values())) >= 24,
                    30,
                    "answers without Kafka",
                )
            finally:
                seen_away.set()
            for running in streams:
                running.result(180)
            stack.kafka_start()
            away = {key for key, (status, _) in answers.items() if status == 503}

            def taken(key):
                def again():
                    status, document = post(key)
                    return document["id"] if status == 202 else None

                return wait_until(again, 60, f"the repeat of {key}")

            ids = {document["id"] for status, document in answers.values() if status == 202}
            ids |= set(pool.map(taken, away))
            self.assertEqual(len(ids), len(answers))
            stored = oracle.read_topic(stack.bootstrap, ["referrals.falls"])
            self.assertEqual(len({m.key().decode() for m in stored}), len(answers) + 1)
            self.assertLessEqual(ids, {m.key().decode() for m in stored})


if __name__ == "__main__":
    unittest.main(verbosity=2)
