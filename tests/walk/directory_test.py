# SPDX-License-Identifier: Apache-2.0
"""The operator and the directory: loading, changing and pausing providers while referrals flow, the
table of places, and decisions that are explained without sending anything."""

import csv
import datetime
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import SOURCE_DIR, Stack, free_port, wait_until  # noqa: E402

ODS_DIR = SOURCE_DIR.parent / "shared" / "data" / "ods"
SERVICE = "blood-pressure-check"
UNROUTED = 4
DECIDED = ("routed", "returned")
PAUSE_SECONDS = 2  # after that nothing goes there any more
BUSY_MS = 1000  # from a referral to its delivery; a tenth of that is usual


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Directory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.schemas = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()), "schemas")
        shutil.copytree(SOURCE_DIR / "schemas", cls.schemas)
        cls.stack = cls.enterClassContext(
            Stack(
                schemas=cls.schemas,
                environment={
                    "DISPATCHER_RETRY_FIRST_MS": "200",
                    "DISPATCHER_RETRY_MOST_MS": "400",
                },
            )
        )
        cls.stack.start()

    def setUp(self):
        """With an empty directory, of which the router has heard."""
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.bootstrap})
        for message in oracle.read_topic(self.stack.bootstrap, ["providers"]):
            producer.produce("providers", key=message.key(), value=None)
        self.assertEqual(producer.flush(60), 0)
        known = "referral_router_providers"
        wait_until(lambda: self.stack.metric("router", known) == 0, 20, "an empty directory")

    # ---- what is used again and again

    def write(self, name, *lines):
        path = self.stack.dir / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def load(self, path, *more, code=0):
        """The command's answer, once the router knows of what was written."""

        def applied():
            return self.stack.metric("router", "referral_router_directory_changes_total")

        before = applied()
        done = self.stack.ctl("providers", "load", path, "--json", *more, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        answer = json.loads(done.stdout)
        if "--dry-run" not in more:
            written = answer["added"] + answer["changed"] + answer["removed"]
            wait_until(lambda: applied() >= before + written, 20, "the router follows")
        return answer

    def show(self, code):
        return json.loads(self.stack.ctl("providers", "show", code).stdout)

    def referral(self, **changes):
        body = generate.Generator(5, self.schemas).body("blood-pressure")
        body["patient"]["postcode"] = "ME14 1AB"
        body.update(changes)
        return body

    def explain(self, what, *more, code=0):
        done = self.stack.ctl("route", what, "--explain", "--json", *more, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["words"], answer["explanation"].get("words", ""))
        return answer

    def decisions(self, referral):
        return [
            e
            for e in oracle.events(self.stack)
            if e["referral_id"] == referral and e["kind"] in DECIDED
        ]

    # ---- the tests

    def test_a_pause_is_in_force_everywhere_within_two_seconds(self):
        """Tried again, three times in all, where the machine was so busy that also what had nothing
        to do with the pause took long."""
        for number in range(3):
            late, sent, slowest_ms = self.pause(f"FPA{number}1", f"FPA{number}2")
            if not late and not sent or slowest_ms < BUSY_MS:
                break
        self.assertEqual(late, [], "decided for a paused provider")
        self.assertEqual(sent, [], "sent to a paused provider")

    def pause(self, there, next_one):
        """(decisions for `there`, attempts there, both later than two seconds after the command has
        said that it is done; the longest from a referral to its delivery at the other one)."""
        path = self.write(
            "pause.csv",
            "ods_code,name,kind,postcode,easting,northing,services,endpoint_url",
            *(
                f"{code},Invented {code},pharmacy,TN9 1AA,{559000 + n * 2500},146000,{SERVICE},"
                f"{self.receiver.url(code)}"
                for n, code in enumerate((there, next_one))
            ),
        )
        self.receiver.script(there, Answer(503))  # what is under way there stays there
        self.load(path)
        body = self.referral(nominated_provider=there)
        mine = set()

        def post():
            mine.add(scripted.post(self.stack, body, f"{there}-{len(mine)}"))

        def told(kind, *destinations):
            return [
                event
                for event in oracle.events(self.stack)
                if event["kind"] == kind
                and event["destination"] in destinations
                and event["referral_id"] in mine
            ]

        def came():
            return [r.at * 1000 for r in self.receiver.snapshot() if r.provider == there]

        def going_there():
            post()
            return len(came()) > 5

        wait_until(going_there, 60, "attempts at the one that is to be paused")
        self.stack.ctl("providers", "pause", there)
        limit_ms = (time.time() + PAUSE_SECONDS) * 1000

        def gone_on():
            post()
            routed = told("routed", there, next_one)
            return len([e for e in routed if e["occurred_at"] > limit_ms]) > 5

        wait_until(gone_on, 60, "decisions two seconds after the pause")
        late = [e for e in told("routed", there) if e["occurred_at"] > limit_ms]
        sent = [at for at in came() if at > limit_ms]
        self.assertGreater(len(told("routed", there)), 0)
        # and what waited there goes there once it is open again
        self.receiver.script(there, Answer(200))
        self.stack.ctl("providers", "resume", there)
        report, _ = oracle.check_ends(self, self.stack, mine, self.receiver)
        self.assertTrue(report["balanced"])
        took = [e["occurred_at"] - e["accepted_at"] for e in told("delivered", next_one)]
        return late, sent, max(took, default=0)

    def test_a_file_of_providers_and_one_of_their_services_are_loaded_twice_and_change_once(self):
        providers = self.write(
            "two.csv",
            "ods_code,name,kind,postcode",
            "FTW01,Invented One,pharmacy,ME14 1AA",
            "FTW02,Invented Two,pharmacy,ME15 6AA",
            "dirty,,pharmacy,ME15",
        )
        services = self.write(
            "services.csv",
            "ods_code,services,hours,endpoint_url,capacity,capacity_updated_at",
            f"FTW01,{SERVICE},mon-sun 00:00-24:00,{self.receiver.url('FTW01')},7,{now():%FT%TZ}",
            f"FTW02,{SERVICE},mon-fri 09:00-08:00,,,",
            "FXX99,falls,,,,",
        )
        dry = self.load(providers, "--services", services, "--dry-run", code=1)
        self.assertEqual((dry["added"], dry["findings"]), (2, 3), dry)
        self.assertEqual(
            sorted(change["ods_code"] for change in dry["changes"]), ["FTW01", "FTW02"]
        )
        self.assertEqual(self.stack.ctl("providers", "show", "FTW01", check=False).returncode, 1)

        done = self.stack.ctl("providers", "load", providers, "--services", services, check=False)
        self.assertEqual(done.returncode, 1, "some rows were left out")
        self.assertIn("line 4", done.stderr)  # of the providers
        self.assertIn("services.csv: line 3, hours", done.stderr)
        self.assertIn("services.csv: line 4: FXX99 is not in the directory", done.stderr)
        shown = self.show("FTW01")
        self.assertEqual(shown["services"][0]["capacity_per_day"], 7)
        self.assertEqual(shown["endpoint"]["url"], self.receiver.url("FTW01"))
        self.assertEqual(len(shown["hours"]), 7)

        ends = oracle.ends_of(self.stack.bootstrap, "providers", "read_committed")
        again = self.load(providers, "--services", services, code=1)
        self.assertEqual((again["added"], again["changed"], again["unchanged"]), (0, 0, 2))
        self.assertEqual(
            oracle.ends_of(self.stack.bootstrap, "providers", "read_committed"), ends
        )
        # what the first file has no column for is not forgotten by loading it alone
        self.assertEqual(self.load(providers, code=1)["unchanged"], 2)
        # and a dry run names the fields that would change
        moved = self.write(
            "moved.csv", "ods_code,name,kind,postcode", "FTW01,Invented One,pharmacy,ME1 1AA"
        )
        changes = self.load(moved, "--dry-run")["changes"]
        self.assertEqual(changes[0]["ods_code"], "FTW01")
        self.assertIn("postcode", changes[0]["fields"])
        self.assertNotIn("services", changes[0]["fields"])

    def test_a_file_with_a_refused_row_removes_nobody(self):
        """Whose row was refused is in the directory still, and may be in use."""
        header = "ods_code,name,kind,postcode,hours"
        good = "FRE01,Invented One,pharmacy,ME14 1AA,"
        self.load(
            self.write(
                "replace.csv",
                header,
                good,
                "FRE02,Invented Two,pharmacy,ME15 6AA,mon-fri 09:00-17:00",
                "FRE03,Invented Three,pharmacy,ME15 6AA,",
            )
        )
        dirty = self.write(
            "dirty.csv",
            header,
            good.replace("One", "Won"),
            "FRE02,Invented Two,pharmacy,ME15 6AA,mon-fri 09:00-1700",
            "FRE04,Invented Four,pharmacy,ME15 6AA,",
        )
        for more in (("--dry-run",), ()):
            done = self.stack.ctl(
                "providers", "load", dirty, "--replace", "--json", *more, check=False
            )
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("line 3, hours", done.stderr)
            self.assertIn("nobody-removed: 2 providers that", done.stderr)
            answer = json.loads(done.stdout)
            self.assertEqual(
                {k: answer[k] for k in ("added", "changed", "removed", "kept", "findings")},
                {"added": 1, "changed": 1, "removed": 0, "kept": 2, "findings": 1},
            )
        for code in ("FRE02", "FRE03", "FRE04"):
            self.show(code)
        self.assertEqual(self.show("FRE01")["name"], "Invented Won")
        # nor does one in which there is nothing at all: an export that failed
        for name, lines in (("nothing.csv", ()), ("header.csv", (header,))):
            done = self.stack.ctl(
                "providers", "load", self.write(name, *lines), "--replace", check=False
            )
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(f"{name}: no row of it is about a provider", done.stderr)
            self.show("FRE03")
        # a file without such a row removes as asked
        done = self.load(self.write("clean.csv", header, good), "--replace")
        self.assertEqual((done["removed"], done["kept"]), (3, 0), done)
        self.assertEqual(self.stack.ctl("providers", "show", "FRE02", check=False).returncode, 1)

    def test_one_provider_is_set_and_a_wrong_value_changes_nothing(self):
        self.load(
            self.write(
                "set.csv",
                "ods_code,name,kind,postcode,services,endpoint_url",
                f"FSE01,Invented Set,pharmacy,ME14 1AA,{SERVICE} falls,https://a.example/x",
            )
        )
        self.stack.ctl(
            "providers", "set", "FSE01", f"capacity={SERVICE}:12", "accepting=falls:false"
        )
        self.stack.ctl("providers", "set", "FSE01", "hours=mon-fri 09:00-17:30; sat 09:00-12:00")
        shown = self.show("FSE01")
        self.assertEqual(shown["services"][0]["capacity_per_day"], 12)
        self.assertNotIn("capacity_per_day", shown["services"][1])
        self.assertEqual([s["accepting"] for s in shown["services"]], [True, False])
        self.assertEqual(len(shown["hours"]), 6)
        stamped = shown["capacity_updated_at"] / 1000
        self.assertLess(abs(stamped - now().timestamp()), 600)
        self.stack.ctl("providers", "set", "FSE01", "endpoint=https://b.example/y")
        self.assertEqual(self.show("FSE01")["endpoint"]["url"], "https://b.example/y")
        for more, words in (
            (("--dry-run",), "FSE01: would change name"),
            ((), "FSE01: changed name"),
            ((), "FSE01: is so already"),
        ):
            done = self.stack.ctl("providers", "set", "FSE01", "name=Invented Other", *more)
            self.assertEqual(done.stdout.strip(), words)
            is_old = self.show("FSE01")["name"] == "Invented Set"
            self.assertEqual(is_old, bool(more))
        before = self.show("FSE01")
        for wrong in (
            "capacity=-1",
            "capacity=msk:3",
            "hours=mon 17:00-09:00",
            "endpoint=ftp://c.example",
            "endpoint=http://c.example/a b",
            "secret=../secret",
            "accepting=maybe",
            "colour=red",
            "easting=1",
        ):
            done = self.stack.ctl("providers", "set", "FSE01", wrong, check=False)
            self.assertEqual(done.returncode, 1, f"{wrong}: {done.stdout}{done.stderr}")
            words = "expected" if wrong != "colour=red" else 'there is no field "colour"'
            self.assertIn(words, done.stderr)
        self.assertEqual(self.show("FSE01"), before)
        self.stack.ctl("providers", "set", "FSE01", "hours=", "capacity=")
        shown = self.show("FSE01")
        self.assertEqual(shown.get("hours", []), [])
        self.assertNotIn("capacity_updated_at", shown)

    def test_route_explains_a_file_and_an_id_and_sends_nothing(self):
        self.load(
            self.write(
                "explain.csv",
                "ods_code,name,kind,postcode,easting,northing,services,endpoint_url,hours,capacity,"
                "capacity_updated_at,paused",
                f"FEX02,Full,pharmacy,CT17 9AA,631001,141000,{SERVICE},https://a.example/2,,0,"
                f"{now():%FT%TZ},",
                f"FEX03,Paused,pharmacy,CT17 9AA,631002,141000,{SERVICE},https://a.example/3,,,,"
                "true",
                f"FEX04,Children,pharmacy,CT17 9AA,631003,141000,{SERVICE}:-15,https://a.example/4,"
                ",,,",
                f"FEX05,Well,pharmacy,CT17 9AA,633000,141000,{SERVICE},"
                f"{self.receiver.url('FEX05')},,,,",
            )
        )
        body = self.referral(nominated_provider="FEX99")
        body["patient"]["postcode"] = "CT17 9AA"
        at = now().replace(hour=12, minute=0, second=0, microsecond=0)
        path = self.write("referral.json", json.dumps(body))
        before = [
            oracle.ends_of(self.stack.bootstrap, topic, "read_uncommitted")
            for topic in ("deliveries", "referral.events", "referrals.blood-pressure")
        ]
        text = f"{at:%FT%TZ}"
        answer = self.explain(path, "--at", text)
        self.assertEqual((answer["outcome"], answer["destination"]), ("routed", "FEX05"))
        passed_over = dict(answer["explanation"]["passed_over"])
        self.assertEqual(passed_over["FEX99"], "unknown-provider")
        self.assertEqual(passed_over["FEX02"], "full")
        self.assertEqual(passed_over["FEX03"], "paused")
        self.assertEqual(passed_over["FEX04"], "wrong-age")
        self.assertTrue(answer["explanation"]["rules_version"])
        self.assertRegex(answer["explanation"]["directory_version"], r"^p\d+$")
        people = self.stack.ctl("route", path, "--explain", "--at", text).stdout
        for word in ("FEX05", "no rule objects", "passed over", "FEX02 full", "versions"):
            self.assertIn(word, people)
        self.assertEqual(
            before,
            [
                oracle.ends_of(self.stack.bootstrap, topic, "read_uncommitted")
                for topic in ("deliveries", "referral.events", "referrals.blood-pressure")
            ],
            "something was sent",
        )

        # who would be returned has an exit code of their own
        far = dict(body, patient=dict(body["patient"], date_of_birth="2024-01-01"))
        path = self.write("returned.json", json.dumps(far))
        answer = self.explain(path, "--at", text, code=UNROUTED)
        self.assertEqual(answer["outcome"], "returned")
        self.assertTrue(answer["reason"])
        # a file that is no referral is a finding, and asking for anything else is a mistake
        path = self.write("broken.json", "{}")
        self.assertEqual(self.stack.ctl("route", path, "--explain", check=False).returncode, 1)
        self.assertEqual(self.stack.ctl("route", path, check=False).returncode, 2)
        self.assertEqual(
            self.stack.ctl("route", path, "--explain", "--at", "noon", check=False).returncode, 78
        )

        # one that the router has decided: its own explanation beside the one worked out anew
        one = scripted.post(self.stack, body, "explain-id")
        wait_until(lambda: self.decisions(one), 30, "the decision")
        answer = self.explain(one)
        stored = answer["stored"][0]
        self.assertEqual(stored["destination"], answer["destination"])
        self.assertEqual(stored["explanation"]["passed_over"], answer["explanation"]["passed_over"])
        for private in (body["patient"]["family_name"], body["patient"]["postcode"]):
            self.assertNotIn(private, json.dumps(answer))
        unknown = "00000000-0000-4000-8000-000000000000"
        self.assertEqual(self.stack.ctl("route", unknown, "--explain", check=False).returncode, 1)

    def test_a_stored_decision_is_explained_as_it_was_made(self):
        """FRE01 sends it back, FRE02 has two places, FRE03 is a little farther."""
        self.receiver.script("FRE01", Answer(422), Answer(422))
        self.receiver.script("FRE02", Answer(200))
        places = ((1, 631000), (2, 631001), (3, 633500))
        self.load(
            self.write(
                "replay.csv",
                "ods_code,name,kind,postcode,easting,northing,services,endpoint_url,capacity,"
                "capacity_updated_at",
                *(
                    f"FRE0{n},Replay,pharmacy,CT17 9AA,{east},141000,{SERVICE},"
                    f"{self.receiver.url(f'FRE0{n}')},"
                    + (f"2,{now():%FT%TZ}" if n == 2 else ",")
                    for n, east in places
                ),
            )
        )
        self.stack.restart("dispatcher", signal.SIGTERM)  # or it may not know of them yet
        self.stack.wait_ready("dispatcher")
        body = self.referral(nominated_provider="FRE01")
        body["patient"]["postcode"] = "CT17 9AA"

        def post(key, **changes):
            return scripted.post(self.stack, dict(body, **changes), key)

        first = post("replay-1")
        wait_until(lambda: len(self.decisions(first)) == 2, 30, "the second hop")
        # both places of FRE02 are taken since; by the first referral itself, and by another
        second = post("replay-2", nominated_provider="FRE02")
        wait_until(lambda: self.decisions(second), 30, "its decision")
        answer = self.explain(first)
        self.assertEqual(answer["destination"], "FRE02")
        self.assertEqual(answer["tried"], [["FRE01", "declined"]])
        self.assertEqual(answer["explanation"]["passed_over"], [["FRE01", "declined"]])
        self.assertEqual(answer["explanation"]["spare"], 2)
        self.assertEqual((answer["agrees"], answer["differences"]), (True, []))
        # as of now all is otherwise
        answer = self.explain(first, "--at", f"{now():%FT%TZ}")
        self.assertEqual(answer["destination"], "FRE03")
        self.assertEqual(
            answer["tried"], [["FRE01", "declined"], ["FRE02", "tried"]], answer["explanation"]
        )
        self.assertIsNone(answer["agrees"])
        # the directory is today's: what has changed in it shows as a difference
        self.stack.ctl("providers", "pause", "FRE02")
        answer = self.explain(first)
        self.assertEqual(answer["destination"], "FRE03")
        self.assertFalse(answer["agrees"])
        differs = {d["member"]: (d["stored"], d["now"]) for d in answer["differences"]}
        self.assertEqual(differs["provider"], ("FRE02", "FRE03"))
        self.assertIn("directory_version", differs)
        self.assertNotIn("rules_version", differs)
        people = self.stack.ctl("route", first, "--explain").stdout
        for word in ("as of then", "as of now", "FRE01 declined", "differs", 'stored "FRE02"'):
            self.assertIn(word, people)

        # one that nobody was left for: the dispatcher's return is replayed, too
        self.stack.ctl("providers", "pause", "FRE03")
        self.stack.restart("dispatcher", signal.SIGTERM)  # or it may not have seen the pause yet
        self.stack.wait_ready("dispatcher")
        last = post("replay-3")
        wait_until(lambda: len(self.decisions(last)) == 2, 30, "the return")
        answer = self.explain(last, code=UNROUTED)
        self.assertEqual(
            answer["reason"], "returned-by-provider", (answer, self.decisions(last))
        )
        self.assertTrue(answer["agrees"], answer["differences"])

    def test_route_says_in_words_that_nobody_takes_it(self):
        path = self.write("nobody.json", json.dumps(self.referral()))
        answer = self.explain(path, code=UNROUTED)
        self.assertEqual(answer["reason"], "no-provider")
        self.assertIn("No provider", answer["words"])
        people = self.stack.ctl("route", path, "--explain", check=False).stdout
        self.assertRegex(people, r"because +No provider")

    def test_route_says_that_it_can_not_tell_while_the_registry_is_away(self):
        """A record in Confluent framing, of an id that only the registry knows."""
        key = str(uuid.uuid4())
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.stack.bootstrap, "partitioner": "murmur2_random"}
        )
        producer.produce("referrals.blood-pressure", key=key, value=b"\0\0\0\x27\x0fx")
        self.assertEqual(producer.flush(60), 0)
        self.assertEqual(self.stack.ctl("route", key, "--explain", check=False).returncode, 1)
        self.addCleanup(self.stack.environment.pop, "SCHEMA_REGISTRY_URL")
        self.stack.environment["SCHEMA_REGISTRY_URL"] = f"http://127.0.0.1:{free_port()}"
        done = self.stack.ctl("route", key, "--explain", check=False, away=True)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("registry-away", done.stderr)

    def test_a_table_of_places_is_loaded_and_taken_at_a_signal(self):
        points = self.write(
            "code-point.csv",
            '"IP1 1AA",10,616200,244500,"E92000001","","","","",""',
            '"IP1 1AB",10,616400,244700,"E92000001","","","","",""',
            '"IP1 1AE",90,0,0,"E92000001","","","","",""',
            '"BT1 1AA",10,333700,374000,"N92000002","","","","",""',
            '"dirty",10,1,1,"E92000001","","","","",""',
            '"IP1 1AD",10,99616400,244700,"E92000001","","","","",""',
        )
        answer = json.loads(self.stack.ctl("locations", "load", points, "--json").stdout)
        self.assertEqual(
            {k: answer[k] for k in ("rows", "taken", "districts", "nowhere", "findings")},
            {"rows": 6, "taken": 2, "districts": 1, "nowhere": 2, "findings": 2},
        )
        self.load(
            self.write(
                "ipswich.csv",
                "ods_code,name,kind,easting,northing,services,endpoint_url",
                f"FIP01,Invented Ipswich,pharmacy,616300,244600,{SERVICE},"
                f"{self.receiver.url('FIP01')}",
            )
        )
        self.stack.kill("router", signal.SIGHUP)
        body = self.referral()
        body["patient"]["postcode"] = "IP1 1AB"

        def decided():
            one = scripted.post(self.stack, body, str(uuid.uuid4()))
            event = wait_until(lambda: self.decisions(one), 30, "the decision")[0]
            return event["destination"] == "FIP01"

        wait_until(decided, 30, "the new place is known")

        # who was placed by a district's middle is placed anew once the postcode is known
        rows = self.write(
            "placed.csv", "ods_code,name,kind,postcode", "FIP02,Invented Placed,pharmacy,IP1 1AE"
        )
        self.load(rows)
        self.assertEqual(self.show("FIP02")["easting"], 616300)
        more = self.write(
            "more.csv",
            points.read_text().strip(),
            '"IP1 1AE",10,617000,245000,"E92000001","","","","",""',
        )
        self.stack.ctl("locations", "load", more)
        self.assertEqual(self.show("FIP02")["easting"], 616300, "until the next load")
        would = self.load(rows, "--dry-run")["changes"]
        self.assertEqual([set(c["fields"]) for c in would], [{"easting", "northing"}])
        self.assertEqual(self.show("FIP02")["easting"], 616300)
        self.load(rows)
        self.assertEqual(self.show("FIP02")["easting"], 617000)
        self.assertEqual(self.load(rows, "--dry-run")["changes"], [])

    def test_the_files_of_nhs_ods_are_loaded_as_issued(self):
        if not ODS_DIR.is_dir():
            self.skipTest("there are no files of NHS ODS beside this checkout")
        pharmacies, practices = ODS_DIR / "edispensary_QKS.csv", ODS_DIR / "epraccur_QKS.csv"
        answer = self.load(pharmacies, "--dry-run")
        self.assertGreater(answer["added"], 250)
        again = self.load(practices, "--dry-run")
        self.assertGreater(again["others"], again["added"])

        # both for good, and then once more: as issued, and in the new coding; nothing changes
        for path in (pharmacies, practices):
            first = self.load(path)
            coded = {12: {"A": "ACTIVE", "C": "INACTIVE", "D": "DORMANT", "P": "PROPOSED"}}
            coded[25] = {"4": "RO76", "9": "RO247", "11": "RO252"}
            rows = list(csv.reader(path.read_text().splitlines()))
            for row in rows[1:]:
                for column, words in coded.items():
                    row[column] = words.get(row[column], row[column])
            new = self.stack.dir / "new-coding.csv"
            with new.open("w", newline="") as out:
                csv.writer(out).writerows(rows[1:])  # and without a header, as issued
            for again in (self.load(path), self.load(new)):
                self.assertEqual(
                    (again["added"], again["changed"], again["removed"], again["unchanged"]),
                    (0, 0, 0, first["added"]),
                )
                self.assertEqual(again["closed"], first["closed"])
                self.assertEqual(again["others"], first["others"])

        # a dirty row is told by its line, and is never the end; without its postcode it is taken
        rows = list(csv.reader(pharmacies.read_text().splitlines()))
        active = [number for number, row in enumerate(rows) if row[12] == "A" and row[13] == "1"]
        no_postcode, no_status = active[3], active[7]
        rows[no_postcode][9], rows[no_status][12] = "DN15 6QVX", "Z"
        with new.open("w", newline="") as out:
            csv.writer(out).writerows(rows)
        done = self.stack.ctl("providers", "load", new, "--dry-run", check=False)
        for number in (no_postcode, no_status):
            self.assertIn(f"line {number + 1}:", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.assertEqual(done.returncode, 1)
        rows[no_status][12] = "A"
        with new.open("w", newline="") as out:
            csv.writer(out).writerows(rows)
        done = self.stack.ctl("providers", "load", new, "--dry-run")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
