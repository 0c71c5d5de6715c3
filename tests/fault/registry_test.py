# SPDX-License-Identifier: Apache-2.0
"""A schema registry that is away, slow, or out of its mind: referrals go on. The real one is killed
and started again; what no real one would say, a scripted one says."""

import collections
import copy
import io
import json
import pathlib
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import avro  # noqa: E402
import confluent_kafka  # noqa: E402
import fastavro  # noqa: E402
from confluent_kafka.schema_registry import Schema  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
from registry import Registry, Scripted  # noqa: E402
from stack import AWAY, BIN_DIR, SOURCE_DIR, Stack, free_port, http, wait_until  # noqa: E402

PATHWAY = "falls"
TOPIC = f"referrals.{PATHWAY}"
EXAMPLE = json.loads(
    (SOURCE_DIR / f"schemas/pathways/{PATHWAY}/examples/valid-1-self.json").read_text()
)
OURS = 16  # subjects


class Away(unittest.TestCase):
    """Over real processes and a real Kafka."""

    def setUp(self):
        self.registry = Registry()
        self.addCleanup(self.registry.__exit__)
        self.stack = self.enterContext(Stack())
        self.producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
        rows = generate.directory(7, self.stack.schemas, lambda code: f"http://127.0.0.1:1/{code}")
        generate.write_directory(rows, self.stack.dir / "providers.csv")
        self.stack.ctl("providers", "load", self.stack.dir / "providers.csv")

    def post(self, key):
        status, _, document = self.stack.post(EXAMPLE, key)
        self.assertEqual(status, 202, document)
        return document["id"]

    def message_of(self, referral):
        return next(
            message
            for message in oracle.read_topic(self.stack.bootstrap, [TOPIC])
            if message.key().decode() == referral
        )

    def events_of(self, referral):
        """Kinds; read by the operator's command, which knows both framings."""
        lines = self.stack.ctl("tail", "referral.events", "--json").stdout.splitlines()
        events = [json.loads(line)["value"] for line in lines]
        return [e["kind"] for e in events if e.get("referral_id") == referral]

    def wait_events(self, referral, count=2):
        return wait_until(
            lambda: (lambda kinds: kinds if len(kinds) >= count else None)(
                self.events_of(referral)
            ),
            40,
            f"events of {referral}",
        )

    def router_was_here(self):
        """Events without an offset of its group would be a group that Kafka has forgotten."""
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.stack.bootstrap, "group.id": "router"}
        )
        place = confluent_kafka.TopicPartition(TOPIC, 0, 0)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    def said_away(self):
        return self.stack.log_tail("router", 1000).count("schema-registry-away")

    def start(self, *names, url=None, **more):
        self.stack.environment["SCHEMA_REGISTRY_URL"] = url or self.registry.url
        self.stack.start(*names, **more)

    def foreign(self):
        """A newer writer's schema, which only the registry knows, and a record of it."""
        schema = avro.composed(self.stack.schemas, PATHWAY)
        schema["fields"].append({"name": "newer", "type": "string", "default": ""})
        return schema

    def foreign_value(self, schema, schema_id, original):
        ours = avro.composed(self.stack.schemas, PATHWAY)
        value = fastavro.schemaless_reader(
            io.BytesIO(original.value()[5:]), fastavro.parse_schema(copy.deepcopy(ours))
        )
        value.update(id=str(uuid.uuid4()), accepted_at=int(time.time() * 1000), newer="x")
        out = io.BytesIO(b"\0" + struct.pack(">i", schema_id))
        out.seek(0, 2)
        fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), value)
        return value["id"], out.getvalue()

    def test_a_registry_that_answers_nonsense_or_nothing_holds_nobody_up(self):
        answers = {
            "500": lambda *_: (500, b"oops"),
            "a page": lambda *_: (200, b"<html>welcome</html>"),
            "a proxy's 404": lambda *_: (404, b"<html>not found</html>"),
            "an empty object": lambda *_: (200, {}),
            "ids that are none": lambda *_: (200, {"id": "seven", "schema": 7}),
            "silence": lambda *_: None,
        }
        for number, (what, answer) in enumerate(answers.items()):
            with self.subTest(what), Scripted(answer) as scripted:
                self.start("gateway", "router", url=scripted.url)  # it waits for no registry
                referral = self.post(f"nonsense-{number}")
                self.assertEqual(self.message_of(referral).value()[:2], b"\xc3\x01")
                kinds = self.wait_events(referral)
                self.assertEqual(kinds[0], "received")
                for service in ("gateway", "router"):
                    self.assertEqual(self.stack.metric(service, "referral_schema_registry_up"), 0)
                    missing = "referral_schema_registry_schemas_without_id"
                    self.assertEqual(self.stack.metric(service, missing), OURS)
                wait_until(lambda: self.said_away() > number, 20, "it is said")
                self.assertEqual(self.said_away(), number + 1, "once, not at every try")
                for service in ("gateway", "router"):
                    self.stack.kill(service, signal.SIGTERM)
                    self.assertEqual(self.stack.processes[service].returncode, 0)

    def test_killed_and_started_again_in_the_middle(self):
        self.registry.start()
        self.stack.environment["SCHEMA_REGISTRY_URL"] = self.registry.url
        self.stack.ctl("schema", "register")
        cache = {"SCHEMA_REGISTRY_CACHE": str(self.stack.dir / "schemas.cache")}
        self.start("gateway", "router", **cache)
        self.stack.wait_schema_ids("gateway", "router")
        before = self.post("before")
        self.assertEqual(self.message_of(before).value()[:1], b"\0")
        self.wait_events(before)
        kept = self.stack.dir / "schemas.cache"
        wait_until(lambda: len(kept.read_text().splitlines()) == OURS, 20, "all of them are kept")

        self.registry.signal(signal.SIGKILL)
        during = self.post("during")
        self.assertEqual(self.message_of(during).value()[:1], b"\0", "its id is known")
        # one that starts now reads what was written before: its ids come from the file
        self.stack.restart("router", **cache)
        self.stack.wait_ready("router")
        after = self.post("after")
        expected = {before: 2, during: 2, after: 2}

        def counts():
            messages = oracle.read_topic(self.stack.bootstrap, ["referral.events"])
            self.assertEqual({message.value()[:1] for message in messages}, {b"\0"})
            return collections.Counter(message.key().decode() for message in messages)

        wait_until(lambda: counts() == expected, 30, "events of all three")

        # it comes back empty, as one that has lost its disk: what is written is what it knows
        self.registry.start()
        lost = "referral_schema_registry_schemas_without_id"
        self.stack.restart("gateway", **cache)
        self.stack.wait_ready("gateway")
        wait_until(lambda: self.stack.metric("gateway", lost) == OURS, 20, "the ids are given up")
        self.assertIn("schema-id-lost", self.stack.log_tail("gateway", 1000))
        self.assertEqual(self.message_of(self.post("lost")).value()[:2], b"\xc3\x01")
        self.stack.ctl("schema", "register")
        wait_until(lambda: self.stack.metric("gateway", lost) == 0, 20, "the ids are known again")
        again = self.post("registered-again")
        self.assertEqual(self.message_of(again).value()[:1], b"\0")
        self.assertEqual(self.wait_events(again)[0], "received")

    def test_a_record_with_an_id_that_nobody_knows_yet_waits_and_holds_up_no_other_partition(self):
        self.registry.start()
        self.stack.environment["SCHEMA_REGISTRY_URL"] = self.registry.url
        self.stack.ctl("schema", "register")
        self.start("gateway", "router")
        self.stack.wait_schema_ids("gateway", "router")
        original = self.message_of(self.post("original"))
        schema = self.foreign()
        text = Schema(json.dumps(schema), "AVRO")
        schema_id = self.registry.client.register_schema(f"{TOPIC}-value", text)
        self.registry.signal(signal.SIGSTOP)
        referral, value = self.foreign_value(schema, schema_id, original)
        self.producer.produce(TOPIC, key=referral, value=value, partition=0)
        self.producer.flush(60)
        waiting = "referral_schema_registry_ids_waiting"
        wait_until(lambda: self.stack.metric("router", waiting) == 1, 20, "it waits")
        ids = [self.post(f"meanwhile-{number}") for number in range(12)]
        elsewhere = [one for one in ids if self.message_of(one).partition() != 0]
        self.assertGreater(len(elsewhere), 0)

        def taken():
            messages = oracle.read_topic(self.stack.bootstrap, ["referral.events"])
            return {message.key().decode() for message in messages}

        wait_until(lambda: set(elsewhere) <= taken(), 20, "the other partitions")
        self.assertNotIn(referral, taken())
        self.assertEqual(self.stack.metric("router", waiting), 1)
        self.stack.wait_ready("router")
        # nor does a restart turn it into garbage
        self.stack.restart("router")

        def waits_again():
            try:
                return (self.stack.metric("router", waiting) or 0) > 0
            except OSError:  # it does not listen yet
                return False

        wait_until(waits_again, 30, "it waits again")
        readyz = f"http://127.0.0.1:{self.stack.health['router']}/readyz"
        away = (503, "the schema registry is away")
        wait_until(lambda: http(readyz)[::2] == away, 30, "that it says what it waits for")
        self.assertEqual(oracle.read_topic(self.stack.bootstrap, ["referrals.refused"]), [])

        self.registry.signal(signal.SIGCONT)
        kinds = self.wait_events(referral)
        self.assertEqual(kinds[0], "received")
        self.assertEqual(kinds.count("received"), 1)
        for one in ids:
            self.assertEqual(self.wait_events(one).count("received"), 1)
        wait_until(lambda: self.stack.metric("router", waiting) == 0, 20, "none waits")
        self.assertEqual(oracle.read_topic(self.stack.bootstrap, ["referrals.refused"]), [])

        # what the registry itself does not know is refused, at once
        stranger, value = self.foreign_value(schema, 9999, original)
        self.producer.produce(TOPIC, key=stranger, value=value)
        self.producer.flush(60)
        self.assertEqual(self.wait_events(stranger, 1), ["refused"])
        (dead,) = wait_until(
            lambda: oracle.read_topic(self.stack.bootstrap, ["referrals.refused"]),
            20,
            "the dead letter",
        )
        self.assertEqual(dict(dead.headers())["reason"], b"unknown-schema-id")

    def test_a_referral_sent_by_a_writer_that_only_the_registry_knows_counts_once_it_is_back(self):
        """It takes the last place of a pharmacy; the router starts while nobody can say so."""
        self.registry.start()
        schema = oracle.message_schema(self.stack.schemas, "event")
        schema["fields"].append({"name": "newer", "type": "string", "default": ""})
        text = Schema(json.dumps(schema), "AVRO")
        schema_id = self.registry.client.register_schema("referral.events-value", text)
        now = int(time.time() * 1000)
        out = io.BytesIO(b"\0" + struct.pack(">i", schema_id))
        out.seek(0, 2)
        event = {
            "id": str(uuid.uuid4()),
            "kind": "routed",
            "referral_id": str(uuid.uuid4()),
            "occurred_at": now,
            "recorded_at": now,
            "accepted_at": now,
            "pathway": PATHWAY,
            "service": PATHWAY,
            "destination": "FONE1",
            "newer": "x",
        }
        fastavro.schemaless_writer(
            out, fastavro.parse_schema(copy.deepcopy(schema)), avro.filled(schema, event)
        )
        kind = {"ce_type": b"uk.nhs.kentandmedway.referral.routed"}
        for value in (out.getvalue(), b"\0\0\0\0\0no event"):
            self.producer.produce("referral.events", key="x", value=value, headers=kind)
        self.producer.flush(60)
        self.router_was_here()
        self.registry.signal(signal.SIGSTOP)
        rows = self.stack.dir / "one.csv"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        rows.write_text(
            "ods_code,name,kind,postcode,services,endpoint_url,capacity,capacity_updated_at\n"
            f"FONE1,Invented One,community-provider,ME14 1AB,{PATHWAY},http://127.0.0.1:1/x,1,"
            f"{stamp}\n"
        )
        self.stack.ctl("providers", "load", rows, "--replace")
        self.start("router", "gateway")
        self.stack.wait_ready("router")
        uncounted = "referral_router_load_uncounted"
        wait_until(lambda: self.stack.metric("router", uncounted), 20, "it waits")
        self.registry.signal(signal.SIGCONT)
        # what is no event at all stays uncounted
        wait_until(lambda: self.stack.metric("router", uncounted) == 1, 30, "it is counted")
        last = self.wait_events(self.post("no-room"))
        self.assertEqual(last[:2], ["received", "returned"])


class Command(unittest.TestCase):
    """`referralctl schema`, without Kafka."""

    def ctl(self, *arguments, away=False, **environment):
        """Called again while the registry does not answer in its five seconds, which on a busy
        machine may happen at any moment, unless it is `away` on purpose."""
        end = time.monotonic() + 60
        while True:
            done = subprocess.run(
                [str(BIN_DIR / "referralctl"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                timeout=180,
                env={"SCHEMAS_DIR": str(SOURCE_DIR / "schemas"), **environment},
            )
            if away or done.returncode != AWAY or time.monotonic() > end:
                return done

    def test_exit_codes_say_what_the_registry_said(self):
        absent = (404, {"error_code": 40401, "message": "no subject"})
        cases = [
            ("check", lambda *_: absent, 0),
            ("check", lambda *_: (500, b""), AWAY),
            ("check", lambda *_: (401, {"error_code": 40101}), AWAY),
            ("check", lambda *_: (200, b"[" * 100000), AWAY),
            ("check", lambda *_: (200, b"x" * 3000000), AWAY),
            ("register", lambda *_: (404, b"<html>"), AWAY),
        ]
        for verb, answer, expected in cases:
            with Scripted(answer) as scripted:
                away = expected == AWAY
                done = self.ctl("schema", verb, away=away, SCHEMA_REGISTRY_URL=scripted.url)
                self.assertEqual(done.returncode, expected, done.stdout + done.stderr)

        def conflicting(method, path, _body):
            if method == "POST" and path.startswith("/compatibility"):
                return 200, {"is_compatible": False}
            if method == "POST" and path.endswith("/versions"):
                return 409, {"error_code": 409, "message": "Incompatible \x1b[31m artifact"}
            if path.endswith("/versions"):
                return 200, []
            if path.startswith("/config"):
                return 200, {"compatibilityLevel": "NONE", "compatibility": "FULL_TRANSITIVE"}
            return absent

        with Scripted(conflicting) as scripted:
            done = self.ctl("schema", "check", "--json", SCHEMA_REGISTRY_URL=scripted.url)
            self.assertEqual(done.returncode, 1)
            answer = json.loads(done.stdout)
            self.assertEqual(len(answer["findings"]), OURS)
            self.assertEqual({one["code"] for one in answer["findings"]}, {"incompatible-schema"})
            self.assertFalse([path for verb, path, _ in scripted.asked if verb == "PUT"])
            done = self.ctl("schema", "register", SCHEMA_REGISTRY_URL=scripted.url)
            self.assertEqual(done.returncode, 1)
            paths = [path for verb, path, _ in scripted.asked if verb in ("PUT", "POST")]
            self.assertFalse([p for p in paths if p.startswith("/subjects") and "versions" in p])

        def taken_by_nobody(method, path, body):
            given = conflicting(method, path, body)
            return (200, {"is_compatible": True}) if path.startswith("/compatibility") else given

        with Scripted(taken_by_nobody) as scripted:
            done = self.ctl("schema", "register", SCHEMA_REGISTRY_URL=scripted.url)
            self.assertEqual(done.returncode, 1)
            self.assertIn("incompatible-schema", done.stderr)
            self.assertIn("Incompatible", done.stderr)
            self.assertNotIn("\x1b", done.stderr)
        self.assertEqual(self.ctl("schema", "check").returncode, 0)
        self.assertEqual(self.ctl("schema", "register").returncode, 78)
        nobody = f"http://127.0.0.1:{free_port()}"
        done = self.ctl("schema", "check", away=True, SCHEMA_REGISTRY_URL=nobody)
        self.assertEqual(done.returncode, AWAY)

    def test_credentials_go_where_they_belong(self):
        def absent(*_):
            return 404, {"error_code": 40401}

        with tempfile.TemporaryDirectory() as holder, Scripted(absent) as scripted:
            secret = pathlib.Path(holder, "secret")
            secret.write_text("alice:s3cret\n")
            files = {"SCHEMA_REGISTRY_URL": scripted.url}
            done = self.ctl("schema", "check", SCHEMA_REGISTRY_BASIC_AUTH_FILE=str(secret), **files)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual({one[2] for one in scripted.asked}, {"Basic YWxpY2U6czNjcmV0"})
            scripted.asked.clear()
            token = {"SCHEMA_REGISTRY_BEARER_TOKEN_FILE": str(secret)}
            done = self.ctl("schema", "check", **token, **files)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual({one[2] for one in scripted.asked}, {"Bearer alice:s3cret"})
            for wrong in (
                {"SCHEMA_REGISTRY_URL": "http://registry.example"},
                {"SCHEMA_REGISTRY_URL": "https://alice@registry.example"},
                {"SCHEMA_REGISTRY_URL": "registry.example"},
                {**files, "SCHEMA_REGISTRY_BEARER_TOKEN": "x"},
                {**files, "SCHEMA_REGISTRY_CA_FILE": holder + "/none"},
            ):
                done = self.ctl(
                    "schema", "check", SCHEMA_REGISTRY_BASIC_AUTH_FILE=str(secret), **wrong
                )
                self.assertEqual(done.returncode, 78, wrong)
                self.assertNotIn("s3cret", done.stderr)

    def test_tls_is_verified(self):
        with tempfile.TemporaryDirectory() as holder:
            key, certificate = f"{holder}/key.pem", f"{holder}/certificate.pem"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
                + ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost"]
                + ["-addext", "subjectAltName=DNS:localhost"],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            with Scripted(lambda *_: (404, {"error_code": 40401}), context) as scripted:
                port = scripted.url.rsplit(":", 1)[1]
                url = f"https://localhost:{port}"
                done = self.ctl("schema", "check", away=True, SCHEMA_REGISTRY_URL=url)
                self.assertEqual(done.returncode, AWAY, done.stderr)
                self.assertIn("certificate", done.stderr)
                trusting = {"SCHEMA_REGISTRY_CA_FILE": certificate}
                done = self.ctl("schema", "check", SCHEMA_REGISTRY_URL=url, **trusting)
                self.assertEqual(done.returncode, 0, done.stderr)
                url = f"https://127.0.0.1:{port}"
                done = self.ctl("schema", "check", away=True, SCHEMA_REGISTRY_URL=url, **trusting)
                self.assertEqual(done.returncode, AWAY, "another name than the certificate's")


if __name__ == "__main__":
    unittest.main()
