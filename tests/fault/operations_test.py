# SPDX-License-Identifier: Apache-2.0
"""What an operator can do about deliveries: list them, look at one with all its attempts, retry,
release and re-route, with two dispatchers of which either may own what it is about; and that what
was asked is done once, though the one who did it dies."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import canaries  # noqa: E402
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402

SICK, NEXT, ALONE, ASKED = "FO001", "FO002", "RAL01", "RAL02"
BACKLOG = 30
WHY = ("--by", "ada", "--reason", "supplier is down")
# A stranger's text: words of the patient in words that are ours.
SAID = json.dumps(
    {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "not-found",
                "diagnostics": f"Patient {canaries.WORD} 9990000018 ME14 5XY not found",
            }
        ],
    },
    separators=(",", ":"),
).encode()
KEPT = (
    '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found",'
    '"diagnostics":"patient * not found"}]}'
)


class Operations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_SESSION_TIMEOUT_MS": "6000",
                    # far behind what a release does at once
                    "DISPATCHER_PROBE_FIRST_MS": "600000",
                    "DISPATCHER_PROBE_MOST_MS": "600000",
                }
            )
        )
        cls.generator = generate.Generator(1, cls.stack.schemas)
        cls.district = scripted.apart(cls.generator.places, 1)[0]
        cls.load()
        cls.stack.health["dispatcher-1"] = free_port()
        cls.stack.start()
        cls.start_second()

    @classmethod
    def load(cls):
        scripted.load_in(
            cls.stack,
            cls.receiver,
            cls.district,
            (SICK, "blood-pressure", 100),
            (NEXT, "blood-pressure", 1500),
            (ALONE, "msk", 100),
            (ASKED, "falls", 100),
        )

    @classmethod
    def start_second(cls):
        cls.stack.start(
            "dispatcher-1",
            program="dispatcher",
            INSTANCE="1",
            DISPATCHER_HEALTH_LISTEN=f"127.0.0.1:{cls.stack.health['dispatcher-1']}",
        )

    def post(self, pathway, key):
        body = scripted.routable(self.generator, pathway)
        body["patient"]["postcode"] = self.district
        body["nominated_provider"] = None
        return scripted.post(self.stack, body, key)

    def ctl(self, *arguments, code=0):
        return self.stack.ask_dispatchers(*arguments, code=code)

    def broken(self, destination, held):
        """Its line of the list, once its breaker is open and so many are held."""
        wait_until(lambda: self.pending(destination) == held, 30, "a backlog")

        def found():
            rows = self.ctl("list", destination)["destinations"]
            seen = rows[0]["dispatcher"] if rows else {"state": "", "held": 0}
            return rows[0] if "broken" in seen["state"] and seen["held"] == held else None

        return wait_until(found, 60, "a breaker that is open")

    def logged(self, fact, destination):
        told = [f for n in ("dispatcher", "dispatcher-1") for f in self.stack.told(n, fact)]
        return [one for one in told if one["destination"] == destination]

    def pending(self, destination):
        rows = self.ctl("list", destination, "--topic-only")["destinations"]
        return rows[0]["pending"] if rows else 0

    def asked(self, kind):
        """What stands on the audit topic."""
        decode = oracle.decoder(oracle.message_schema(self.stack.schemas, "operation"))
        records = [
            decode(message.value())
            for message in oracle.read_topic(self.stack.bootstrap, ["delivery.operations"])
        ]
        return [record for record in records if record["kind"] == kind]

    def put_again(self, answer):
        """The same record a second time, as after a tombstone that was lost; its answer."""
        key = f"operation/{answer['id']}".encode()
        first = [
            message
            for message in oracle.read_topic(self.stack.bootstrap, ["deliveries"])
            if message.key() == key and message.value()
        ][0]
        before = len(self.asked("reroute"))
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
        producer.produce("deliveries", key=key, value=first.value(), partition=first.partition())
        self.assertEqual(producer.flush(60), 0)
        return wait_until(
            lambda: [r for r in self.asked("reroute")[before:] if r["stage"] == "done"], 30, "it"
        )[0]

    def check_taken(self, ids):
        """Each by the next provider, and more than once only with the mark."""
        by = {one: set(providers) for one, providers in self.taken(ids).items()}
        self.assertEqual(by, dict.fromkeys(ids, {NEXT}))
        oracle.check_marks(self, self.receiver)

    def taken(self, ids):
        """Which provider accepted each of them, in order."""
        found = {referral: [] for referral in ids}
        for request in self.receiver.snapshot():
            if request.accepted and request.referral_id in found:
                found[request.referral_id].append(request.provider)
        return found

    def test_a_backlog_is_seen_and_moved_whole_to_the_next_provider(self):
        self.receiver.script(SICK, Answer(503, body=SAID))
        ids = [self.post("blood-pressure", f"backlog-{number}") for number in range(BACKLOG)]
        row = self.broken(SICK, BACKLOG)
        self.assertEqual(row["pending"], BACKLOG)
        self.assertEqual(row["directory"], "")
        self.assertGreater(row["deadline_at"], row["oldest_at"])
        self.assertTrue(row["dispatcher"]["probe_at"])
        self.assertIn(row["dispatcher"]["instance"], ("0", "1"))

        dry = self.ctl("reroute", SICK, "--dry-run")
        self.assertEqual((dry["touched"], len(dry["deliveries"])), (BACKLOG, BACKLOG))
        self.assertEqual({held["referral_id"] for held in dry["deliveries"]}, set(ids))
        self.assertEqual(self.pending(SICK), BACKLOG)
        self.assertEqual(self.asked("reroute"), [])

        def rerouted():  # what is just being tried is left, and named
            answer = self.ctl("reroute", SICK, *WHY)["operations"]
            for one in answer:
                self.assertEqual(one["stage"], "done")
                self.assertEqual(one["moved"], one["touched"])
            return self.pending(SICK) == 0

        wait_until(rerouted, 60, "all of it elsewhere")
        wait_until(
            lambda: all(self.taken(ids)[one] for one in ids), 60, "all of it taken elsewhere"
        )
        self.check_taken(ids)
        wait_until(lambda: self.pending(NEXT) == 0, 30, "their tombstones")
        records = self.asked("reroute")
        self.assertEqual({r["asked_by"] for r in records}, {"ada"})
        self.assertEqual({r["reason"] for r in records}, {"supplier is down"})
        self.assertEqual(sum(r["moved"] for r in records if r["stage"] == "done"), BACKLOG)
        self.assertEqual(self.asked("look"), [], "it changes nothing, so nobody keeps it for years")
        self.assertIn('"asked_by":"ada"', self.stack.ctl("tail", "delivery.operations").stdout)
        self.check_the_attempts(ids)

    def ended(self, referral_id):
        """What is shown of it, once its end is on all of the topics."""

        def found():
            shown = self.ctl("show", referral_id)
            return shown if shown["history"][-1]["kind"] == "delivered" else None

        return wait_until(found, 20, f"the end of {referral_id}")

    def check_the_attempts(self, ids):
        """Each of them with its time, address and answer, and the patient in none."""
        shown = [self.ended(one) for one in ids]
        failed = [
            event for one in shown for event in one["history"] if event["kind"] == "attempted"
        ]
        self.assertGreaterEqual(len(failed), 5)
        for event in failed:
            self.assertEqual(
                (event["result"], event["address"], event["excerpt"]),
                ("http-503", "127.0.0.1", KEPT),
            )
            self.assertGreater(event["duration_ms"], 0)
        for one in shown:
            last = one["history"][-1]
            self.assertEqual((last["kind"], last["destination"]), ("delivered", NEXT))
            self.assertEqual((last["address"], last.get("excerpt")), ("127.0.0.1", None))
            self.assertIn("operator", [event.get("reason") for event in one["history"]])
            self.assertIsNone(one["delivery"])
        for text in (json.dumps(shown), self.stack.ctl("deliveries", "show", ids[0]).stdout):
            for word in (canaries.WORD, "9990000018", "ME14"):
                self.assertNotIn(word, text)

    def test_a_release_sends_at_once_what_the_breaker_holds_back(self):
        self.receiver.script(ALONE, Answer(503))
        ids = [self.post("msk", f"alone-{number}") for number in range(8)]
        self.broken(ALONE, len(ids))
        answer = self.ctl("reroute", ALONE, *WHY)["operations"][0]
        self.assertEqual((answer["moved"], answer["stayed"]), (0, answer["touched"]))
        self.assertEqual(self.pending(ALONE), 8, "there is nobody else")
        wait_until(lambda: self.logged("destination-broken", ALONE), 10, "its owner says so")
        self.assertFalse(self.logged("destination-well", ALONE))
        self.receiver.script(ALONE, Answer(503, delay=6))
        self.ctl("release", ALONE, *WHY)
        wait_until(lambda: self.logged("destination-released", ALONE), 10, "who closed it")
        self.assertFalse(self.logged("destination-well", ALONE), "it still answers 503")
        # and not again behind the next release, by what is still under way
        wait_until(lambda: len(self.logged("destination-broken", ALONE)) > 1, 60, "open again")
        self.receiver.script(ALONE, Answer(200))
        self.ctl("release", ALONE, *WHY)
        wait_until(lambda: self.logged("destination-well", ALONE), 10, "and that it is over")
        self.receiver.wait_for(
            lambda _: all(self.taken(ids)[one] for one in ids), 60, "all of them, with no probe"
        )

    def test_a_retry_ends_the_wait_that_its_provider_asked_for(self):
        self.receiver.script(
            ASKED, Answer(408, headers=(("Retry-After", "600"),)), Answer(200)
        )
        one = self.post("falls", "asked-to-wait")
        wait_until(
            lambda: (self.ctl("show", one)["delivery"] or {}).get("last_result") == "http-408",
            30,
            "its first attempt",
        )
        answer = self.ctl("retry", one, *WHY)["operations"][0]
        self.assertEqual((answer["stage"], answer["touched"]), ("done", 1))
        self.receiver.wait_for(lambda _: self.taken([one])[one] == [ASKED], 10, "its second")
        wait_until(lambda: self.pending(ASKED) == 0, 30, "its tombstone")
        self.assertEqual(self.ctl("retry", ASKED, *WHY)["operations"], [])
        done = self.stack.ctl("deliveries", "retry", one, *WHY, check=False)
        self.assertEqual((done.returncode, "not-found" in done.stderr), (1, True))

    def test_y_what_nobody_could_do_is_done_once_by_who_comes_and_dies(self):
        self.receiver.script(SICK, Answer(503))
        ids = [self.post("blood-pressure", f"late-{number}") for number in range(BACKLOG)]
        wait_until(lambda: self.pending(SICK) == BACKLOG, 30, "a backlog")
        self.stack.ctl("providers", "pause", SICK)
        for name in ("dispatcher", "dispatcher-1"):
            self.stack.kill(name)
        done = self.stack.ctl(
            "deliveries", "reroute", SICK, *WHY, "--wait-seconds", "2", check=False
        )
        self.assertEqual((done.returncode, "no-answer" in done.stderr), (69, True))
        rows = self.ctl("list", SICK, "--wait-seconds", "1", code=69)
        self.assertFalse(rows["answered"])
        self.assertEqual(rows["destinations"][0]["pending"], BACKLOG)
        self.assertEqual(rows["destinations"][0]["directory"], "paused")
        before = len(self.asked("reroute"))
        self.stack.start("dispatcher", ready=False)
        wait_until(lambda: self.pending(SICK) < BACKLOG, 60, "the first of it moved")
        self.stack.kill("dispatcher")
        self.stack.start("dispatcher", ready=False)
        self.start_second()
        wait_until(lambda: self.pending(SICK) == 0, 60, "all of it moved")
        wait_until(
            lambda: all(self.taken(ids)[one] for one in ids), 60, "all of it taken elsewhere"
        )

        def answered():
            return [r for r in self.asked("reroute")[before:] if r["stage"] == "done"]

        answers = wait_until(answered, 30, "the answer")
        self.assertEqual(len(answers), 1)
        again = self.put_again(answers[0])
        self.assertEqual((again["touched"], again["moved"]), (0, 0))
        self.check_taken(ids)
        for one in ids:
            moved = [e for e in self.ended(one)["history"] if e.get("reason") == "operator"]
            self.assertEqual(len(moved), 1)

    def test_x_what_nobody_did_in_time_is_not_done_any_more(self):
        self.receiver.script(ALONE, Answer(503))
        one = self.post("msk", "too-late")
        wait_until(lambda: self.pending(ALONE) == 1, 30, "a delivery that waits")
        for name in ("dispatcher", "dispatcher-1"):
            self.stack.kill(name)
        self.stack.ctl("deliveries", "retry", one, *WHY, "--wait-seconds", "2", check=False)
        self.stack.start("dispatcher", DISPATCHER_OPERATION_VALID_MS="1000")

        def answer():
            return [r for r in self.asked("retry") if r["delivery_id"] and r["stage"] == "expired"]

        found = wait_until(answer, 30, "that it was too late")
        self.assertEqual([(r["touched"], r["asked_by"]) for r in found], [(0, "ada")])
        self.receiver.script(ALONE, Answer(200))
        self.stack.restart("dispatcher")
        self.start_second()
        self.stack.wait_ready("dispatcher")
        self.ctl("release", ALONE, *WHY)
        self.receiver.wait_for(lambda _: self.taken([one])[one], 30, "it")

    def test_z_everything_balances_in_the_end(self):
        report = self.stack.settle()
        self.assertEqual(report["total"]["missing"], 0)
        self.assertEqual(report["total"]["returned"], 0)

    def test_a_wrong_question_is_asked_of_nobody(self):
        for arguments, code in (
            (("reroute", SICK), 2),
            (("reroute", SICK, "--reason", "short"), 78),
            (("release", SICK, "--reason", "patient 9990000018"), 78),
            (("release", "7d444840-9dc0-51d1-b245-5ffdce74fad2", *WHY), 2),
            (("retry", "no code", *WHY), 2),
            (("list", "no code"), 2),
            (("list", "FZZ77"), 1),
            (("reroute", "FZZ77", *WHY), 1),
            (("release", "FZZ77", *WHY), 1),
            (("show", "nothing"), 2),
            (("show", "7d444840-9dc0-51d1-b245-5ffdce74fad2"), 1),
        ):
            done = self.stack.ctl("deliveries", *arguments, check=False)
            self.assertEqual(done.returncode, code, (arguments, done.stderr))


if __name__ == "__main__":
    unittest.main(verbosity=2)
