# SPDX-License-Identifier: Apache-2.0
"""The tracker against a real Kafka and both of its databases: killed in the middle of the stream it
ends with exactly the rows that the events say, and its API answers what it should."""

import collections
import csv
import io
import pathlib
import signal
import socket
import sqlite3
import sys
import time
import unittest
import urllib.request
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka  # noqa: E402
import yaml  # noqa: E402
import lives  # noqa: E402
import oracle  # noqa: E402
from postgres import Postgres  # noqa: E402
from stack import SOURCE_DIR, Stack, http, wait_until  # noqa: E402


# 40,000 rows: an answer of about 8 MB
MANY_VOLUMES = {
    (day, "msk", "", "gp-practice", "West Kent", "", f"R{number}", stage): 2
    for day in (f"1990-{month:02d}-{day:02d}" for month in range(1, 11) for day in range(1, 21))
    for number in range(50)
    for stage in ("received", "delivered", "returned", "completed")
}


class OwnTopics(Stack):
    """Kafka with the two topics that the tracker reads, and nothing else."""

    def __enter__(self):
        try:
            self.kafka_start()
            lives.make_topics(self)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self


def get(stack, path, headers=None, method=None):
    return http(f"{stack.tracker_url}{path}", headers=headers, method=method)


def counts(stack):
    """None where the database does not answer at the moment."""
    status, _, document = get(stack, "/v1/events/counts")
    return {row["kind"]: row["count"] for row in document["events"]} if status == 200 else {}


def produce_volumes(stack, volumes):
    encode = oracle.encoder(oracle.message_schema(stack.schemas, "volume"))
    producer = confluent_kafka.Producer({"bootstrap.servers": stack.bootstrap})
    for half in (2, 1):  # an older figure of each cell first
        for number, (dimensions, count) in enumerate(volumes.items()):
            value = dict(zip(oracle.DIMENSIONS, dimensions), count=count // half)
            producer.produce("volumes.daily", key="|".join(dimensions), value=encode(value))
            if number % 1000 == 0:
                producer.flush(60)
        producer.flush(60)


class Projection:
    """What holds for both databases; a class per database adds the database."""

    seed = 0
    environment = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(OwnTopics(environment=cls.environment))

    def test_1_killed_in_mid_stream_it_ends_with_the_truth(self):
        made = lives.Lives(self.seed, 1500)
        expected = collections.Counter(event["kind"] for event in made.events)
        self.stack.start("tracker")
        with lives.Background(self.stack, made.events, between=lambda: time.sleep(0.02)):
            for share in (0.2, 0.4, 0.6, 0.8):
                enough = share * len(made.events)
                wait_until(lambda: sum(counts(self.stack).values()) > enough, 60, "progress")
                self.interrupt(share)
        wait_until(lambda: counts(self.stack) == expected, 60, f"counts {expected}")
        self.check(made)
        # from the beginning again: every event is known already
        self.stack.kill("tracker", signal.SIGTERM)
        self.sql("DELETE FROM position")
        self.stack.start("tracker")
        known = f"referral_tracker_replayed_total {len(made.events)}"
        wait_until(lambda: known in self.stack.metrics("tracker"), 60, known)
        self.assertEqual(counts(self.stack), expected)
        self.check(made)
        type(self).made = made

    def interrupt(self, _share):
        self.stack.restart("tracker")
        self.stack.wait_ready("tracker")

    def check(self, made):
        events = collections.Counter(event["referral_id"] for event in made.events)
        for referral_id, state in made.ends.items():
            status, _, document = self.stack.status(referral_id)
            self.assertEqual((status, document["state"]), (200, state), document)
            self.assertEqual(len(document["history"]), events[referral_id], document)

    def test_2_volumes_are_the_last_of_each_cell(self):
        volumes = oracle.cells_of(self.made.events)
        produce_volumes(self.stack, volumes)

        def stored():
            document = get(self.stack, "/v1/volumes?from=2000-01-01&to=2100-01-01")[2]
            return {
                tuple(row[name] for name in oracle.DIMENSIONS): row["count"]
                for row in document["volumes"]
            }

        wait_until(lambda: stored() == volumes, 60, "volumes")
        text = get(self.stack, "/v1/volumes?from=2000-01-01&to=2100-01-01&format=csv")[2]
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(
            {tuple(row[name] for name in oracle.DIMENSIONS): int(row["count"]) for row in rows},
            volumes,
        )

    def test_3_a_database_of_another_log_stops_it_with_a_clear_word(self):
        self.stack.kill("tracker", signal.SIGTERM)
        self.sql("UPDATE position SET next_offset = 99999999 WHERE topic = 'referral.events'")
        self.stack.start("tracker", ready=False)
        self.assertEqual(self.stack.processes["tracker"].wait(90), 1)
        self.assertIn("other-log", self.stack.log_tail("tracker"))


class Sqlite(Projection, unittest.TestCase):
    seed = 41

    def sql(self, text):
        with sqlite3.connect(self.stack.dir / "tracker.db") as connection:
            connection.execute(text)

    def test_4_a_bad_query_has_its_own_answer(self):
        self.sql("DELETE FROM position")
        self.sql(
            "INSERT INTO volume VALUES "
            "('2026-01-01', 'gone', '', 'self', '', '', '', 'received', 1)"
        )
        self.stack.start("tracker")
        known = next(iter(self.made.ends))
        rows = [
            (400, "bad-id", "/v1/referrals/1234"),
            (400, "bad-id", "/v1/referrals/"),
            (404, "unknown-referral", f"/v1/referrals/{uuid.uuid4()}"),
            (400, "bad-date", "/v1/volumes?from=2026-02-30"),
            (400, "bad-date", "/v1/volumes?to=soon"),
            (400, "bad-range", "/v1/volumes?from=2026-02-02&to=2026-02-01"),
            (400, "bad-format", "/v1/volumes?format=xml"),
            (400, "unknown-parameter", "/v1/volumes?patway=falls"),
            (400, "unknown-parameter", "/v1/volumes?pathway=falls&Stage=delivered"),
            (400, "unknown-parameter", "/v1/volumes?%FF=1"),
            (400, "unknown-parameter", "/v1/volumes?9991001026"),
            (400, "bad-filter", "/v1/volumes?stage=nonsense"),
            (400, "bad-filter", "/v1/volumes?pathway=nope"),
            (400, "bad-filter", "/v1/volumes?pathway=../pathways/falls"),
            (400, "bad-filter", "/v1/volumes?pathway=falls&hcp=Westkent"),
            (200, None, "/v1/volumes?pathway=falls&stage=delivered&hcp=&format=json"),
            (200, None, "/v1/volumes?hcp=Medway+%26+Swale"),
            (200, None, "/v1/volumes?pathway=gone"),  # no folder any more, but figures
            (404, "unknown-path", "/v2"),
            (404, "unknown-path", "/v1/referralsX"),
            (200, None, f"/v1/referrals/{known.upper()}"),
        ]
        for status, code, path in rows:
            with self.subTest(path=path):
                got, head, document = get(self.stack, path)
                self.assertEqual(got, status, document)
                if code:
                    self.assertIn("application/problem+json", head["content-type"])
                    self.assertTrue(document["type"].endswith(":" + code), document)
        status, head, _ = get(self.stack, "/v1/volumes", method="DELETE")
        self.assertEqual((status, head["allow"]), (405, "GET, HEAD"))
        for query, pointer, expected in (
            ("from=x", "/from", "YYYY-MM-DD"),
            ("patway=falls", "/patway", "pathway"),
            ("pathway=nope", "/pathway", "expected one of audiology, "),
            ("hcp=Westkent", "/hcp", "Medway & Swale"),
        ):
            problem = get(self.stack, f"/v1/volumes?{query}")[2]
            self.assertEqual(problem["pointer"], pointer, problem)
            self.assertIn(expected, problem["detail"])
        api = yaml.safe_load((SOURCE_DIR / "docs" / "openapi.yaml").read_text())
        parameters = api["paths"]["/v1/volumes"]["get"]["parameters"]
        for name in ("stage", "hcp"):
            (listed,) = (p["schema"]["enum"] for p in parameters if p["name"] == name)
            told = get(self.stack, f"/v1/volumes?{name}=nonsense")[2]["detail"]
            self.assertEqual(told, f"expected one of {', '.join(listed)}")
        self.assertIn("moment", get(self.stack, f"/v1/referrals/{uuid.uuid4()}")[2]["detail"])

    def test_5_a_status_has_history_and_tag_and_no_patient(self):
        referral_id = next(key for key, end in self.made.ends.items() if end == "completed")
        status, head, document = self.stack.status(referral_id)
        self.assertEqual(
            [event["kind"] for event in document["history"]],
            ["received", "routed", "attempted", "delivered", "accepted", "completed"],
        )
        self.assertEqual(document["history"][1]["explanation"], {"rule": "nearest"})
        self.assertFalse(set(document) & {"patient", "nhs_number", "name", "notes"})
        path = f"/v1/referrals/{referral_id}"
        self.assertEqual(get(self.stack, path, {"If-None-Match": head["etag"]})[0], 304)
        self.assertEqual(get(self.stack, path, {"If-None-Match": '"other"'})[0], 200)

    def test_6_csv_by_accept_with_the_same_columns_when_empty(self):
        head = ",".join(oracle.DIMENSIONS) + ",count\r\n"
        status, headers, text = get(
            self.stack, "/v1/volumes?from=1999-01-01&to=1999-01-02", {"Accept": "text/csv"}
        )
        self.assertEqual((status, text), (200, head))
        self.assertIn("text/csv", headers["content-type"])
        status, _, document = get(self.stack, "/v1/volumes?from=1999-01-01&to=1999-01-02")
        self.assertEqual((status, document["volumes"]), (200, []))

    def test_7_an_answer_past_the_bound_is_refused_and_never_cut(self):
        self.stack.restart("tracker", TRACKER_ROWS="10")
        self.stack.wait_ready("tracker")
        status, _, problem = get(self.stack, "/v1/volumes?from=2000-01-01&to=2100-01-01")
        self.assertEqual(status, 400)
        self.assertTrue(problem["type"].endswith("too-many-rows"), problem)

    def test_8_who_asks_much_and_reads_nothing_costs_little(self):
        produce_volumes(self.stack, MANY_VOLUMES)
        path = "/v1/volumes?from=1990-01-01&to=1990-12-31"
        self.stack.restart("tracker")
        self.stack.wait_ready("tracker")

        def whole():
            status, _, document = get(self.stack, path)
            return status == 200 and len(document["volumes"]) == len(MANY_VOLUMES)

        wait_until(whole, 60, "the many volumes")
        slow, first = [], set()
        try:
            for _ in range(30):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(("127.0.0.1", self.stack.ports["tracker"]))
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                slow.append(connection)
                first.add(connection.recv(12, socket.MSG_WAITALL))  # and no more
            self.assertEqual(first, {b"HTTP/1.1 200", b"HTTP/1.1 503"})
            status, head, problem = get(self.stack, path)
            self.assertEqual(status, 503, problem)
            self.assertTrue(problem["type"].endswith("answers-full"), problem)
            self.assertIn("retry-after", head)
            # small answers go on
            self.assertEqual(get(self.stack, "/v1/events/counts")[0], 200)
            resident = self.stack.metric("tracker", "process_resident_memory_bytes")
            self.assertLess(resident, 160 * 1024 * 1024)
        finally:
            for connection in slow:
                connection.close()
        wait_until(whole, 30, "room again, once they have gone")

    def test_9_the_page_is_self_contained_and_says_so(self):
        with urllib.request.urlopen(self.stack.tracker_url + "/", timeout=20) as answer:
            html, head = answer.read().decode(), answer.headers
        self.assertIn("default-src 'none'", head["Content-Security-Policy"])
        self.assertEqual(head["X-Content-Type-Options"], "nosniff")
        self.assertEqual(head["Referrer-Policy"], "no-referrer")
        for outside in ("http://", "https://", "<script"):
            self.assertNotIn(outside, html)
        self.assertIn("All pathways", html)
        self.assertEqual(get(self.stack, "/style.css")[0], 200)


class PostgreSQL(Projection, unittest.TestCase):
    seed = 42

    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext(Postgres())
        cls.postgres.make_database("tracker")
        cls.environment = {"TRACKER_DATABASE_URL": cls.postgres.url("tracker")}
        super().setUpClass()

    def sql(self, text):
        self.postgres.query("tracker", text)

    def interrupt(self, share):
        if share != 0.4:
            super().interrupt(share)
            return
        self.postgres.stop("immediate")  # the database itself, in the middle of a batch
        status = wait_until(lambda: get(self.stack, "/v1/events/counts")[0] == 503, 30, "503")
        self.assertTrue(status)
        self.postgres.start()
        wait_until(lambda: get(self.stack, "/v1/events/counts")[0] == 200, 30, "200")


if __name__ == "__main__":
    unittest.main()
