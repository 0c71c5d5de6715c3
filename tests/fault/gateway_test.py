# SPDX-License-Identifier: Apache-2.0
"""What people and programs may send to the gateway by mistake or on purpose: each gets its own
clear answer, nothing of the patient comes back, and nothing bad reaches Kafka."""

import concurrent.futures
import json
import pathlib
import re
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from stack import SOURCE_DIR, Stack, http, wait_until  # noqa: E402

JSON = {"Content-Type": "application/json"}


class Gateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack())
        cls.stack.start("gateway")
        cls.generator = generate.Generator(3, cls.stack.schemas)

    def refuse(self, body, status, code, pointer=None, headers=None):
        got, head, problem = self.stack.post(body, headers=headers)
        self.assertEqual(got, status, problem)
        self.assertIn("application/problem+json", head["content-type"])
        self.assertTrue(problem["type"].endswith(code), problem)
        self.assertEqual(problem["status"], status)
        if pointer is not None:
            self.assertEqual(problem["pointer"], pointer)
        return problem

    def body(self, pathway="blood-pressure"):
        return self.generator.body(pathway)

    def raw(self, data, timeout=60):
        """Sends bytes as they are; all that comes back until the other side closes."""
        with socket.create_connection(
            ("127.0.0.1", self.stack.ports["gateway"]), timeout=timeout
        ) as connection:
            connection.sendall(data)
            got = b""
            while True:
                try:
                    more = connection.recv(65536)
                except ConnectionResetError:
                    return got
                if not more:
                    return got
                got += more

    def test_each_kind_of_bad_body_has_its_own_problem(self):
        self.refuse(b"not json", 400, "not-json")
        self.refuse(b'{"pathway": "msk", "pathway": "msk"}', 400, "duplicate-member")
        self.refuse(b'{"pathway": "\xff\xfe"}', 400, "not-utf8")
        self.refuse(b"[" * 40 + b"]" * 40, 400, "too-deep")
        self.refuse(b'{"a":"' + b"x" * 300_000 + b'"}', 413, "too-large")
        self.refuse(
            b"<xml/>", 415, "wrong-content-type", headers={"Content-Type": "application/xml"}
        )
        self.refuse(b"", 400, "not-json")
        self.refuse(b"[]", 400, "not-an-object")

    def test_each_kind_of_bad_field_is_named_by_its_pointer(self):
        cases = (
            (lambda b: b.update(pathway="no-such-pathway"), "unknown-pathway", "/pathway"),
            (lambda b: b.pop("pathway"), "missing-field", "/pathway"),
            (lambda b: b.update(surprise=1), "unknown-field", "/surprise"),
            (lambda b: b["patient"].update(shoe_size=42), "unknown-field", "/patient/shoe_size"),
            (lambda b: b.update(id="0" * 36), "unknown-field", "/id"),
            (
                lambda b: b["patient"].pop("date_of_birth"),
                "missing-field",
                "/patient/date_of_birth",
            ),
            (
                lambda b: b["patient"].update(date_of_birth=19800101),
                "wrong-type",
                "/patient/date_of_birth",
            ),
            (
                lambda b: b["patient"].update(date_of_birth="2025-02-29"),
                "bad-format",
                "/patient/date_of_birth",
            ),
            (
                lambda b: b["patient"].update(nhs_number="9990000001"),
                "bad-format",
                "/patient/nhs_number",
            ),
            (
                lambda b: b["patient"].update(postcode="NOT A POSTCODE"[:10]),
                "bad-format",
                "/patient/postcode",
            ),
            (lambda b: b["patient"].update(sex="F"), "not-allowed", "/patient/sex"),
            (
                lambda b: b["patient"]["contacts"][0].update(phone="call me"),
                "bad-format",
                "/patient/contacts/0/phone",
            ),
            (
                lambda b: b["patient"].update(contacts=[{"rank": 1}] * 9),
                "too-many",
                "/patient/contacts",
            ),
            (lambda b: b.update(notes="n" * 5000), "too-long", "/notes"),
            (lambda b: b.update(details=[]), "wrong-type", "/details"),
            (lambda b: b.update(consent="yes"), "wrong-type", "/consent"),
        )
        for change, code, pointer in cases:
            with self.subTest(pointer=pointer, code=code):
                body = self.body()
                change(body)
                self.refuse(body, 422, code, pointer)

    def test_an_answer_never_repeats_what_was_sent(self):
        body = self.body()
        body["patient"].update(
            family_name="Canaryson" * 30, date_of_birth="CANARY-DOB", postcode="CANARYPC"
        )
        problem = self.refuse(body, 422, "")
        self.assertNotIn("canary", json.dumps(problem).lower())

    def test_paths_and_methods_that_do_not_exist_say_so(self):
        url = self.stack.gateway_url
        self.assertEqual(http(f"{url}/nowhere")[0], 404)
        status, head, _ = http(f"{url}/v1/referrals")
        self.assertEqual(status, 405)
        self.assertIn("POST", head["allow"])

    def test_every_example_of_every_pathway_is_taken_or_refused_as_its_name_says(self):
        for path in sorted((SOURCE_DIR / "schemas/pathways").glob("*/examples/*.json")):
            with self.subTest(path=str(path.relative_to(SOURCE_DIR))):
                status, _, document = self.stack.post(path.read_bytes())
                if path.name.startswith("valid"):
                    self.assertEqual(status, 202, document)
                else:
                    self.assertIn(status, (400, 422), document)

    def test_the_answer_names_the_referral_and_where_its_status_is_told(self):
        status, head, document = self.stack.post(self.body(), "where")
        self.assertEqual(status, 202, document)
        self.assertEqual(set(document), {"id", "status_url"})
        self.assertEqual(head["location"], document["status_url"])
        self.assertEqual(
            document["status_url"], f"{self.stack.tracker_url}/v1/referrals/{document['id']}"
        )
        self.assertEqual(head["content-type"], "application/json")

    def test_a_key_is_one_referral_for_its_submitter_and_pathway(self):
        body, other = self.body(), self.body("msk")
        other["source"] = body["source"]
        first = self.stack.post(body, "scope")[2]["id"]
        reordered = json.dumps(dict(reversed(body.items())), indent=3).encode()
        self.assertEqual(self.stack.post(reordered, "scope")[2]["id"], first)
        changed = {**body, "notes": "another"}
        self.refuse(changed, 422, "key-reused", headers={"Idempotency-Key": "scope"})
        status, _, document = self.stack.post(other, "scope")
        self.assertEqual(status, 202, document)
        self.assertNotEqual(document["id"], first)

    def test_a_bad_idempotency_key_and_correlation_headers(self):
        self.refuse(self.body(), 400, "bad-idempotency-key", headers={"Idempotency-Key": "k" * 300})
        request = "0b5c2a2e-3f0b-4f6e-8a69-5a3b1c1d2e3f"
        status, head, _ = self.stack.post(
            self.body(), "mirror", {"X-Request-Id": request, "X-Correlation-Id": request}
        )
        self.assertEqual(status, 202)
        self.assertEqual((head["x-request-id"], head["x-correlation-id"]), (request, request))

    def test_smuggled_and_malformed_requests_are_answered_once_and_closed(self):
        body = json.dumps(self.body()).encode()
        start = b"POST /v1/referrals HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        cases = {
            "both lengths": start
            + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body,
            "two lengths": start
            + b"Content-Length: %d\r\nContent-Length: 5\r\n\r\n" % len(body)
            + body,
            "two hosts": start + b"Host: b\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
            "gzip": start + b"Transfer-Encoding: gzip\r\n\r\n" + body,
        }
        before = len(oracle.read_topic(self.stack.bootstrap, ["referrals.blood-pressure"]))
        for name, data in cases.items():
            with self.subTest(name):
                answer = self.raw(data)
                self.assertEqual(len(re.findall(rb"HTTP/1\.1 \d{3}", answer)), 1, answer[:300])
                self.assertIn(answer.split(b" ")[1][:1], b"45")
        self.assertEqual(
            len(oracle.read_topic(self.stack.bootstrap, ["referrals.blood-pressure"])), before
        )

    def test_a_slow_sender_is_cut_off_and_harms_nobody(self):
        """Who is beside them is answered while they are all still there. Where the machine takes
        longer over that than they may stay, it is tried again."""
        self.assertEqual(self.stack.post(self.body(), "before-the-slow")[0], 202)
        address = ("127.0.0.1", self.stack.ports["gateway"])
        slow = []

        def is_open(connection):
            try:
                connection.sendall(b"X-Slow: 1\r\n")
                connection.setblocking(False)
                return connection.recv(1024) == b"never"
            except BlockingIOError:
                return True
            except OSError:
                return False
            finally:
                connection.setblocking(True)

        def served_beside():
            close_all()
            slow.extend(socket.create_connection(address) for _ in range(20))
            for connection in slow:
                connection.sendall(b"POST /v1/referrals HTTP/1.1\r\nHost: a\r\n")
            self.assertEqual(self.stack.post(self.body(), "beside-the-slow")[0], 202)
            return all(is_open(connection) for connection in slow)

        def all_cut():
            time.sleep(0.5)  # a slow sender's own pace
            return not any([is_open(connection) for connection in slow])

        def close_all():
            while slow:
                slow.pop().close()

        self.addCleanup(close_all)
        wait_until(served_beside, 60, "an answer beside the slow senders")
        wait_until(all_cut, 60, "slow senders cut off")

    def test_the_same_key_in_flight_with_another_body_never_becomes_two_referrals(self):
        body = self.body("msk")
        bodies = [{**body, "notes": f"another body {number}"} for number in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda b: self.stack.post(b, "in-flight"), bodies))
        self.assertLessEqual(len({a[2]["id"] for a in answers if a[0] == 202}), 1)
        self.assertTrue(all(a[0] in (202, 409, 422) for a in answers), answers)


class KafkaAway(unittest.TestCase):
    def test_kafka_away_is_503_within_a_bound_and_the_same_key_is_the_same_referral_later(self):
        with Stack(environment={"GATEWAY_ACK_TIMEOUT_MS": "2000"}) as stack:
            stack.start("gateway")
            body = generate.Generator(4, stack.schemas).body("falls")
            # a new broker on a busy machine may take longer than this short time over its first
            # record
            wait_until(lambda: stack.post(body, "before")[0] == 202, 30, "the first record")
            stack.kafka_stop()
            status, head, problem = stack.post_once(body, "during")
            self.assertEqual(status, 503, problem)
            self.assertIn("retry-after", head)
            stack.kafka_start()  # the answer did not wait for that

            def taken():
                status, _, document = stack.post(body, "during")
                return document["id"] if status == 202 else None

            referral = wait_until(taken, 60, "the retry")
            keys = {
                m.key().decode() for m in oracle.read_topic(stack.bootstrap, ["referrals.falls"])
            }
            self.assertIn(referral, keys)
            self.assertEqual(len(keys), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
