# SPDX-License-Identifier: Apache-2.0
"""Made-up lives of referrals as events, what they add up to, and a producer that writes them to
referral.events in transactions, some of which are aborted. Independent of our C code."""

import datetime
import random
import threading
import uuid

import confluent_kafka
import confluent_kafka.admin

import oracle

UTC = datetime.timezone.utc
# the kinds of a life, and the state that it ends in
LIVES = [
    (["received", "routed", "attempted", "delivered"], "delivered"),
    (["received", "routed", "attempted", "delivered", "accepted", "completed"], "completed"),
    (["received", "routed", "attempted", "attempted", "returned"], "returned"),
    (["received", "recorded"], "recorded"),
    (["received", "duplicate", "routed", "cancelled"], "cancelled"),
    (["refused"], "refused"),
    (["received", "routed", "delivered", "declined"], "declined"),
]
PATHWAYS = ["pharmacy-first", "blood-pressure", "msk", "audiology"]


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


class Lives:
    """Events of `count` referrals from a seed. `ends` is referral id -> state."""

    def __init__(self, seed, count, now=None):
        self.random = random.Random(seed)
        self.now = now or datetime.datetime.now(UTC)
        self.events, self.ends = [], {}
        for _ in range(count):
            self._life()

    def _moment(self):
        """Mostly recent; a few before the aggregator's window; many near midnight in London."""
        days = self.random.choice([0, 0, 0, 1, 2, 10, 30, 44])
        if self.random.random() < 0.01:
            days = self.random.choice([60, 61, 200])
        day = self.now.astimezone(oracle.LONDON).date() - datetime.timedelta(days=days)
        seconds = self.random.choice([0, 1, 3599, 3600, 43200, 82799, 82800, 86399])
        midnight = datetime.datetime.combine(day, datetime.time(), oracle.LONDON)
        moment = midnight.astimezone(UTC) + datetime.timedelta(seconds=seconds)
        return min(moment, self.now)

    def _life(self):
        pick = self.random
        kinds, end = pick.choice(LIVES)
        referral_id = str(uuid.UUID(int=pick.getrandbits(128), version=4))
        accepted = self._moment()
        self.ends[referral_id] = end
        fields = {
            "referral_id": referral_id,
            "correlation_id": referral_id,
            "accepted_at": milliseconds(accepted),
            "deadline_at": milliseconds(accepted + datetime.timedelta(days=1)),
            "pathway": pick.choice(PATHWAYS),
            "service": pick.choice(["clinical", "minor-illness", None]),
            "source_kind": pick.choice(["gp-practice", "utc", "self"]),
            "source_ods": "G82001",
            "hcp": pick.choice(["West Kent", "East Kent"]),
            "pcn": pick.choice(["Malling", "Deal & Sandwich", None]),
            "hop": 0,
        }
        provider = pick.choice(["FA001", "FA002", "RPG"])
        for number, kind in enumerate(kinds):
            known = kind not in ("received", "refused", "duplicate", "recorded")
            occurred = accepted + datetime.timedelta(seconds=number * 30)
            self.events.append(
                {
                    **fields,
                    "id": str(uuid.UUID(int=pick.getrandbits(128), version=4)),
                    "kind": kind,
                    "occurred_at": milliseconds(occurred),
                    "recorded_at": milliseconds(occurred) + 5,
                    "destination": provider if known else None,
                    "attempt": number if kind == "attempted" else 0,
                    "reason": "no-provider" if kind in ("returned", "refused") else None,
                    "result": "http-500" if kind == "attempted" else None,
                    "explanation": '{"rule":"nearest"}' if kind == "routed" else None,
                }
            )


def produce(stack, events, batch=100, between=lambda: None):
    """In transactions of `batch` events; before every fifth one a transaction that is aborted."""
    encode = oracle.encoder(oracle.message_schema(stack.schemas, "event"))
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": stack.bootstrap,
            "transactional.id": f"lives-{uuid.uuid4()}",
            "partitioner": "murmur2_random",
            "linger.ms": 0,
        }
    )
    producer.init_transactions(90)

    def send(some):
        producer.begin_transaction()
        for event in some:
            producer.produce(
                "referral.events", key=event["referral_id"], value=encode(event)
            )

    for number, start in enumerate(range(0, len(events), batch)):
        some = events[start : start + batch]
        if number % 5 == 0:
            send([{**event, "id": str(uuid.uuid4())} for event in some])
            producer.flush(90)
            producer.abort_transaction(90)
        send(some)
        producer.commit_transaction(90)
        between()


class Background(threading.Thread):
    """produce() beside the test; `with` waits for its end and raises what it raised."""

    def __init__(self, *arguments, **named):
        super().__init__()
        self.arguments, self.named, self.error = arguments, named, None

    def run(self):
        try:
            produce(*self.arguments, **self.named)
        except Exception as error:  # handed to the test in __exit__
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.join(360)
        if self.error:
            raise self.error


def make_topics(stack, events=4, volumes=3):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": stack.bootstrap})
    compact = {"cleanup.policy": "compact"}
    made = admin.create_topics(
        [
            confluent_kafka.admin.NewTopic("referral.events", events, 1),
            confluent_kafka.admin.NewTopic("volumes.daily", volumes, 1, config=compact),
        ]
    )
    for future in made.values():
        future.result(90)
