# SPDX-License-Identifier: Apache-2.0
"""A wrong configuration is told by --check and by a start alike: 78, at once and without Kafka. A
supervisor that was told anything else would start the service again for ever."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from stack import BIN_DIR, PATIENCE, SOURCE_DIR, free_port  # noqa: E402

SERVICES = ("gateway", "router", "dispatcher", "aggregator", "tracker")
WRONG = {
    "KAFKA_ACKS": "1",
    "KAFKA_ISOLATION_LEVEL": "read_uncommitted",
    "KAFKA_SECURITY_PROTOCOL": "foo",
    "KAFKA_FOO_BAR": "1",
    "KAFKA_SSL_KEY_PASSWORD_FILE": "/no/such/file",
    "SCHEMAS_DIR": "/no/such/folder",
    "SCHEMA_REGISTRY_URL": "nonsense",
}
OWN = {
    "gateway": {"GATEWAY_STATUS_URL": "nonsense"},
    "dispatcher": {
        "DISPATCHER_WEBHOOK_SECRET": "no-secret-of-ours",
        "DISPATCHER_ALLOW_NETWORKS": "x",
        "DISPATCHER_CA_FILE": "/no/such/file",
        "DISPATCHER_CLIENT_CERT_FILE": "/no/such/file",
    },
    "tracker": {"TRACKER_DATABASE_URL": "nonsense"},
}


class Configuration(unittest.TestCase):
    def run_service(self, name, variable, value, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                "PATH": os.environ["PATH"],
                "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
                "SCHEMAS_DIR": str(SOURCE_DIR / "schemas"),
                "HEALTH_LISTEN": f"127.0.0.1:{free_port()}",
                "TRACKER_DATABASE": f"{folder}/tracker.db",
                variable: value,
            }
            return subprocess.run(
                [BIN_DIR / name, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=30 * PATIENCE,
                env=environment,
                cwd=folder,
            )

    def test_each_wrong_value_is_78_for_check_and_start_of_each_service(self):
        cases = [
            (name, variable, value, arguments)
            for name in SERVICES
            for variable, value in {**WRONG, **OWN.get(name, {})}.items()
            for arguments in (("--check",), ())
        ]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            ends = list(pool.map(lambda case: self.run_service(*case[:3], *case[3]), cases))
        told = {
            (name, variable, *arguments): (end.returncode, end.stdout + end.stderr)
            for (name, variable, _, arguments), end in zip(cases, ends)
            if end.returncode != 78
        }
        self.assertEqual(told, {})

    def test_the_line_names_the_variable_and_its_value_and_is_an_error(self):
        cases = [(name, "SCHEMAS_DIR", "/no/such/folder") for name in SERVICES]
        cases += [("dispatcher", *row) for row in OWN["dispatcher"].items()]
        for name, variable, value in cases:
            with self.subTest(name=name, variable=variable):
                end = self.run_service(name, variable, value, "--check")
                (line,) = map(json.loads, end.stderr.splitlines())
                self.assertEqual(line["level"], "error")
                self.assertIn(variable, line["detail"])
                self.assertIn("expected", line["detail"])
                if variable == "DISPATCHER_WEBHOOK_SECRET":
                    self.assertNotIn(value, end.stderr)
                elif variable != "DISPATCHER_CLIENT_CERT_FILE":  # its key is missing: that is said
                    self.assertIn(value, line["detail"])

    def test_what_is_well_passes_the_check(self):
        for name in SERVICES:
            end = self.run_service(name, "KAFKA_LINGER_MS", "5", "--check")
            self.assertEqual((end.returncode, end.stdout), (0, f"{name}: ok\n"), end.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
