# SPDX-License-Identifier: Apache-2.0
"""What the dispatcher does beside providers that hang, with a million deliveries pending, and with
nothing to do. Records go straight to `deliveries`, without a router."""

import os
import random
import resource
import signal
import statistics
import string
import subprocess
import time

import avro
import confluent_kafka
import generate
import oracle
from confluent_kafka.admin import AdminClient, NewTopic
from measure import ROUNDS, Sink, cpu_seconds, england, metric, peak_mib, ratio_line, tool
from stack import BIN_DIR, Stack, wait_until

HEALTHY = int(os.environ.get("HEALTHY", "38000"))  # deliveries to 190 healthy endpoints
HUNG = int(os.environ.get("HUNG", "8000"))  # POSTs under way to a black hole
PENDING = int(os.environ.get("PENDING", "1000000"))
SAMPLES = int(os.environ.get("SAMPLES", "300"))  # of the time from record to POST
RECORD_BYTES = 900  # of a Delivery, as in bench_core; without its notes it is one of 500 to 700
FILES_BESIDE = 4000  # descriptors that a process needs beside those that hang
MILLION = 1000000
DAY_MS = 86400000
MARKER = "11111111-2222-4333-8444-555555555555"
NOBODY = "F~~00"  # as long as a code


def record(stack, notes):
    """A Delivery for NOBODY."""
    now = int(time.time() * 1000)
    schema = avro.composed(stack.schemas, "blood-pressure")
    body = generate.Generator(1, stack.schemas).body("blood-pressure")
    referral = {**body, "id": MARKER, "accepted_at": now, "notes": notes}
    value = {
        "id": MARKER,
        "referral_id": MARKER,
        "pathway": "blood-pressure",
        "service": "blood-pressure-check",
        "source_kind": body["source"]["kind"],
        "destination": NOBODY,
        "accepted_at": now,
        "created_at": now,
        "deadline_at": now + 3 * DAY_MS,
        "next_attempt_at": now,
        "payload": oracle.encode(schema, avro.filled(schema, referral)),
    }
    schema = oracle.message_schema(stack.schemas, "delivery")
    return oracle.encode(schema, avro.filled(schema, value))


class Deliveries:
    """Makes records of `deliveries` from one that an independent encoder made: the id changes in
    each, and of the notes there are `different` ones for each destination."""

    def __init__(self, stack, codes, different=1):
        self.client = {"bootstrap.servers": stack.bootstrap, "log_level": 0}
        self.stack, self.made, self.run = stack, 0, random.randrange(1 << 32)
        padding = RECORD_BYTES - len(record(stack, ""))
        notes = "n" * padding
        base = record(stack, notes)

        def text(code):
            own = "".join(random.choices(string.ascii_letters, k=padding))
            return base.replace(NOBODY.encode(), code.encode()).replace(
                notes.encode(), own.encode()
            )

        self.texts = {code: [text(code) for _ in range(different)] for code in codes}
        self.admin = AdminClient(self.client)
        topics = self.admin.list_topics(timeout=10).topics
        self.partitions = len(topics["deliveries"].partitions)
        self.place = {code: number % self.partitions for number, code in enumerate(codes)}
        self.producer = confluent_kafka.Producer(
            {
                **self.client,
                "linger.ms": 20,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 200000,
            }
        )

    def one(self, code):
        """(key, value) of a new one."""
        self.made += 1
        key = f"{self.run:08x}-0000-4000-8000-{self.made:012x}".encode()
        texts = self.texts[code]
        return key, texts[self.made % len(texts)].replace(MARKER.encode(), key)

    def produce(self, codes, each):
        producer, place = self.producer, self.place
        for _ in range(each):
            for code in codes:
                key, value = self.one(code)
                while True:
                    try:
                        producer.produce("deliveries", value, key, place[code])
                        break
                    except BufferError:
                        producer.poll(0.05)
            producer.poll(0)
        if producer.flush(120):
            raise RuntimeError("Kafka did not take the bench's records")


# ---- beside those that hang


def healthy_rate(sink, load, healthy, others=(), hangs=False):
    """POSTs per second to healthy endpoints, from the first to the last that they read."""
    sink.hang(hangs)
    each = HEALTHY // len(healthy)
    load.produce([*healthy, *others], each)
    wait_until(lambda: sink.taken()["taken"] >= each * len(healthy), 120, "the healthy ones' POSTs")
    took = sink.taken()
    if took["taken"] != each * len(healthy):
        raise RuntimeError(f"the healthy took {took['taken']} of {each * len(healthy)}")
    return took["per_second"]


def let_go(stack, *sinks):
    for sink in sinks:
        sink.hang(False)
    wait_until(
        lambda: metric(stack, "dispatcher", "referral_dispatcher_pending") == 0, 120, "none pending"
    )


def descriptors():
    """As many as this process, and those that it starts, may have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most if most != resource.RLIM_INFINITY else 1 << 20


def bench_hanging(results):
    """One dispatcher, the same load again and again, with and without those that hang."""
    hung = max(2, min(HUNG, descriptors() - FILES_BESIDE)) // 2 * 2
    if hung < HUNG:
        print(f"only {hung:,} of {HUNG:,} hang: the limit of open files is too low", flush=True)
    with Sink(5000) as sink, Sink(600000) as hole, Stack() as stack:
        rows = list(england(200 + hung // 2, "", lambda code: f"{sink.url}/{code}"))
        for row in rows[190:]:
            base = (sink if row in rows[190:200] else hole).url
            row["endpoint_url"] = f"{base}/hang/{row['ods_code']}"
        generate.write_directory(rows, stack.dir / "providers.csv")
        stack.ctl("providers", "load", stack.dir / "providers.csv")
        codes = [row["ods_code"] for row in rows]
        load = Deliveries(stack, codes)
        healthy, hanging, holes = codes[:190], codes[190:200], codes[200:]
        five_percent(results, stack, sink, load, healthy, hanging)
        black_hole(results, stack, (sink, hole), load, healthy, holes)


def five_percent(results, stack, sink, load, healthy, hanging):
    """As shipped. What hangs comes with the healthy ones' load, and with as many deliveries for
    each; between two runs it was well, so that its windows are wide when it begins to hang."""
    stack.start("dispatcher")
    healthy_rate(sink, load, healthy)  # warm
    beside, without = [], []
    for _ in range(ROUNDS):
        without.append(healthy_rate(sink, load, healthy))
        beside.append(healthy_rate(sink, load, healthy, hanging, True))
        if not sink.taken()["hanging"]:
            raise RuntimeError("nothing hung")
        let_go(stack, sink)
    stack.kill("dispatcher", signal.SIGTERM)
    results["five_percent_hanging"] = ratio_line(
        "10 of 200 endpoints hang for 5 s",
        [a / b for a, b in zip(beside, without)],
        beside,
        without,
        "healthy",
        0.95,
    )


def hang_all(hole, hung):
    """How many hang, once nearly all do: a connection that took too long on a busy machine makes a
    destination's window smaller, and the second POST to it waits."""
    seen = [0]

    def nearly():
        seen[0] = hole.taken()["hanging"]
        return seen[0] >= 0.98 * hung

    try:
        wait_until(nearly, 90, "hung POSTs")
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {seen[0]} of {hung} hang") from None
    return seen[0]


def black_hole(results, stack, sinks, load, healthy, holes):
    """A new destination may have two POSTs under way, so two for each; places enough that all of
    them are under way soon."""
    sink, hole = sinks
    hung = 2 * len(holes)
    stack.start(
        "dispatcher",
        DISPATCHER_IN_FLIGHT_MAX="1000",
        DISPATCHER_SLOW_IN_FLIGHT_MAX=str(hung),
        DISPATCHER_ATTEMPT_TIMEOUT_MS="600000",
    )
    healthy_rate(sink, load, healthy)
    beside, without, under_way = [], [], []
    for _ in range(ROUNDS):
        without.append(healthy_rate(sink, load, healthy))
        hole.hang(True)
        load.produce(holes, 2)
        under_way.append(hang_all(hole, hung))
        beside.append(healthy_rate(sink, load, healthy))
        if hole.taken()["hanging"] < under_way[-1]:
            raise RuntimeError("some of the POSTs that hang ended too early")
        let_go(stack, hole)
    results["hung_peak_mib"] = peak_mib(stack.processes["dispatcher"].pid)
    stack.kill("dispatcher", signal.SIGTERM)
    results["hung"] = ratio_line(
        f"{min(under_way):,} hung POSTs under way",
        [a / b for a, b in zip(beside, without)],
        beside,
        without,
        "healthy",
        0.7,
    )


# ---- a million pending


def bench_restore(results):
    """All wait for paused destinations, and in each partition one for an open endpoint: it is sent
    when its partition is restored. The clock starts before the process does."""
    with Sink() as sink, Stack() as stack:
        rows = list(england(1000, "", lambda code: f"{sink.url}/{code}"))
        codes = [row["ods_code"] for row in rows]
        load = Deliveries(stack, codes, different=5)
        awake, paused = codes[: load.partitions], codes[load.partitions :]
        for row in rows[load.partitions :]:
            row["paused"] = "true"
        generate.write_directory(rows, stack.dir / "providers.csv")
        stack.ctl("providers", "load", stack.dir / "providers.csv")
        each = PENDING // len(paused)
        count = each * len(paused)
        load.produce(paused, each)
        load.produce(awake, 1)
        # What is really on the topic was written in transactions: their coordinator is at work.
        writer = confluent_kafka.Producer({**load.client, "transactional.id": "bench"})
        writer.init_transactions(30)
        bare = tool("bench_bare_deliver", stack.bootstrap, "deliveries", count)
        began = time.monotonic()
        stack.start("dispatcher", ready=False)
        pid = stack.processes["dispatcher"].pid
        wait_until(lambda: sink.taken()["taken"] >= load.partitions, 180, "all restored")
        seconds, cpu = sink.taken()["last_us"] / 1e6 - began, cpu_seconds(pid)
        wait_until(
            lambda: metric(stack, "dispatcher", "referral_dispatcher_pending") == count,
            30,
            f"{count} deliveries held",
        )
        peak = peak_mib(pid)
        stack.kill("dispatcher", signal.SIGTERM)
    results["restore"] = {
        "records": count,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "peak_mib": peak,
        "bare_per_second": bare["per_second"],
        "record_bytes": bare["bytes"] / count,
    }
    print(
        f"{'restore from the topic':<34} {count / seconds:>9,.0f} records/s from start to restored "
        f"(goal at least 200,000): {count:,} in {seconds:.1f} s, {cpu:.1f} s of CPU; "
        f"a bare loop reads {bare['per_second']:,.0f} /s",
        flush=True,
    )
    beyond = ""
    if count < 0.99 * MILLION:
        beyond = f"; a million by extrapolation: {peak * MILLION / count:,.0f} MiB"
    print(
        f"{f'{count:,} pending':<34} {peak:5.0f} MiB peak RSS of the process (goal at most 1,536 "
        f"for a million; records of {bare['bytes'] / count:.0f} bytes){beyond}",
        flush=True,
    )


# ---- nothing to do


def bench_idle(results):
    """From just before a record is produced to when its POST is read, one at a time: by turns
    through the dispatcher and through a consumer that POSTs what it reads."""
    with Sink(0, "tell") as sink, Stack() as stack:
        row = next(england(1, "", lambda code: f"{sink.url}/{code}"))
        generate.write_directory([row], stack.dir / "providers.csv")
        stack.ctl("providers", "load", stack.dir / "providers.csv")
        load = Deliveries(stack, [row["ods_code"]])
        topic = NewTopic("bench.idle", load.partitions, 1)
        load.admin.create_topics([topic])["bench.idle"].result(10)
        producer = confluent_kafka.Producer({**load.client, "linger.ms": 0, "acks": "all"})
        stack.start("dispatcher")
        loop = subprocess.Popen(
            [BIN_DIR / "bench_bare_deliver", stack.bootstrap, "bench.idle", f"{sink.url}/bare"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if loop.stdout.readline() != "ready\n":
                raise RuntimeError("the bare loop has no partitions")
            times = {"deliveries": [], "bench.idle": []}
            for _ in range(SAMPLES + 10):
                for topic, taken in times.items():
                    taken.append(record_to_post(producer, topic, load, row["ods_code"], sink))
                    time.sleep(random.uniform(0.12, 0.16))  # it writes the result: idle again
        finally:
            loop.terminate()
            loop.wait(20)
        stack.kill("dispatcher", signal.SIGTERM)
    ours, bare = (percentiles(times[topic][10:]) for topic in ("deliveries", "bench.idle"))
    results["idle_ms"] = {"dispatcher": ours, "bare": bare}
    print(
        f"{'record to POST, idle, p99':<34} {ours[1] - bare[1]:5.1f} ms longer than a consumer "
        f"that POSTs (goal at most 20): {ours[1]:.1f} ms against {bare[1]:.1f} "
        f"(p50 {ours[0]:.1f} against {bare[0]:.1f}; {SAMPLES} each)",
        flush=True,
    )


def record_to_post(producer, topic, load, code, sink):
    key, value = load.one(code)
    began = time.monotonic()
    producer.produce(topic, value, key, load.made % load.partitions)
    if producer.flush(10):
        raise RuntimeError("Kafka did not take a record")
    return int(sink.process.stdout.readline()) / 1e3 - began * 1e3


def percentiles(times):
    return statistics.median(times), statistics.quantiles(times, n=100)[98]
