# SPDX-License-Identifier: Apache-2.0
"""Known names, numbers, postcodes and phones go through the whole system, by every way out; then
everything that must not hold them is searched: logs, metrics, keys, headers, events, volumes, the
status API, the page, URLs, error bodies.
"""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import avro  # noqa: E402
import canaries  # noqa: E402
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import SERVICES, Stack, http  # noqa: E402

CANARIES = {
    "given_name": "Canarygiven",
    "family_name": "Canaryfamily",
    "nhs_number": "9990000018",
    "postcode": "ME14 5XY",
    "date_of_birth": "1957-07-13",
}
PHONE, EMAIL, NOTE = "01632 960999", "canary@canary.example", "Canarynote"


class Canary(unittest.TestCase):
    def search(self, where, text):
        """No canary in the text, in any spelling."""
        low = (text if isinstance(text, str) else text.decode("utf-8", "replace")).lower()
        squeezed = low.replace(" ", "").replace("-", "")
        for value in (*CANARIES.values(), PHONE, EMAIL, NOTE, canaries.WORD):
            for spelling in (value.lower(), value.lower().replace(" ", "").replace("-", "")):
                self.assertNotIn(
                    spelling,
                    squeezed if spelling != value.lower() else low,
                    f"{where} holds patient data",
                )

    def mark(self, body):
        body["patient"].update(CANARIES)
        body["patient"]["contacts"] = [
            {
                "relationship": "carer",
                "name": "Canaryfamily",
                "phone": PHONE,
                "email": EMAIL,
                "rank": 1,
            }
        ]
        body["notes"] = NOTE
        return body

    def post_every_free_text(self, stack, generator, schemas):
        """A word of its own in each text of each example; [(headers, document)] of the answers."""
        answers = []
        for pathway, examples in generator.examples.items():
            wanted, filled = canaries.free_texts(schemas[pathway]), set()
            for number, example in enumerate(examples):
                if example["source"]["kind"] == "walk-in":
                    continue
                body = self.mark(generator.body(pathway, lambda b, example=example: b == example))
                for path in sorted(wanted):
                    if canaries.put(body, path, f"{canaries.WORD} {len(path)}"):
                        filled.add(path)
                status, head, document = stack.post(body, f"text-{number}-{pathway}")
                self.assertEqual(status, 202, document)
                answers.append((head, document))
            self.assertEqual(wanted - filled, set(), f"{pathway}: no example has a place for these")
        return answers

    def post_into_closed_texts(self, stack, generator, schemas):
        """What comes from a list or has a form takes no free text, and does not repeat it."""
        answers = []
        for pathway in generator.examples:
            for path in sorted(canaries.closed_texts(schemas[pathway])):
                body = self.mark(generator.body(pathway))
                if canaries.put(body, path, canaries.WORD):
                    status, head, document = stack.post(body)
                    self.assertIn(status, (400, 422), (path, document))
                    answers.append((head, document))
        self.assertGreater(len(answers), 100)
        return answers

    def test_patient_data_is_nowhere_but_where_it_is_needed(self):
        self.assertEqual(len(CANARIES["nhs_number"]), 10)
        with Receiver() as receiver, Stack(
            environment={
                "DISPATCHER_RETRY_FIRST_MS": "200",
                "DISPATCHER_RETRY_MOST_MS": "500",
                "DISPATCHER_HOP_LIMIT_MS": "3000",
                "LOG_LEVEL": "debug",
            }
        ) as stack:
            rows = generate.directory(11, stack.schemas, receiver.url)
            # a provider that throws everything back in its answer, and others that fail in turn
            for number, row in enumerate(rows):
                echo = json.dumps({**CANARIES, "phone": PHONE}).encode()
                receiver.script(
                    row["ods_code"],
                    *(
                        (Answer(500, body=echo), Answer(200, body=echo))
                        if number % 2
                        else (Answer(404, body=echo),)
                    ),
                )
            generate.write_directory(rows, stack.dir / "providers.csv")
            stack.ctl("providers", "load", stack.dir / "providers.csv")
            stack.start()
            generator = generate.Generator(11, stack.schemas)
            schemas = {name: avro.composed(stack.schemas, name) for name in generator.examples}
            answers = self.post_every_free_text(stack, generator, schemas)
            ids = [document["id"] for _, document in answers]
            answers += self.post_into_closed_texts(stack, generator, schemas)
            for number in range(2):
                for pathway in generator.examples:
                    status, head, document = stack.post(
                        self.mark(generator.body(pathway)), f"canary-{number}-{pathway}"
                    )
                    self.assertEqual(status, 202, document)
                    ids.append(document["id"])
                    answers.append((head, document))
            repeated = self.mark(generator.body("msk"))
            for _ in range(2):
                answers.append(stack.post(repeated, "canary-repeated")[1:])
            for change in (
                {"sex": NOTE},
                {"surprise": NOTE},
                {"nhs_number": "9990000000"},
                {"postcode": PHONE},
            ):
                bad = self.mark(generator.body("falls"))
                bad["patient"].update(change)
                answers.append(stack.post(bad)[1:])
            # a producer of its own, with readable and unreadable records that hold the same
            producer = confluent_kafka.Producer({"bootstrap.servers": stack.bootstrap})
            producer.produce(
                "referrals.msk", key="broken", value=b"\xc3\x01" + json.dumps(CANARIES).encode()
            )
            producer.flush(60)
            stack.settle(timeout=90)

            delivered = [r for r in receiver.snapshot() if r.accepted]
            self.assertTrue(
                any(b"Canaryfamily" in r.body for r in delivered), "the providers do get the data"
            )
            for name in SERVICES:
                self.search(f"{name}'s log", stack.log_path(name).read_bytes())
                self.search(f"{name}'s metrics", stack.metrics(name))
            for head, document in answers:
                self.search("an answer of the gateway", json.dumps([head, document]))
            for referral in ids:
                self.search("the status API", json.dumps(stack.status(referral)[1:]))
            for path in ("/", "/v1/volumes", "/v1/volumes?format=csv", "/v1/events/counts"):
                self.search(f"the tracker's {path}", json.dumps(http(stack.tracker_url + path)[1:]))
            for topic in ("referral.events", "volumes.daily"):
                for message in oracle.read_topic(stack.bootstrap, [topic]):
                    self.search(topic, message.value() or b"")
            topics = [f"referrals.{p}" for p in generator.examples] + [
                "referrals.refused",
                "deliveries",
                "referral.events",
                "volumes.daily",
                "providers",
            ]
            for message in oracle.read_topic(stack.bootstrap, topics):
                self.search(f"a key of {message.topic()}", message.key() or b"")
                self.search(f"a header of {message.topic()}", repr(message.headers()))
            for request in receiver.snapshot():
                self.search("a webhook's headers", json.dumps(request.headers))
            self.search("the audit", stack.ctl("audit", "--json").stdout)
            tail = stack.ctl("tail", "referrals.msk", "--from", "beginning", "--count", "3").stdout
            self.search("referralctl tail", tail)
            self.search("the tracker's database", (stack.dir / "tracker.db").read_bytes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
