# SPDX-License-Identifier: Apache-2.0
"""make bench: what the services do, as ratios against bare library loops in the same run on the
same Kafka.

Each pair is run ROUNDS times in turn and the median ratio is printed with its range, so that a
machine whose speed drifts does not decide. Prints plain lines; --json FILE keeps the raw figures.
Ends with 0 whatever the figures are: they are measurements, not tests; a measurement that could not
be made is an error.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import avro  # noqa: E402
import confluent_kafka  # noqa: E402
import generate  # noqa: E402
import delivering  # noqa: E402
import oracle  # noqa: E402
from measure import ROUNDS, Sink, cpu_seconds, england, metric, peak_mib  # noqa: E402
from measure import ratio_line, tool  # noqa: E402
from stack import BIN_DIR, SERVICES, SOURCE_DIR, Stack, wait_until  # noqa: E402

COUNT = int(os.environ.get("COUNT", "100000"))  # referrals for the router
POSTS = int(os.environ.get("POSTS", "60000"))
DELIVERIES = int(os.environ.get("DELIVERIES", "60000"))
ENDPOINTS = 200
CONNECTIONS = 64
TOPIC = "referrals.blood-pressure"
BODY_BYTES = 900
# what a routed referral adds to its own bytes in `deliveries`, and the size of an event: measured,
# see measure_sizes()


def referrals(stack, count):
    """Framed referrals of about BODY_BYTES: [(key, value)], made by an independent encoder."""
    schema = avro.composed(stack.schemas, "blood-pressure")
    generator, now = generate.Generator(1, stack.schemas), int(time.time() * 1000)
    body = generator.body("blood-pressure")
    body["patient"]["postcode"] = "ME14 1AB"

    marker = "11111111-2222-4333-8444-555555555555"
    record = {**body, "id": marker, "accepted_at": now, "notes": "n"}
    size = len(oracle.encode(schema, avro.filled(schema, record)))
    record["notes"] = "n" * max(1, BODY_BYTES - size)
    value = oracle.encode(schema, avro.filled(schema, record))
    place = value.index(marker.encode())
    keys = [str(uuid.uuid4()) for _ in range(count)]
    return [(key, value[:place] + key.encode() + value[place + 36 :]) for key in keys]


def produce(stack, records):
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": stack.bootstrap,
            "linger.ms": 20,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 500000,
        }
    )
    for key, value in records:
        producer.produce(TOPIC, key=key, value=value)
        producer.poll(0)
    if producer.flush(120):
        raise RuntimeError("Kafka did not take the bench's records")


def load_directory(stack, url):
    rows = generate.directory(1, stack.schemas, url)
    services = " ".join(generate.services_of(stack.schemas, "blood-pressure"))
    rows = [row for row in rows if row["kind"] == "pharmacy"][:ENDPOINTS]
    for row in rows:
        row["services"] = services
    generate.write_directory(rows, stack.dir / "providers.csv")
    stack.ctl("providers", "load", stack.dir / "providers.csv")


def measure_sizes(stack):
    """Extra bytes of a Delivery over its referral, bytes of an event: from what the router really
    wrote."""
    deliveries = [m for m in oracle.read_topic(stack.bootstrap, ["deliveries"]) if m.value()][:100]
    events = oracle.read_topic(stack.bootstrap, ["referral.events"])[:200]
    delivery = statistics.mean(len(m.value()) for m in deliveries) - BODY_BYTES
    return round(max(0, delivery)), round(statistics.mean(len(m.value()) for m in events))


def timed(stack, name, row, count, timeout=180):
    """Runs the service until its counter has grown by count: (per second, cpu seconds, peak MiB).
    The clock starts when the first is seen."""
    value = started(stack, name, row)

    # asked rarely until the moment is near: each answer costs the service and us a millisecond
    def reached(least):
        so_far = value()
        if so_far < least - 0.1 * count:
            time.sleep(0.05)
        return so_far if so_far >= least else 0

    first = wait_until(lambda: reached(1), timeout, f"{name} begins")
    began = time.monotonic()
    last = wait_until(lambda: reached(count), timeout, f"{name} is done")
    return ended(stack, name, (last - first) / (time.monotonic() - began))


def steadily(stack, name, row, count, begin, end, timeout=180):
    """The same of what is done between two of a few looks, each of which is exact for its own time:
    the first with more than the share `begin` of all, the last with less than `end`."""
    value, looks, until = started(stack, name, row), [], time.monotonic() + timeout
    while not looks or looks[-1][1] < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{name} did not get done")
        time.sleep(0.1)
        looks.append((time.monotonic(), value()))
    within = [look for look in looks if begin * count <= look[1] <= end * count]
    if len(within) < 2:
        raise RuntimeError(f"{name} was done between two looks: more {row} are needed")
    (first_at, first), (last_at, last) = within[0], within[-1]
    return ended(stack, name, (last - first) / (last_at - first_at))


def started(stack, name, row):
    """How to ask for its counter."""
    stack.start(name, ready=False)

    def value():
        try:
            return metric(stack, name, row)
        except OSError:
            return 0

    return value


def ended(stack, name, rate):
    pid = stack.processes[name].pid
    figures = rate, cpu_seconds(pid), peak_mib(pid)
    stack.kill(name, signal.SIGTERM)
    return figures


def bench_router(results):
    ours, bare, cpu, peak = [], [], [], 0
    for _ in range(ROUNDS):
        with Stack() as stack, Sink() as sink:
            load_directory(stack, lambda code: f"{sink.url}/{code}")
            produce(stack, referrals(stack, COUNT))
            rate, seconds, mib = timed(stack, "router", "referral_router_taken_total", COUNT)
            extra, event = measure_sizes(stack)
            stack.ctl("topics", "create")
            copy = (
                tool(
                    "bench_bare_copy",
                    stack.bootstrap,
                    "^referrals\\..*",
                    "bench.deliveries",
                    "bench.events",
                    1000,
                    COUNT,
                    extra,
                    event,
                )
                if make_copies(stack)
                else None
            )
        ours.append(rate)
        cpu.append(seconds)
        peak = max(peak, mib)
        bare.append(copy["per_second"])
    results["router_cpu_per_100k"] = statistics.median(cpu) * 100000 / COUNT
    results["router_peak_mib"] = peak
    results["router"] = ratio_line(
        "router / bare copy loop", [a / b for a, b in zip(ours, bare)], ours, bare, "referrals", 0.7
    )


def make_copies(stack):
    """The copy loop's own output topics, with as many partitions as the real ones."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": stack.bootstrap})
    topics = admin.list_topics(timeout=10).topics
    wanted = [
        NewTopic("bench.deliveries", len(topics["deliveries"].partitions), 1),
        NewTopic("bench.events", len(topics["referral.events"].partitions), 1),
    ]
    for future in admin.create_topics(wanted).values():
        future.result(10)
    return True


def bench_gateway(results):
    """The gateway, then the very same code with acknowledgements that come without Kafka, then the
    HTTP server alone. Load, broker and server share the machine's cores: what the first has to do
    without, the other two have."""
    got = {"gateway": [], "bench_gateway_no_kafka": [], "bench_bare_gateway": []}
    peak = 0
    for _ in range(ROUNDS):
        with Stack() as stack:
            body = generate.Generator(2, stack.schemas).body("blood-pressure")
            body["notes"] = "n" * max(1, BODY_BYTES - len(json.dumps(body)))
            path = stack.dir / "body.json"
            path.write_text(json.dumps(body))

            def load(name, port):
                done = tool("bench_load", port, "/v1/referrals", path, CONNECTIONS, POSTS)
                if done["failed"]:
                    raise RuntimeError(f"{name}: {done['failed']} of {POSTS} were not accepted")
                got[name].append(done)

            for name in ("gateway", "bench_gateway_no_kafka"):
                stack.start("gateway", program=name)
                wait_until(lambda: stack.post(body)[0] == 202, 30, "the first record")
                load(name, stack.ports["gateway"])
                if name == "gateway":
                    peak = max(peak, peak_mib(stack.processes["gateway"].pid))
                stack.kill("gateway", signal.SIGTERM)
            server = subprocess.Popen(
                [BIN_DIR / "bench_bare_gateway"], stdout=subprocess.PIPE, text=True
            )
            try:
                load("bench_bare_gateway", int(server.stdout.readline()))
            finally:
                server.terminate()
                server.wait(10)
    rates = {name: [done["per_second"] for done in all_done] for name, all_done in got.items()}
    ours = rates["gateway"]
    for key, title, bare, goal in (
        ("gateway", "gateway / itself without Kafka", rates["bench_gateway_no_kafka"], 0.5),
        ("gateway_http", "gateway / HTTP alone, no parsing", rates["bench_bare_gateway"], None),
    ):
        results[key] = ratio_line(
            title, [a / b for a, b in zip(ours, bare)], ours, bare, "POST", goal
        )
    results["gateway_peak_mib"] = peak
    middle = {
        (name, row): statistics.median(done[row] for done in all_done)
        for name, all_done in got.items()
        for row in ("p50_ms", "p99_ms")
    }
    results["gateway_p99_ms"] = middle["gateway", "p99_ms"]
    print(
        f"{'gateway p99, 64 connections':<34} {middle['gateway', 'p99_ms']:5.1f} ms "
        f"(p50 {middle['gateway', 'p50_ms']:.1f} ms; "
        f"without Kafka p99 {middle['bench_gateway_no_kafka', 'p99_ms']:.1f} ms)",
        flush=True,
    )


def bench_dispatcher(results):
    ours, bare, cpu, peak = [], [], [], 0
    # each side takes seconds only, while other guests of the host come and go
    for _ in range(ROUNDS + 2 if ROUNDS > 1 else 1):
        with Sink() as sink, Stack(environment={"DISPATCHER_IN_FLIGHT_MAX": "64"}) as stack:
            load_directory(stack, lambda code: f"{sink.url}/{code}")
            spread(stack, DELIVERIES)
            timed(stack, "router", "referral_router_taken_total", DELIVERIES)
            rate, seconds, mib = steadily(
                stack,
                "dispatcher",
                "referral_dispatcher_delivered_total",
                DELIVERIES,
                begin=0.2,
                end=0.9,
            )
            took = sink.taken()
            if took["taken"] < DELIVERIES:
                raise RuntimeError(f"the sink took {took['taken']} of {DELIVERIES}")
        with Sink() as sink:
            path = (
                pathlib.Path("/dev/shm" if os.path.isdir("/dev/shm") else ".")
                / f"bench-body-{os.getpid()}"
            )
            path.write_text("b" * took["body_bytes"])
            try:
                plain = tool("bench_bare_curl", sink.url, path, ENDPOINTS, CONNECTIONS, DELIVERIES)
            finally:
                path.unlink()
            same = sink.taken()
            if abs(same["head_bytes"] - took["head_bytes"]) > 8:
                raise RuntimeError(f"the bare loop sends another head: {same}, not {took}")
        ours.append(rate)
        cpu.append(seconds)
        peak = max(peak, mib)
        bare.append(plain["per_second"])
    results["dispatcher_cpu_per_100k"] = statistics.median(cpu) * 100000 / DELIVERIES
    results["dispatcher_peak_mib"] = peak
    results["dispatcher"] = ratio_line(
        "dispatcher / bare libcurl loop",
        [a / b for a, b in zip(ours, bare)],
        ours,
        bare,
        "deliveries",
        0.6,
    )


def spread(stack, count):
    """Referrals for every endpoint: each names its provider, as a patient would."""
    codes = [
        line.split(",")[0] for line in (stack.dir / "providers.csv").read_text().splitlines()[1:]
    ]
    schema = avro.composed(stack.schemas, "blood-pressure")
    records = referrals(stack, 1)
    value = oracle.decode(schema, records[0][1])
    out = []
    for code in codes:
        value["nominated_provider"] = code
        framed = oracle.encode(schema, value)
        place = framed.index(value["id"].encode())
        for _ in range(count // len(codes)):
            key = str(uuid.uuid4())
            out.append((key, framed[:place] + key.encode() + framed[place + 36 :]))
    produce(stack, out)


def bench_rest(results):
    """Peak memory of aggregator and tracker under the events of a routed stream; start to ready of
    all five."""
    with Stack() as stack, Sink() as sink:
        load_directory(stack, lambda code: f"{sink.url}/{code}")
        starts = {}
        for name in SERVICES:
            began = time.monotonic()
            stack.start(name)
            starts[name] = time.monotonic() - began
        produce(stack, referrals(stack, 20000))
        stack.settle(timeout=120)
        for name in ("aggregator", "tracker"):
            results[f"{name}_peak_mib"] = peak_mib(stack.processes[name].pid)
        results["start_seconds"] = starts
    for name in SERVICES:
        print(
            f"{name + ' peak RSS under load':<34} {results[name + '_peak_mib']:5.0f} MiB "
            f"(goal at most 64); "
            f"start to ready {starts[name]:.2f} s (goal under 1)",
            flush=True,
        )


def bench_directory(results):
    """Decisions with 12,000 pharmacies; and a router that goes on routing while all of them are
    loaded anew."""
    decisions = os.environ.get("DECISIONS", "168000")
    figures = tool("bench_directory", SOURCE_DIR / "schemas", decisions)
    results["directory"] = figures
    for title, name, goal in (
        ("nominated", "nominated_per_second", 200000),
        ("nearest", "nearest_per_second", 50000),
    ):
        print(
            f"{'decisions, ' + title:<34} {figures[name]:>9,.0f} /s on one core, "
            f"12,000 pharmacies (goal at least {goal:,})",
            flush=True,
        )
    print(
        f"{'decode to encode / bare decode':<34} {figures['full_ratio']:5.2f} x  "
        f"({figures['referral_bytes']} bytes; goal at most 3; with both events "
        f"{figures['all_ratio']:.2f} x)",
        flush=True,
    )
    print(
        f"{'directory of 12,000':<34} {figures['directory_mib']:5.1f} MiB (goal at most 48); "
        f"read anew in {figures['reload_seconds']:.2f} s of CPU",
        flush=True,
    )
    with Stack() as stack:
        seconds, gap = reload_while_routing(stack)
    results["directory_reload"] = {"seconds": seconds, "longest_gap": gap}
    print(
        f"{'12,000 rows changed under load':<34} {seconds:5.2f} s from the first in force to the "
        f"last (goal under 2); longest pause of routing {gap:.2f} s",
        flush=True,
    )


def reload_while_routing(stack):
    """(seconds until the router has applied 12,000 changes, longest time in which it took
    nothing)."""
    path = stack.dir / "england.csv"
    def nobody(code):
        return f"http://127.0.0.1:9/{code}"

    generate.write_directory(england(12000, "mon-sun 08:00-20:00", nobody), path)
    stack.ctl("providers", "load", path, timeout=120)
    stack.start("router")
    generate.write_directory(england(12000, "mon-sun 07:00-21:00", nobody), path)
    changes = "referral_router_directory_changes_total"
    before = metric(stack, "router", changes)
    watched = {"taken": metric(stack, "router", "referral_router_taken_total")}
    stop, gap, applied = threading.Event(), 0.0, []

    def feed():
        while not stop.is_set():
            produce(stack, referrals(stack, 200))

    def watch():
        nonlocal gap
        moved = time.monotonic()
        while not stop.is_set():
            taken = metric(stack, "router", "referral_router_taken_total")
            now, done = time.monotonic(), metric(stack, "router", changes) - before
            if done > 0 and (not applied or applied[-1][1] < done):
                applied.append((now, done))
            if taken != watched["taken"]:
                watched["taken"], moved = taken, now
            elif applied:
                gap = max(gap, now - moved)
            time.sleep(0.005)

    threads = [threading.Thread(target=work, daemon=True) for work in (feed, watch)]
    for thread in threads:
        thread.start()
    wait_until(
        lambda: metric(stack, "router", "referral_router_taken_total") > watched["taken"] - 1
        and watched["taken"] > 200,
        60,
        "routing under way",
    )
    stack.ctl("providers", "load", path, timeout=120)
    wait_until(lambda: applied and applied[-1][1] >= 12000, 60, "the directory in force")
    stop.set()
    for thread in threads:
        thread.join(60)
    return applied[-1][0] - applied[0][0], gap


def bench_core(results):
    """The dispatcher's core alone, beside a backlog of a thousand and of a million."""
    deliveries = os.environ.get("CORE_DELIVERIES", "200000")
    results["core"] = rounds = [tool("bench_core", deliveries) for _ in range(ROUNDS)]
    for backlog, whose in (("one-dead", "of a dead provider"), ("spread", "of all, worked off")):
        ratios, many, sizes = [], [], []
        for rows in rounds:
            few, *_, most = [row for row in rows if row["backlog"] == backlog]
            ratios.append(most["ns_per_delivery"] / few["ns_per_delivery"])
            many.append(most["ns_per_delivery"])
            sizes.append(most["bytes_per_pending"])
        print(
            f"{'a million pending / a thousand':<34} {statistics.median(ratios):5.2f} x  "
            f"({min(ratios):.2f} to {max(ratios):.2f}; backlog {whose}; goal at most 2)   "
            f"{statistics.median(many):,.0f} ns per delivery, "
            f"{max(sizes):,} bytes each (goal at most 1,610)",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="keep the raw figures in this file")
    parser.add_argument(
        "only",
        nargs="*",
        help="directory core router gateway dispatcher hanging restore idle rest; all if none is "
        "named",
    )
    options = parser.parse_args()
    results, failed = {}, []
    for name, bench in (
        ("directory", bench_directory),
        ("core", bench_core),
        ("router", bench_router),
        ("gateway", bench_gateway),
        ("dispatcher", bench_dispatcher),
        ("hanging", delivering.bench_hanging),
        ("restore", delivering.bench_restore),
        ("idle", delivering.bench_idle),
        ("rest", bench_rest),
    ):
        if options.only and name not in options.only:
            continue
        try:
            bench(results)
        except Exception as error:  # one part that can't be measured does not hide the others
            failed.append(name)
            print(f"{name + ': NOT MEASURED':<34} {type(error).__name__}: {error}", flush=True)
    if "router_cpu_per_100k" in results and "dispatcher_cpu_per_100k" in results:
        total = results["router_cpu_per_100k"] + results["dispatcher_cpu_per_100k"]
        print(
            f"{'router + dispatcher CPU':<34} {total:5.1f} s per 100,000 referrals "
            f"of {BODY_BYTES} bytes "
            f"({results['router_cpu_per_100k']:.1f} + {results['dispatcher_cpu_per_100k']:.1f}; "
            f"one hop costs Benthos "
            f"6.7 to 7.5 s)",
            flush=True,
        )
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
