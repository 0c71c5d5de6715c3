# SPDX-License-Identifier: Apache-2.0
"""Patient data leaves `deliveries` within the stated time, from the disk too: of what was
delivered, re-routed and returned, on partitions to which nothing more comes. What is pending stays,
and is delivered after a kill -9. Once it was for ever that it stayed on a silent partition: Kafka
closes a segment only when something is appended to it, and compacts closed ones only.

The topic's own settings are in force, with a day of theirs lasting twelve seconds."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import confluent_kafka.admin as kafka  # noqa: E402
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

DAY_MS = 24 * 3600 * 1000
FASTER = 7200  # times
STATED_SECONDS = DAY_MS / FASTER / 1000
SLACK_SECONDS = 60  # the cleaner's turns, and a busy machine; without the rolls it is for ever
# Not delete.retention.ms: fences are tombstones, and a restore on a busy machine takes its time.
TIMES = ("max.compaction.lag.ms", "segment.ms")
WELL, DECLINES, NEXT, ALONE, BUSY = "FA001", "FA002", "FA003", "RAL01", "RAL02"


def alter(stack, kind, name, settings):
    admin = kafka.AdminClient({"bootstrap.servers": stack.bootstrap})
    entries = [
        kafka.ConfigEntry(key, str(value), incremental_operation=kafka.AlterConfigOpType.SET)
        for key, value in settings.items()
    ]
    resource = kafka.ConfigResource(kind, name, incremental_configs=entries)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(60)


def make_faster(stack):
    resource = kafka.ConfigResource(kafka.ResourceType.TOPIC, "deliveries")
    admin = kafka.AdminClient({"bootstrap.servers": stack.bootstrap})
    found = admin.describe_configs([resource])[resource].result(60)
    settings = {name: int(found[name].value) // FASTER for name in TIMES}
    # Only time may bring it about, not how much is new; and bytes are looked for on the disk.
    settings["min.cleanable.dirty.ratio"] = 1
    settings["compression.type"] = "uncompressed"
    settings["file.delete.delay.ms"] = 100
    alter(stack, kafka.ResourceType.TOPIC, "deliveries", settings)
    alter(stack, kafka.ResourceType.BROKER, "1", {"log.cleaner.backoff.ms": 500})


class Erase(unittest.TestCase):
    def on_disk(self):
        """Those whose patient's name is left in the topic's folders, in whatever the cleaner made
        of a segment: .log, .log.cleaned, .log.swap, .log.deleted."""
        while True:
            found = set()
            try:
                for path in (self.stack.dir / "kafka/data").glob("deliveries-*/*.log*"):
                    data = path.read_bytes()
                    found |= {name for name in self.ids if f"Canary-{name}-Test".encode() in data}
                return found
            except FileNotFoundError:
                continue  # the cleaner was here, and what was in it may have another name

    def post(self, name, pathway, number):
        body = scripted.routable(self.generator, pathway)
        body["patient"]["postcode"] = self.districts[number]
        body["patient"]["family_name"] = f"Canary-{name}-Test"
        self.ids[name] = scripted.post(self.stack, body, name)

    def wait_erased(self, names, since):
        left = since + STATED_SECONDS + SLACK_SECONDS - time.monotonic()
        wait_until(lambda: not self.on_disk() & names, left, f"{names} erased", patience=1)
        print(f"{sorted(names)} erased {time.monotonic() - since:.1f} s after the last ended")

    def tell_providers(self):
        places, self.ids = self.generator.places, {}
        self.districts = scripted.apart(places, 2)
        self.receiver.script(DECLINES, Answer(404))
        self.receiver.script(ALONE, Answer(404))
        self.receiver.script(BUSY, Answer(503))
        rows = [
            (WELL, "blood-pressure", 0, 100),
            (DECLINES, "blood-pressure", 1, 100),
            (NEXT, "blood-pressure", 1, 1500),
            (ALONE, "falls", 0, 100),
            (BUSY, "msk", 0, 100),
        ]
        scripted.load(
            self.stack,
            [
                scripted.row(
                    self.stack.schemas,
                    places,
                    code,
                    pathway,
                    self.districts[number],
                    self.receiver.url(code),
                    east,
                )
                for code, pathway, number, east in rows
            ],
        )

    def test_what_ended_is_erased_in_time_and_what_is_pending_is_kept(self):
        environment = {
            "REFERRALCTL_DELIVERIES_PARTITIONS": "8",
            "DISPATCHER_ROLL_INTERVAL_MS": str(3600 * 1000 // FASTER),
            "DISPATCHER_RETRY_FIRST_MS": "200",
            "DISPATCHER_RETRY_MOST_MS": "400",
            "DISPATCHER_PROBE_FIRST_MS": "300",
            "DISPATCHER_PROBE_MOST_MS": "1000",
        }
        with Receiver() as self.receiver, Stack(environment=environment) as self.stack:
            make_faster(self.stack)
            self.generator = generate.Generator(1, self.stack.schemas)
            self.tell_providers()
            self.stack.start("gateway", "router")
            self.post("delivered", "blood-pressure", 0)
            self.post("rerouted", "blood-pressure", 1)
            self.post("returned", "falls", 0)
            self.post("pending", "msk", 0)
            every = {"delivered", "rerouted", "returned", "pending"}
            wait_until(lambda: self.on_disk() == every, 30, "all of them on the disk")
            self.stack.start("dispatcher")
            for name, end in (
                ("delivered", "delivered"),
                ("rerouted", "delivered"),
                ("returned", "returned"),
            ):
                events = scripted.events_to_the_end(self.stack, self.ids[name])
                self.assertIn(end, {event["kind"] for event in events})
            self.assertTrue(
                any(e["kind"] == "routed" and e["hop"] == 1 for e in oracle.events(self.stack))
            )
            self.wait_erased(every - {"pending"}, time.monotonic())
            self.assertEqual(self.on_disk(), {"pending"})

            self.stack.restart("dispatcher")
            self.receiver.script(BUSY, Answer(200))
            events = scripted.events_to_the_end(self.stack, self.ids["pending"])
            self.assertIn("delivered", {event["kind"] for event in events})
            self.wait_erased({"pending"}, time.monotonic())
            report = self.stack.settle()
            self.assertEqual(report["total"]["missing"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
