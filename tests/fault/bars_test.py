# SPDX-License-Identifier: Apache-2.0
"""A provider that speaks BaRS: what it is sent, held against NHS England's own examples where they
are at hand (../shared/data/bars), and what becomes of its answers."""

import base64
import collections
import datetime
import json
import os
import pathlib
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import SOURCE_DIR, Stack, wait_until  # noqa: E402

EXAMPLES = pathlib.Path(os.environ.get("BARS_EXAMPLES", SOURCE_DIR / ".." / "shared/data/bars"))
OURS, THEIRS, REFERRER = 2000099999, 2000011147, "G82904"
# The MessageDefinition of a referral: (least, most) of each type.
CARDINALITY = {
    "MessageHeader": (1, 1),
    "ServiceRequest": (1, 1),
    "Patient": (1, 1),
    "Encounter": (1, 1),
    "CarePlan": (1, 1),
    "Condition": (1, 99),
    "Task": (1, 99),
    "Organization": (2, 99),
    "Practitioner": (1, 99),
    "PractitionerRole": (1, 99),
    "HealthcareService": (1, 99),
    "Consent": (1, 99),
    "Location": (0, 99),
    "Device": (0, 1),
    **dict.fromkeys(("Observation", "MedicationStatement", "AllergyIntolerance"), (0, 99)),
}
# What an example has and a referral of ours need not have: what nobody told us (a street, a
# religion, a professional's number), and what is optional in the guide.
NOT_OURS = (
    "MessageHeader.extension",
    "MessageHeader.source.contact",
    "Patient.extension",
    "Patient.name.text",
    "Patient.name.prefix",
    "Patient.address.",
    "Patient.contact.name",
    "Patient.contact.gender",
    "Patient.contact.telecom.use",
    "Patient.contact.relationship.coding.display",
    "Patient.communication",
    "Patient.identifier.extension.valueCodeableConcept.coding.display",
    "Practitioner.identifier",
    "Practitioner.name.",
    "Practitioner.telecom",
    "PractitionerRole.code",
    "PractitionerRole.specialty",
    "Condition.onsetDateTime",
    "Condition.id",
    "Task.id",
    "Organization.telecom",
)


AS_REFERRER = {"kind": "referrer", "services": ""}
# What a response has that says a patient did not attend (Application 1's, to an emergency
# department), and a return has not: it has nothing of the patient, and nobody has seen one.
NOT_RETURNED = (
    "Appointment.",
    "CarePlan.",
    "Consent.",
    "Flag.",
    "HealthcareService.",
    "MessageHeader.extension",
    "MessageHeader.source.contact",
    "Observation.",
    "Practitioner",
    "ServiceRequest.patientInstruction",
    *(f"Patient.{name}" for name in ("address", "birthDate", "communication", "contact")),
    *(f"Patient.{name}" for name in ("extension", "gender", "generalPractitioner", "identifier")),
    *(f"Patient.{name}" for name in ("managingOrganization", "name")),
    "Encounter.reasonReference",
)


def outcome(code):
    issue = {"severity": "error", "code": code}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


# What the first provider answers, attempt by attempt.
CASES = {
    "200": (Answer(200),),
    "duplicate": (Answer(409, body=outcome("duplicate")),),
    "conflict": (Answer(409, body=outcome("conflict")),),
    "refused": (Answer(422, body=outcome("not-supported")),),
    "in between": (Answer(404, body=b"<html>no such page</html>"), Answer(200)),
    "too early": (Answer(425, body=outcome("duplicate")), Answer(200)),
    "timeout": (Answer(408, body=outcome("timeout")), Answer(200)),
    "throttled": (Answer(429, body=outcome("throttled")), Answer(200)),
    "unavailable": (Answer(503, body=outcome("transient")), Answer(200)),
}
HERE = {"200": 1, "duplicate": 1}  # attempts until it is delivered there; of others 2
ELSEWHERE = ("conflict", "refused")


def resources(bundle):
    return [entry["resource"] for entry in bundle["entry"]]


def paths(value, path):
    """Every element under it, by its name, without positions."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, path)
    else:
        yield path


def elements(bundle):
    return {path for one in resources(bundle) for path in paths(one, one["resourceType"])}


def references(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


class Bars(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_DOS_SERVICE_ID": str(OURS),
                    "DISPATCHER_RETRY_FIRST_MS": "200",
                    "DISPATCHER_RETRY_MOST_MS": "400",
                    "DISPATCHER_HOP_LIMIT_MS": "300000",  # nobody waits for it
                }
            )
        )
        cls.generator = generate.Generator(1, cls.stack.schemas)
        places = cls.generator.places
        rows, cls.codes = [], {}
        for number, (name, script) in enumerate(CASES.items()):
            cls.codes[name] = f"FBA{number:02d}"
            cls.receiver.script(cls.codes[name], *script)
        for code, columns in [
            *((code, {"format": "bars", "dos_service_id": THEIRS}) for code in cls.codes.values()),
            ("FBZ99", {}),
            (REFERRER, {"format": "bars", "dos_service_id": THEIRS, **AS_REFERRER}),
        ]:
            district = sorted(places)[0]
            url = cls.receiver.url(code)
            rows.append(
                scripted.row(
                    cls.stack.schemas, places, code, "pharmacy-first", district, url, **columns
                )
            )
        scripted.load(cls.stack, rows)
        cls.stack.start()
        cls.bodies, cls.ids = {}, {}
        for name in CASES:
            body = cls.generator.body("pharmacy-first", cls.suits)
            body["consent"]["contact"] = True
            body["patient"].update(
                nhs_number=generate.nhs_number(cls.generator.rng),
                nhs_number_status="number-present-and-verified",
            )
            body["nominated_provider"] = cls.codes[name]
            cls.bodies[name] = body
            cls.ids[name] = scripted.post(cls.stack, body, name)

    @staticmethod
    def suits(body):
        details = body["details"]
        return (
            body["source"]["kind"] == "gp-practice"
            and details["strand"] == "minor-illness"
            and not details.get("red_flags")
        )

    def came(self, name, timeout=40):
        """All requests of a case at its first provider, once it has come to its end."""
        self.events = scripted.events_to_the_end(self.stack, self.ids[name], timeout)
        return [
            request
            for request in self.receiver.snapshot()
            if request.provider == self.codes[name] and self.ids[name].encode() in request.body
        ]

    def bundle(self):
        return json.loads(self.came("200")[0].body)

    def test_what_becomes_of_each_answer(self):
        for name in CASES:
            with self.subTest(name):
                requests = self.came(name)
                delivered = [e["destination"] for e in self.events if e["kind"] == "delivered"]
                if name in ELSEWHERE:
                    self.assertEqual(len(requests), 1)
                    self.assertNotIn(self.codes[name], delivered)
                else:
                    self.assertEqual(delivered, [self.codes[name]])
                    self.assertEqual(len(requests), HERE.get(name, 2))

    def test_each_attempt_is_the_same_message(self):
        first, second = self.came("unavailable")
        self.assertEqual(first.body, second.body)
        for name in ("x-request-id", "x-correlation-id", "nhsd-target-identifier", "use-context"):
            self.assertEqual(first.headers[name], second.headers[name])

    def test_the_headers_are_those_of_the_national_api(self):
        headers = self.came("200")[0].headers
        self.assertRegex(headers["content-type"], r"^application/fhir\+json; version=1\.\d")
        self.assertEqual(headers["accept"], headers["content-type"])
        self.assertEqual(
            json.loads(base64.b64decode(headers["nhsd-target-identifier"], validate=True)),
            {"value": str(THEIRS), "system": "https://fhir.nhs.uk/Id/dos-service-id"},
        )
        organisation = json.loads(base64.b64decode(headers["nhsd-end-user-organisation"]))
        self.assertEqual(organisation["resourceType"], "Organization")
        self.assertEqual(
            organisation["identifier"][0]["value"], self.bodies["200"]["source"]["ods_code"]
        )
        device = json.loads(base64.b64decode(headers["nhsd-requesting-software"]))
        self.assertEqual(device["resourceType"], "Device")
        self.assertEqual(headers["use-context"], "a5t1|referral|servicerequest-request|new")
        for name in ("x-request-id", "x-correlation-id"):
            self.assertEqual(str(uuid.UUID(headers[name])), headers[name])

    def test_the_message_has_what_its_definition_asks_for_and_nothing_else(self):
        bundle = self.bundle()
        self.assertEqual((bundle["resourceType"], bundle["type"]), ("Bundle", "message"))
        self.assertEqual(resources(bundle)[0]["resourceType"], "MessageHeader")
        counts = collections.Counter(one["resourceType"] for one in resources(bundle))
        for kind, (least, most) in CARDINALITY.items():
            self.assertTrue(least <= counts[kind] <= most, (kind, counts[kind]))
        self.assertEqual(set(counts) - set(CARDINALITY), set())
        self.assertTrue(all(one["meta"]["lastUpdated"] for one in resources(bundle)))

    def test_every_reference_leads_to_a_resource_of_the_message(self):
        bundle = self.bundle()
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        self.assertEqual(len(urls), len(set(urls)))
        journeys = {one for one in references(bundle) if one.startswith("EpisodeOfCare/")}
        self.assertEqual(set(references(bundle)) - journeys - set(urls), set())

    def test_the_patient_and_the_time_are_those_of_the_referral(self):
        by_type = {one["resourceType"]: one for one in resources(self.bundle())}
        body, patient = self.bodies["200"]["patient"], by_type["Patient"]
        self.assertEqual(patient["name"][0]["family"], body["family_name"])
        self.assertEqual(patient["birthDate"], body["date_of_birth"])
        sent = [one["value"] for one in patient.get("identifier", [])]
        self.assertEqual(sent, [body["nhs_number"]] if "nhs_number" in body else [])
        accepted = [e for e in self.events if e["kind"] == "delivered"][0]
        period = by_type["ServiceRequest"]["occurrencePeriod"]
        at = datetime.datetime.fromtimestamp(accepted["accepted_at"] / 1000, datetime.timezone.utc)
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.assertEqual(period["start"], stamp)
        self.assertLess(period["start"], period["end"])

    def returned(self):
        """The message to a referrer whose referral nobody could take: there is no provider."""
        body = scripted.routable(self.generator, "msk")
        body["source"] = {**body["source"], "kind": "gp-practice", "ods_code": REFERRER}
        one = scripted.post(self.stack, body, "returned")

        def noticed():
            events = [e for e in oracle.events(self.stack) if e["referral_id"] == one]
            return [e for e in events if e["kind"] == "noticed"]

        (event,) = wait_until(noticed, 40, "the referrer is told")
        self.assertEqual((event["reason"], event["result"]), (None, "http-200"))
        came = [r for r in self.receiver.snapshot() if r.provider == REFERRER]
        self.assertEqual(len(came), 1)
        return one, body, came[0]

    def test_a_referrer_is_told_of_a_return_by_a_response(self):
        one, body, request = self.returned()
        bundle = json.loads(request.body)
        counts = collections.Counter(one["resourceType"] for one in resources(bundle))
        self.assertEqual(
            counts,
            dict(MessageHeader=1, ServiceRequest=1, Encounter=2, Patient=1, Organization=2),
        )
        self.assertEqual(set(resources(bundle)[4]), {"resourceType", "meta"})
        self.assertEqual(resources(bundle)[0]["response"]["identifier"], one)
        self.assertNotIn(body["patient"]["family_name"].encode(), request.body)
        self.assertEqual(request.headers["use-context"], "msk|referral|servicerequest-response|new")
        self.assertTrue(request.headers["webhook-signature"])
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        journeys = {one for one in references(bundle) if one.startswith("EpisodeOfCare/")}
        self.assertEqual(set(references(bundle)) - journeys - set(urls), set())
        path = EXAMPLES / "refresp01-dna-feedback-response.json"
        if not path.exists():
            self.skipTest(f"NHS England's examples are not at {EXAMPLES}")
        example = json.loads(path.read_text())
        theirs = {one for one in elements(example) if not one.startswith(NOT_RETURNED)}
        theirs = {one for one in theirs if not one.endswith(".id")}
        self.assertEqual(theirs - elements(bundle), set())
        for kind, name in (
            ("MessageHeader", "eventCoding"),
            ("MessageHeader", "reason"),
            ("MessageHeader", "definition"),
            ("ServiceRequest", "status"),
            ("ServiceRequest", "intent"),
        ):
            ours, official = (
                next(one for one in resources(each) if one["resourceType"] == kind)[name]
                for each in (bundle, example)
            )
            self.assertEqual(ours, official, (kind, name))

    def test_it_has_the_elements_of_the_official_example(self):
        path = EXAMPLES / "refreq03-gp-to-pharmacy-pharmacy-first-a5t1.json"
        if not path.exists():
            self.skipTest(f"NHS England's examples are not at {EXAMPLES}")
        example, ours = json.loads(path.read_text()), self.bundle()
        theirs = {one for one in elements(example) if not one.startswith(NOT_OURS)}
        self.assertEqual(theirs - elements(ours), set())
        kinds = {one["resourceType"] for one in resources(example)}
        self.assertEqual(kinds - {one["resourceType"] for one in resources(ours)}, set())

        def codes(bundle, kind, *names):
            one = next(one for one in resources(bundle) if one["resourceType"] == kind)
            for name in names:
                one = one[name][0] if isinstance(one[name], list) else one[name]
            return {key: one[key] for key in ("system", "code") if key in one}

        for place in (
            ("MessageHeader", "eventCoding"),
            ("MessageHeader", "reason", "coding"),
            ("ServiceRequest", "category", "coding"),
            ("Encounter", "class"),
            ("Condition", "category", "coding"),
            ("Consent", "category", "coding"),
            ("Consent", "policyRule", "coding"),
        ):
            self.assertEqual(codes(ours, *place), codes(example, *place), place)


if __name__ == "__main__":
    unittest.main(verbosity=2)
