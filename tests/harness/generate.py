# SPDX-License-Identifier: Apache-2.0
"""A seeded generator: a directory for Kent and Medway and a day of referrals. No real person,
pharmacy or practice: NHS numbers come from the 999 range, which is never issued; names are plainly
invented; phones are Ofcom's drama numbers.

What is asked about a pathway comes from its own folder: a body starts as one of its valid examples.
"""

import copy
import csv
import datetime
import json
import pathlib
import random

import area

FAMILY_NAMES = (
    "Testwell",
    "Samplewood",
    "Mockford",
    "Fictionby",
    "Placeholder",
    "Specimenson",
    "Exampleton",
    "Dummyfield",
    "Pretendham",
    "Inventson",
)
GIVEN_NAMES = (
    "Ada-Test",
    "Ben-Sample",
    "Cleo-Mock",
    "Dev-Fiction",
    "Eve-Example",
    "Fay-Pretend",
    "Gus-Dummy",
    "Hal-Invented",
    "Ivy-Specimen",
    "Jon-Placeholder",
)
COLUMNS = (
    "ods_code",
    "name",
    "kind",
    "hcp",
    "pcn",
    "postcode",
    "easting",
    "northing",
    "services",
    "distance_selling",
    "paused",
    "hours",
    "endpoint_url",
    "format",
    "secret",
    "certificate",
    "dos_service_id",
)
PHARMACY_PATHWAYS = ("pharmacy-first", "blood-pressure", "contraception")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def nhs_number(rng):
    """A number of the 999 range with its check digit (weights 10 to 2, modulus 11)."""
    while True:
        digits = "999" + f"{rng.randrange(10**6):06d}"
        check = 11 - sum(int(d) * w for d, w in zip(digits, range(10, 1, -1))) % 11
        if check != 10:
            return digits + str(check % 11)


def districts(schemas):
    """District -> (easting, northing), from the table that ships."""
    places = {}
    for path in sorted(pathlib.Path(schemas, "places").glob("*-districts.csv")):
        lines = [
            line for line in path.read_text().splitlines() if line and not line.startswith("#")
        ]
        for row in csv.DictReader(lines):
            places[row["district"]] = (int(row["easting"]), int(row["northing"]))
    return places


def postcode(rng, district):
    return f"{district} {rng.randrange(1, 10)}{rng.choice('ABDEFGHJ')}{rng.choice('ABDEFGHJ')}"


def self_referral_pathways(schemas):
    return sorted(
        p.name
        for p in pathlib.Path(schemas, "pathways").iterdir()
        if p.is_dir() and p.name not in PHARMACY_PATHWAYS
    )


def services_of(schemas, pathway):
    document = json.loads(pathlib.Path(schemas, "pathways", pathway, "pathway.json").read_text())
    return [entry["service"] for entry in document["services"]]


def directory(seed, schemas, url):
    """About 300 pharmacies, and providers of every other pathway in each partnership; url(code) is
    an endpoint."""
    rng = random.Random(f"directory-{seed}")
    places = districts(schemas)
    rows = []
    networks = [
        (hcp, pcn, facts["districts"])
        for hcp, facts in area.PARTNERSHIPS.items()
        for pcn in facts["networks"]
    ]

    def row(code, name, kind, hcp, pcn, district, services, distance_selling=False):
        easting, northing = places[district]
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    (
                        code,
                        name,
                        kind,
                        hcp,
                        pcn,
                        postcode(rng, district),
                        easting + rng.randrange(-900, 900),
                        northing + rng.randrange(-900, 900),
                        " ".join(services),
                        "true" if distance_selling else "false",
                        "false",
                        "",
                        url(code),
                        "json",
                        "",
                    ),
                )
            )
        )

    for number in range(area.PHARMACIES):
        hcp, pcn, covered = networks[number % len(networks)]
        code = f"F{LETTERS[number // 576]}{LETTERS[number // 24 % 24]}{number % 24 + 10}"
        services = []
        for pathway in PHARMACY_PATHWAYS:
            joined = rng.random()
            services += [
                s for s in services_of(schemas, pathway) if joined < area.SIGN_UP.get(s, 0.9)
            ]
        district = rng.choice([d for d in covered if d in places])
        row(
            code,
            f"Invented Pharmacy {number + 1}",
            "pharmacy",
            hcp,
            pcn,
            district,
            services,
            distance_selling=number % 60 == 59,
        )
    for pathway in self_referral_pathways(schemas):
        for index, (hcp, facts) in enumerate(area.PARTNERSHIPS.items()):
            code = f"R{pathway[:2].upper()}{index}{len(rows) % 10}"
            district = [d for d in facts["districts"] if d in places][index]
            row(
                code,
                f"Invented {pathway.replace('-', ' ').title()} Service {index + 1}",
                "community-provider",
                hcp,
                "",
                district,
                services_of(schemas, pathway),
            )
    return rows


def write_directory(rows, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


class Generator:
    """Bodies of POSTs, one after another, always the same for one seed."""

    def __init__(self, seed, schemas):
        self.rng = random.Random(f"referrals-{seed}")
        self.schemas = pathlib.Path(schemas)
        self.places = districts(schemas)
        self.examples = {}
        for folder in sorted(self.schemas.joinpath("pathways").iterdir()):
            if folder.is_dir():
                self.examples[folder.name] = [
                    json.loads(path.read_text())
                    for path in sorted(folder.glob("examples/valid-*.json"))
                ]
        self.practices = self._practices()
        self.flagged = {
            name
            for name in self.examples
            if '"red_flags"' in self.schemas.joinpath("pathways", name, "referral.avsc").read_text()
        }

    def _practices(self):
        """Practice code -> (hcp, pcn, districts); four belong to no network."""
        networks = [
            (hcp, pcn, facts["districts"])
            for hcp, facts in area.PARTNERSHIPS.items()
            for pcn in facts["networks"]
        ]
        practices = []
        for number in range(area.PRACTICES):
            hcp, pcn, covered = networks[number % len(networks)]
            lone = number >= area.PRACTICES - area.PRACTICES_WITHOUT_NETWORK
            practices.append((f"G82{number + 700:03d}", hcp, None if lone else pcn, covered))
        return practices

    def body(self, pathway, suits=lambda body: True):
        """One referral of the pathway, to be delivered (no walk-in), from an example that suits."""
        rng = self.rng
        choices = [
            b for b in self.examples[pathway] if b["source"]["kind"] != "walk-in" and suits(b)
        ]
        body = copy.deepcopy(rng.choice(choices))
        practice, hcp, pcn, covered = rng.choice(self.practices)
        source = body["source"]
        if source["kind"] == "gp-practice":
            source["ods_code"] = practice
        source.update(hcp=hcp, pcn=pcn)
        for name in ("pcn", "hcp"):
            if source[name] is None:
                del source[name]
        patient = body["patient"]
        patient["given_name"] = rng.choice(GIVEN_NAMES)
        patient["family_name"] = rng.choice(FAMILY_NAMES)
        patient["gp_practice"] = practice
        if rng.random() < 0.95:
            patient["nhs_number"] = nhs_number(rng)
            patient["nhs_number_status"] = "number-present-and-verified"
        else:
            patient.pop("nhs_number", None)
            patient["nhs_number_status"] = "number-not-present"
        patient["postcode"] = (
            "ZZ99 3VZ" if rng.random() < 0.01 else postcode(rng, rng.choice(covered))
        )
        born = datetime.date.fromisoformat(patient["date_of_birth"])
        patient["date_of_birth"] = (born - datetime.timedelta(days=rng.randrange(300))).isoformat()
        patient["contacts"] = [
            {"relationship": "patient", "phone": f"07700 900{rng.randrange(1000):03d}", "rank": 1}
        ]
        body.pop("nominated_provider", None)
        body.pop("authored_at", None)  # the examples were written on a day of their own
        return body

    def day(self, share=1.0):
        """A day in the real proportions, shuffled: [(idempotency key, body)]."""
        rng = self.rng
        plan = []
        for pathway in PHARMACY_PATHWAYS:
            plan += [pathway] * round(area.DAY[pathway] * share)
        present = {
            name: weight for name, weight in area.SELF_REFERRAL.items() if name in self.examples
        }
        for name, weight in present.items():
            plan += [name] * max(
                1, round(area.DAY["self-referral"] * share * weight / sum(present.values()))
            )
        rng.shuffle(plan)
        return [
            (f"demo-{number}-{rng.randrange(10**9)}", self.one(pathway))
            for number, pathway in enumerate(plan)
        ]

    def one(self, pathway):
        """As `body`, with the mix of a day: conditions in turn, now and then a red flag."""
        if pathway == "pharmacy-first":
            clinical = self.rng.random() < area.CLINICAL_SHARE
            strand = "clinical-pathway" if clinical else self.rng.choice(area.OTHER_STRANDS)
            body = self.body(pathway, lambda b: b["details"].get("strand") == strand)
            if body["details"].get("condition") == "uncomplicated-uti":
                condition, code, complaint = self.rng.choice(area.ADULT_CONDITIONS)
                body["details"].update(
                    condition=condition, condition_code=code, presenting_complaint=complaint
                )
                if self.rng.random() < area.GATEWAY_FAILED_SHARE:
                    body["details"].update(condition="shingles", duration_days=9)
                    del body["details"]["condition_code"]
        else:
            body = self.body(pathway)
        if pathway in self.flagged and self.rng.random() < area.RED_FLAG_SHARE:
            body["details"]["red_flags"] = ["other"]
        return body
