# SPDX-License-Identifier: Apache-2.0
"""Kent and Medway for the demo: partnerships, networks, and the postcode districts that each
covers, roughly."""

PARTNERSHIPS = {
    "Dartford Gravesham & Swanley": {
        "districts": ("DA1", "DA2", "DA3", "DA4", "DA9", "DA10", "DA11", "DA12", "DA13", "BR8"),
        "networks": (
            "Dartford Central",
            "Dartford MODEL",
            "Garden City",
            "Gravesend Alliance",
            "Gravesend Central",
            "LMN",
            "Swanley & Rural",
        ),
    },
    "West Kent": {
        "districts": (
            "TN1",
            "TN2",
            "TN3",
            "TN4",
            "TN9",
            "TN10",
            "TN11",
            "TN12",
            "TN13",
            "TN14",
            "TN15",
            "TN17",
            "TN18",
            "ME14",
            "ME15",
            "ME16",
            "ME17",
            "ME18",
            "ME19",
            "ME20",
        ),
        "networks": (
            "ABC",
            "Athena",
            "Maidstone Central",
            "Malling",
            "Sevenoaks",
            "The Ridge",
            "Tonbridge",
            "Tunbridge Wells",
            "Weald",
        ),
    },
    "Medway & Swale": {
        "districts": (
            "ME1",
            "ME2",
            "ME3",
            "ME4",
            "ME5",
            "ME7",
            "ME8",
            "ME9",
            "ME10",
            "ME11",
            "ME12",
        ),
        "networks": (
            "Aspire Health",
            "Gillingham South",
            "Medway Central",
            "Medway Peninsula",
            "Medway Rainham",
            "Medway South",
            "Medway Valley",
            "MPA",
            "Sheppey",
            "Sittingbourne",
            "Strood",
        ),
    },
    "East Kent": {
        "districts": (
            "CT1",
            "CT2",
            "CT3",
            "CT4",
            "CT5",
            "CT6",
            "CT7",
            "CT8",
            "CT9",
            "CT10",
            "CT11",
            "CT12",
            "CT13",
            "CT14",
            "CT15",
            "CT16",
            "CT17",
            "CT18",
            "CT19",
            "CT20",
            "CT21",
            "TN23",
            "TN24",
            "TN25",
            "TN26",
            "TN27",
            "TN28",
            "TN29",
            "TN30",
            "ME13",
        ),
        "networks": (
            "Ashford Medical Partnership",
            "Ashford Rural",
            "Canterbury North",
            "Canterbury South",
            "CARE Kent",
            "Deal & Sandwich",
            "Dover Town",
            "Folkestone, Hythe & Rural",
            "Herne Bay",
            "Margate & Mocketts Wood",
            "Mid Kent",
            "Ramsgate",
            "Total Health Excellence East",
            "The Marsh",
            "Total Health Excellence West",
            "Whitstable",
        ),
    },
}

# A day in the real proportions (107,458 Pharmacy First in eight months, of which 40 % clinical
# pathways, and so on).
DAY = {"pharmacy-first": 440, "blood-pressure": 209, "contraception": 27, "self-referral": 348}
CLINICAL_SHARE = 0.40
GATEWAY_FAILED_SHARE = 0.1  # invented, so that a day shows a fall-back
SELF_REFERRAL = {
    "msk": 40,
    "audiology": 12,
    "weight-management": 12,
    "podiatry": 16,
    "wheelchair": 4,
    "equipment": 8,
    "falls": 8,
}  # shares of 100

# Sign-up of the area's pharmacies to each service.
SIGN_UP = {
    "clinical-pathway": 0.97,
    "minor-illness": 0.97,
    "urgent-supply": 0.97,
    "blood-pressure-check": 0.92,
    "ambulatory-monitoring": 0.92,
    "contraception": 0.82,
    "emergency-contraception": 0.82,
}
PHARMACIES = 300
PRACTICES = 177
PRACTICES_WITHOUT_NETWORK = 4

# The mix within a day, for the demo.
OTHER_STRANDS = ("minor-illness",) * 9 + ("urgent-supply",)
RED_FLAG_SHARE = 0.02
ADULT_CONDITIONS = (
    ("uncomplicated-uti", "1090711000000102", "Pain on passing urine since yesterday, invented"),
    ("acute-sore-throat", "363746003", "Sore throat for three days, invented"),
    ("acute-sinusitis", "15805002", "Blocked and painful face for a week, invented"),
    ("infected-insect-bite", "262550002", "Red and hot bite on the arm, invented"),
    ("shingles", "4740000", "Painful rash on one side since yesterday, invented"),
    ("impetigo", "48277006", "Two crusted sores, invented"),
    ("acute-otitis-media", "3110003", "Earache of an adult, invented"),  # falls back
)
