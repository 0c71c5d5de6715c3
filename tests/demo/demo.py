# SPDX-License-Identifier: Apache-2.0
"""make demo: a day of referrals, posted over HTTP to the real services, delivered to a receiver
that plays the providers.

At first all providers are well; then some are slow, some fail for a while, one is dead, and a
supplier's host with five of them is away and comes back. At the end: a table by pathway, how
referrals were decided, how each kind of provider was served, the audit's verdict, the page.
"""

import collections
import concurrent.futures
import os
import pathlib
import random
import signal
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, free_port  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
SHARE = float(os.environ.get("SHARE", "1"))  # of a day
POSTERS = 8
REPEATED = 12  # referrals that their sender posts twice
UNREADABLE = 3  # records that another Kafka producer writes and nobody can read
SETTLE_SECONDS = 60
WELL_SHARE = 0.2  # of the day, before the first provider falls ill
AWAY_SECONDS = 5  # the recovering ones, from then on
NOMINATED_SHARE = 0.6  # of patients sent to a pharmacy who name one: an assumption


class Progress:
    """A bar on a terminal, a line now and then otherwise."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self.last = 0.0

    def show(self, what, done, total, final=False):
        now = time.monotonic()
        if not final and now - self.last < (0.1 if self.terminal else 5):
            return
        self.last = now
        if self.terminal:
            width = 40 * done // max(1, total)
            print(
                f"\r{what:<10} [{'#' * width}{' ' * (40 - width)}] {done}/{total} ",
                end="\n" if final else "",
                flush=True,
            )
        else:
            print(f"{what}: {done} of {total}", flush=True)


def say(text):
    print(text, flush=True)


def cast_parts(rows, receiver, dead_port, away):
    """Which provider plays which part from now on; returns {part: [codes]}."""
    codes = [row["ods_code"] for row in rows]
    parts = {
        "dead": codes[7:300:60],
        "recovering": codes[20:300:60],
        "slow": codes[10:300:30],
        "failing": codes[12:300:40],
        "gone": codes[44:45],
        "strict": codes[77:78],
        "busy": codes[99:100],
    }
    for row in rows:
        if row["ods_code"] in parts["dead"]:
            row["endpoint_url"] = f"http://127.0.0.1:{dead_port}/{row['ods_code']}"
        if row["ods_code"] in parts["recovering"]:
            row["endpoint_url"] = away.url(row["ods_code"])
    for code in parts["slow"]:
        receiver.script(code, Answer(delay=1.5))
    for code in parts["failing"]:
        receiver.script(code, Answer(503), Answer(how="reset"), Answer(200))
    for code in parts["gone"]:
        receiver.script(code, Answer(410))
    for code in parts["strict"]:
        receiver.script(code, Answer(409, body=b'{"code":"duplicate"}'))
    for code in parts["busy"]:
        receiver.script(code, Answer(429, headers=(("Retry-After", "2"),)), Answer(200))
    return parts


def post_all(stack, work):
    """Posts everything; returns ({id: (pathway, time of the POST)}, {HTTP status: count})."""
    posted, statuses, lock, progress = {}, collections.Counter(), threading.Lock(), Progress()

    def post(entry):
        key, body = entry
        at = time.time()
        status, _, document = stack.post(body, key)
        with lock:
            statuses[status] += 1
            if status == 202:
                posted.setdefault(document["id"], (body["pathway"], at))
            elif statuses[status] <= 3:
                say(f"unexpected answer {status}: {document}")
            progress.show("posted", sum(statuses.values()), len(work))

    with concurrent.futures.ThreadPoolExecutor(POSTERS) as pool:
        list(pool.map(post, work))
    progress.show("posted", len(work), len(work), final=True)
    return posted, statuses


def write_unreadable(stack):
    """What a broken producer might write straight to Kafka."""
    import confluent_kafka

    producer = confluent_kafka.Producer({"bootstrap.servers": stack.bootstrap})
    for number in range(UNREADABLE):
        producer.produce(
            "referrals.blood-pressure",
            key=f"broken-{number}",
            value=b"\xc3\x01 this is no referral",
        )
    if producer.flush(10):
        raise RuntimeError("Kafka took no records within 10 s")


def settle(stack):
    """Follows the audit until nothing is pending, or the time is up; (exit code, report)."""
    progress, end = Progress(), time.monotonic() + SETTLE_SECONDS
    while True:
        code, report = stack.audit()
        total = report["total"]
        final = total["accepted"] - total["pending"] - total["missing"]
        over = (code == 0 and total["pending"] == 0) or time.monotonic() > end
        progress.show("settled", final, total["accepted"], final=over)
        if over:
            return code, report
        time.sleep(0.3)


def quantile(values, share):
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


def table(report, posted, received):
    waits = collections.defaultdict(list)
    for request in received:
        if request.referral_id in posted and (request.accepted or request.answer.status == 409):
            pathway, at = posted[request.referral_id]
            waits[pathway].append(request.at - at)
    names = ("accepted", "delivered", "returned", "refused", "pending", "duplicates", "missing")
    say("")
    say(f"{'pathway':<20}" + "".join(f"{name:>11}" for name in names) + f"{'p50 s':>9}{'p95 s':>9}")
    for pathway in sorted(report["pathways"]):
        row, times = report["pathways"][pathway], waits[pathway]
        say(
            f"{pathway:<20}"
            + "".join(f"{row[name]:>11}" for name in names)
            + f"{quantile(times, 0.50):>9.2f}{quantile(times, 0.95):>9.2f}"
        )
    every = [wait for times in waits.values() for wait in times]
    say(
        f"{'total':<20}"
        + "".join(f"{report['total'][name]:>11}" for name in names)
        + f"{quantile(every, 0.50):>9.2f}{quantile(every, 0.95):>9.2f}"
    )
    say(
        f"on purpose: {UNREADABLE} records that are no referral were put on Kafka (refused), "
        f"and {REPEATED} referrals posted twice (duplicates)"
    )


def nominate(day, rows):
    """Most patients name a pharmacy of their district, whatever it offers; the others leave it to
    the router."""
    rng = random.Random(f"nominate-{SEED}")
    near = collections.defaultdict(list)
    for row in rows:
        if row["kind"] == "pharmacy":
            near[row["postcode"].split()[0]].append(row["ods_code"])
    for _, body in day:
        codes = near[body["patient"]["postcode"].split()[0]]
        if body["pathway"] in generate.PHARMACY_PATHWAYS and codes:
            if rng.random() < NOMINATED_SHARE:
                body["nominated_provider"] = rng.choice(codes)


def show_parts(events, parts, posted, ill_at):
    """How each kind of provider was served since some are ill. Waits are of referrals that went
    there first: what was re-routed has waited for somebody else. Returns whether the healthy were
    left alone: every one of theirs was taken at the first attempt."""
    part_of = {code: part for part, codes in parts.items() for code in codes}
    count, waits, before = collections.defaultdict(collections.Counter), {}, []
    where = {}
    for event in events:
        if event["kind"] == "routed":
            where[event["referral_id"], event["hop"]] = event["destination"]
    for event in events:
        name, hop, kind = event["referral_id"], event["hop"], event["kind"]
        if kind not in ("attempted", "delivered", "routed") or name not in posted:
            continue
        at = posted[name][1]
        part = part_of.get(event["destination"], "healthy")
        wait = event["occurred_at"] / 1000 - at if kind == "delivered" and hop == 0 else None
        if at < ill_at:
            before += [wait] if part == "healthy" and wait is not None else []
            continue
        if kind == "routed" and hop > 0:
            count[part_of.get(where[name, hop - 1], "healthy")]["away"] += 1
        if kind != "routed":
            count[part]["attempts"] += 1
            count[part][kind] += 1
        if wait is not None:
            waits.setdefault(part, []).append(wait)
    say("")
    say("what was posted since some providers are ill, by the provider that was tried:")
    names = ("providers", "attempts", "delivered", "re-routed")
    columns = "".join(f"{name:>11}" for name in names)
    say(f"{'provider':<20}{columns}{'p50 s':>9}{'p95 s':>9}")
    for part in ("healthy", *parts):
        row, times = count[part], waits.get(part, [])
        size = len(parts[part]) if part in parts else "the rest"
        say(
            f"{part:<20}{size:>11}{row['attempts']:>11}{row['delivered']:>11}{row['away']:>11}"
            + (f"{quantile(times, 0.5):>9.2f}{quantile(times, 0.95):>9.2f}" if times else "")
        )
    failed = count["healthy"]["attempted"]
    say(
        f"the healthy: p95 {quantile(before, 0.95):.2f} s while all were well, "
        f"{quantile(waits.get('healthy', []), 0.95):.2f} s beside the others; "
        f"{failed} of their attempts failed, {count['healthy']['away']} were re-routed"
    )
    return not failed


def show_shares(events):
    """How each referral was decided in the end: the router's word, or the reason of its return."""
    words = {
        "nominated": "to the nominated provider",
        "nearest": "to the nearest",
        "same-area": "without a place: in the same partnership",
        "anywhere": "without a place: anywhere",
        "fell-back": "fell back to minor illness",
    }
    decided = {}
    for event in events:
        name = event["referral_id"]
        if event["kind"] == "routed" and event["hop"] == 0:
            decided.setdefault(name, words[event["result"]])
        elif event["kind"] == "returned":
            decided[name] = f"returned: {event['reason']}"
        elif event["kind"] == "recorded":
            decided[name] = "recorded"
    shares = collections.Counter(decided.values())
    say("")
    for text, count in sorted(shares.items(), key=lambda row: (row[0][:8] == "returned", -row[1])):
        say(f"{text:<48}{count:>8}{100 * count / len(decided):>8.1f} %")
    return len(decided)


def main():
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: (stop.set(), sys.exit(130)))
    environment = {
        "DISPATCHER_HOP_LIMIT_MS": "8000",
        "DISPATCHER_RETRY_FIRST_MS": "500",
        "DISPATCHER_RETRY_MOST_MS": "2000",
        "DISPATCHER_PROBE_FIRST_MS": "500",
        "DISPATCHER_PROBE_MOST_MS": "1000",
    }
    began = time.monotonic()
    away = Receiver(free_port())
    back = threading.Timer(AWAY_SECONDS, away.start)
    with Receiver() as receiver, Stack(environment=environment) as stack:
        say(f"Kafka is up ({time.monotonic() - began:.1f} s); topics made")
        rows = generate.directory(SEED, stack.schemas, receiver.url)
        generate.write_directory(rows, stack.dir / "providers.csv")
        stack.ctl("providers", "load", stack.dir / "providers.csv")
        stack.start()
        say(f"five services ready ({time.monotonic() - began:.1f} s)")
        day = generate.Generator(SEED, stack.schemas).day(SHARE)
        nominate(day, rows)
        early = round(len(day) * WELL_SHARE)
        posted, statuses = post_all(stack, day[:early])
        parts = cast_parts(rows, receiver, free_port(), away)
        generate.write_directory(rows, stack.dir / "providers.csv")
        stack.ctl("providers", "load", stack.dir / "providers.csv")
        say(
            f"of {len(rows)} providers fall ill: "
            + ", ".join(f"{len(codes)} {part}" for part, codes in parts.items())
        )
        ill_at = time.time()
        back.start()
        later, later_statuses = post_all(stack, day[early:] + day[:REPEATED])
        posted, statuses = {**later, **posted}, statuses + later_statuses
        write_unreadable(stack)
        code, report = settle(stack)
        back.join()
        table(report, posted, receiver.snapshot() + away.snapshot())
        events = oracle.events(stack)
        decided = show_shares(events)
        untouched = show_parts(events, parts, posted, ill_at)
        away.stop()
        say("")
        well = code == 0 and set(statuses) == {202} and report["total"]["missing"] == 0
        well = well and decided == len(posted) and untouched
        say(
            f"audit: {'everything balances' if code == 0 else 'DOES NOT BALANCE'} "
            f"(accepted {report['total']['accepted']} = final + "
            f"pending {report['total']['pending']}; "
            f"missing {report['total']['missing']})"
        )
        for problem in report.get("problems", [])[:10]:
            say(f"  {problem}")
        say(f"{time.monotonic() - began:.0f} s in all")
        if sys.stdout.isatty() and not os.environ.get("ONCE"):
            say(f"page: {stack.tracker_url}/   Ctrl-C stops everything.")
            try:
                stop.wait()
            except SystemExit:
                pass
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
