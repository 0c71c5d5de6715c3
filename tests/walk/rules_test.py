# SPDX-License-Identifier: Apache-2.0
"""What the rules promise, through the real router: a failed gateway becomes a minor illness and is
never refused, walk-ins are counted and sent nowhere, and nobody is turned away for want of an NHS
number or an address."""

import copy
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import SOURCE_DIR, Stack, wait_until  # noqa: E402

CLINICAL, EVERYTHING, FAR = "FTA01", "FTA02", "FTA03"
OTITIS_SELLER = "FTA04"


def example(pathway, start):
    folder = SOURCE_DIR / "schemas" / "pathways" / pathway / "examples"
    body = json.loads(next(folder.glob(f"{start}*.json")).read_text())
    body.pop("authored_at", None)
    body.pop("nominated_provider", None)
    return body


def with_changes(body, **changes):
    """details__strand="minor-illness" sets details.strand; None leaves a field out."""
    body = copy.deepcopy(body)
    for path, value in changes.items():
        at, *rest = path.split("__")
        holder = body
        if rest:
            holder = body.setdefault(at, {})
            at = rest[0]
        holder.pop(at, None)
        if value is not None:
            holder[at] = value
    return body


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(Stack())
        cls.load(
            (CLINICAL, "ME14 1AA", "clinical-pathway blood-pressure-check", False),
            (OTITIS_SELLER, "ME14 1AA", "clinical-pathway", True),
            (EVERYTHING, "ME15 6AA", "clinical-pathway minor-illness urgent-supply", False),
        )
        cls.stack.start()

    @classmethod
    def load(cls, *pharmacies, replace=False):
        rows = []
        for code, postcode, services, selling in pharmacies:
            row = dict.fromkeys(generate.COLUMNS, "")
            row.update(
                ods_code=code,
                name=f"Invented Pharmacy {code}",
                kind="pharmacy",
                hcp="West Kent",
                postcode=postcode,
                services=services,
                distance_selling=str(selling).lower(),
                paused="false",
                endpoint_url=cls.receiver.url(code),
                format="json",
            )
            rows.append(row)
        generate.write_directory(rows, cls.stack.dir / "pharmacies.csv")
        more = ["--replace"] if replace else []
        cls.stack.ctl("providers", "load", cls.stack.dir / "pharmacies.csv", *more)

    def decide(self, body, key):
        """(the deciding event, its explanation, its referral's id)."""
        status, _, document = self.stack.post(body, f"rules-{key}")
        self.assertEqual(status, 202, document)

        def decided():
            return next(
                (
                    e
                    for e in oracle.events(self.stack)
                    if e["referral_id"] == document["id"]
                    and e["kind"] in ("routed", "returned", "recorded", "refused")
                ),
                None,
            )

        event = wait_until(decided, 30, f"a decision about {key}")
        self.assertEqual(
            [e["kind"] for e in oracle.events(self.stack) if e["referral_id"] == document["id"]][0],
            "received",
            "whatever the rules say, it is taken, not refused",
        )
        return event, json.loads(event["explanation"]), document["id"]

    def counted(self, **dimensions):
        return sum(
            cell["count"]
            for cell in oracle.volumes(self.stack)
            if all(cell[name] == value for name, value in dimensions.items())
        )

    def test_a_failed_gateway_goes_to_who_sees_minor_illness_and_keeps_its_reason(self):
        body = with_changes(
            example("pharmacy-first", "valid-1"),
            patient__pregnancy="unknown",
            nominated_provider=CLINICAL,  # who does not see minor illness
        )
        event, explanation, _ = self.decide(body, "fall-back")
        self.assertEqual((event["kind"], event["result"]), ("routed", "fell-back"))
        self.assertEqual(event["service"], "minor-illness")
        self.assertEqual(event["reason"], "pregnancy-unknown")
        self.assertEqual(event["destination"], EVERYTHING)
        self.assertEqual(explanation["fell_back_from"], "clinical-pathway")
        self.assertIn([CLINICAL, "no-such-service"], explanation["passed_over"])
        self.assertIn("not known", explanation["words"])
        wait_until(
            lambda: self.counted(service="minor-illness", stage="received") == 1,
            30,
            "counted as a minor illness",
        )

    def test_b_a_passed_gateway_goes_to_the_nominated_and_otitis_to_no_distance_seller(self):
        body = with_changes(example("pharmacy-first", "valid-1"), nominated_provider=CLINICAL)
        event, _, _ = self.decide(body, "passed")
        self.assertEqual((event["result"], event["destination"]), ("nominated", CLINICAL))
        child = with_changes(
            example("pharmacy-first", "valid-2"),
            source__kind="gp-practice",
            details__condition="acute-otitis-media",
            nominated_provider=OTITIS_SELLER,
            patient__postcode="ME14 9ZZ",
        )
        event, explanation, _ = self.decide(child, "otitis")
        self.assertEqual(event["kind"], "routed", explanation)
        self.assertNotEqual(event["destination"], OTITIS_SELLER)
        self.assertIn([OTITIS_SELLER, "distance-selling"], explanation["passed_over"])

    def test_c_nobody_is_turned_away_for_want_of_a_number_or_an_address(self):
        minor = with_changes(
            example("pharmacy-first", "valid-1"),
            details__strand="minor-illness",
            details__condition="cough",
        )
        for number, changes in enumerate(
            (
                {"patient__nhs_number": None, "patient__nhs_number_status": "number-not-present"},
                {"patient__nhs_number": None, "patient__nhs_number_status": None},
                {"patient__postcode": "ZZ99 3VZ"},
                {"patient__postcode": "ZZ99 3VZ", "patient__gp_practice": None},
                {"patient__postcode": "ME14"},
                {"patient__postcode": None},
                {"patient__postcode": None, "patient__gp_practice": None},
                {"patient__given_name": None, "patient__family_name": None},
            )
        ):
            event, explanation, referral = self.decide(
                with_changes(minor, **changes), f"served-{number}"
            )
            self.assertEqual(event["kind"], "routed", (changes, explanation))
            self.assertEqual(event["destination"], EVERYTHING, (changes, explanation))
            wait_until(
                lambda r=referral: oracle.finals(self.stack)[r] == ["delivered"],
                30,
                f"delivered: {changes}",
            )

    def test_d_walk_ins_are_recorded_and_sent_nowhere_and_what_they_may_not_be_comes_back(self):
        uti = with_changes(example("pharmacy-first", "valid-1"), source__kind="walk-in")
        pressure = with_changes(
            example("blood-pressure", "valid-2"), details__diagnosed_hypertension=False
        )
        pill = example("contraception", "valid-3")
        rows = (
            (uti, "recorded", None),
            (pressure, "recorded", None),
            (with_changes(pill, source__ods_code=EVERYTHING), "recorded", None),
            (
                with_changes(pressure, details__reading={"systolic": 185, "diastolic": 100}),
                "recorded",
                None,
            ),
            (with_changes(pressure, details__red_flags=["chest-pain"]), "returned", "red-flag"),
            (with_changes(uti, details__strand="minor-illness"), "returned", "referral-needed"),
            (
                with_changes(uti, patient__sex="male", source__ods_code=EVERYTHING),
                "returned",
                "referral-needed",
            ),
            (
                with_changes(
                    uti,
                    details__strand="urgent-supply",
                    details__condition=None,
                    details__medicine={"name": "Made-up medicine"},
                ),
                "returned",
                "source-not-allowed",
            ),
            (
                with_changes(pressure, details__diagnosed_hypertension=True),
                "returned",
                "gp-request-needed",
            ),
        )
        ids = {}
        for number, (body, kind, reason) in enumerate(rows):
            event, explanation, referral = self.decide(body, f"walk-in-{number}")
            self.assertEqual((event["kind"], event["reason"]), (kind, reason), explanation)
            where = body["source"]["ods_code"] if kind == "recorded" else None
            self.assertEqual(event["destination"], where if where == EVERYTHING else None)
            self.assertTrue(explanation["words"])
            found = body["details"].get("reading") or {}
            urgent = found.get("systolic", 0) >= 180 or reason == "red-flag"
            self.assertEqual(explanation.get("urgent", False), urgent, explanation)
            ids[referral] = kind
        self.stack.settle()
        ends = oracle.finals(self.stack)
        self.assertEqual({r: ends[r] for r in ids}, {r: [kind] for r, kind in ids.items()})
        self.assertEqual([r for r in self.receiver.snapshot() if r.referral_id in ids], [])
        told = [e for e in oracle.events(self.stack) if e["kind"] == "noticed"]
        self.assertEqual([e for e in told if e["referral_id"] in ids], [])
        wait_until(
            lambda: self.counted(source_kind="walk-in", stage="recorded") == 4,
            30,
            "four walk-ins are counted",
        )
        wait_until(
            lambda: self.counted(provider=EVERYTHING, stage="recorded") == 1,
            30,
            "one at the pharmacy that held it, if the directory knows it",
        )

    def test_e_a_red_flag_comes_back_at_once_with_urgent_words(self):
        body = with_changes(example("msk", "valid-1"), details__red_flags=["saddle-numbness"])
        event, explanation, _ = self.decide(body, "red-flag")
        self.assertEqual((event["kind"], event["reason"]), ("returned", "red-flag"))
        self.assertTrue(explanation["urgent"])
        self.assertIn("emergency department now", explanation["words"])

    def test_f_a_fall_back_that_nobody_can_take_comes_back_with_both_reasons(self):
        """Last, for it takes the one who sees minor illness out of the directory."""
        self.load((CLINICAL, "ME14 1AA", "clinical-pathway", False), replace=True)
        body = with_changes(
            example("pharmacy-first", "valid-1"), patient__sex="male", nominated_provider=CLINICAL
        )

        def returned():
            returned.number += 1
            event, explanation, _ = self.decide(body, f"nobody-{returned.number}")
            return (event, explanation) if event["kind"] != "routed" else None

        returned.number = 0
        event, explanation = wait_until(returned, 30, "nobody left for minor illness")
        self.assertEqual((event["kind"], event["reason"]), ("returned", "no-provider"))
        self.assertEqual(explanation["fell_back_from"], "clinical-pathway")
        self.assertEqual(explanation["rules_reason"], "sex-not-eligible")
        self.assertIn("another way", explanation["words"])
        report = self.stack.settle()
        self.assertEqual(report["total"]["refused"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
