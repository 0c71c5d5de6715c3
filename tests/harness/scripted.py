# SPDX-License-Identifier: Apache-2.0
"""A directory of invented providers for tests in which each plays a part of its own."""

import random
import time
import uuid

import avro
import confluent_kafka
import generate
import oracle
from stack import wait_until


def row(schemas, places, code, pathway, district, url, east=0, **columns):
    """A line of the directory: a provider of all that the pathway offers, `east` metres from the
    middle of the district."""
    pharmacy = pathway in generate.PHARMACY_PATHWAYS
    easting, northing = places[district]
    return {
        **dict.fromkeys(generate.COLUMNS, ""),
        "ods_code": code,
        "name": f"Invented {code}",
        "kind": "pharmacy" if pharmacy else "community-provider",
        "hcp": "West Kent",
        "easting": easting + east,
        "northing": northing,
        "services": " ".join(generate.services_of(schemas, pathway)),
        "distance_selling": "false",
        "paused": "false",
        "format": "json",
        "endpoint_url": url,
        **columns,
    }


def apart(places, count):
    """Districts of which no two are nearer than 5 km."""
    chosen = {}
    for district, (east, north) in sorted(places.items()):
        if all((east - e) ** 2 + (north - n) ** 2 > 5000**2 for e, n in chosen.values()):
            chosen[district] = (east, north)
    if len(chosen) < count:
        raise RuntimeError(f"{count} districts apart are needed, {len(chosen)} were found")
    return list(chosen)


def load(stack, rows):
    path = stack.dir / "providers.csv"
    generate.write_directory(rows, path)
    stack.ctl("providers", "load", path)


def load_in(stack, receiver, district, *providers):
    """Providers of one district, all at the receiver: (code, pathway, metres east of it)."""
    places = generate.districts(stack.schemas)
    load(
        stack,
        [
            row(stack.schemas, places, code, pathway, district, receiver.url(code), east)
            for code, pathway, east in providers
        ],
    )


def post(stack, body, key, headers=None):
    """The id of the accepted referral."""
    status, _, document = stack.post(body, key.replace(" ", "-"), headers)
    if status != 202:
        raise RuntimeError(f"{key}: {status} {document}")
    return document["id"]


def produce(stack, body, nominated):
    """One referral per entry of `nominated` (a provider's code, or None), as a trusted producer of
    its own writes them; the ids."""
    schema = avro.composed(stack.schemas, body["pathway"])
    encode = oracle.encoder(schema)
    body = avro.with_defaults(schema, {**body, "id": "", "accepted_at": int(time.time() * 1000)})
    pick = random.Random(f"{body['pathway']}-{len(nominated)}")
    ids = [str(uuid.UUID(int=pick.getrandbits(128), version=4)) for _ in nominated]
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": stack.bootstrap,
            "acks": "all",
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 2 * len(ids),
        }
    )
    for one, code in zip(ids, nominated):
        value = encode({**body, "id": one, "nominated_provider": code})
        producer.produce(f"referrals.{body['pathway']}", key=one, value=value)
        producer.poll(0)
    if producer.flush(180) != 0:
        raise RuntimeError("not all of them were stored")
    return ids


def routable(generator, pathway):
    """A body that the rules send to a provider."""
    return generator.body(
        pathway,
        lambda body: not body["details"].get("red_flags")
        and body["source"]["kind"] in ("gp-practice", "self"),
    )


def events_to_the_end(stack, referral_id, timeout=40):
    """All of its events in order, once it is delivered or returned."""

    def ended():
        events = [e for e in oracle.events(stack) if e["referral_id"] == referral_id]
        return events if {e["kind"] for e in events} & {"delivered", "returned"} else None

    return wait_until(ended, timeout, f"the end of {referral_id}")
