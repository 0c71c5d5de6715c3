# SPDX-License-Identifier: Apache-2.0
"""What referralctl says to what it can't take, while there is no Kafka, gateway or tracker: what,
where, and what was expected. Once a file that was not there was told only when Kafka was, and an
unknown verb was answered with a page of all of them."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from stack import BIN_DIR, SOURCE_DIR  # noqa: E402

NOBODY = "127.0.0.1:1"
ID = "7d444840-9dc0-51d1-b245-5ffdce74fad2"
WHY = ("--reason", "supplier is down")
TABLE = (  # expected exit code, words on standard error, arguments
    (2, 'there is no verb "nonsense"', "nonsense"),
    (2, 'there is no verb "providers nonsense"; providers --help', "providers", "nonsense"),
    (2, "deliveries what? deliveries --help lists it", "deliveries"),
    (2, "route needs FILE|ID --explain", "route"),
    (2, "one argument too many", "audit", "nonsense"),
    (2, "takes no --nonsense", "audit", "--nonsense"),
    (78, "expected a whole number", "deliveries", "list", "--wait-seconds", "soon"),
    (69, f"KAFKA_BOOTSTRAP_SERVERS is {NOBODY}", "providers", "list"),
    (1, "missing.csv: No such file", "providers", "load", "missing.csv"),
    (1, "folder: Is a directory", "providers", "load", "folder"),
    (1, "missing.csv: No such file", "providers", "load", "a.csv", "--services", "missing.csv"),
    (1, "missing.csv: No such file", "locations", "load", "missing.csv"),
    (1, "folder: no row of it says where", "locations", "load", "folder"),
    (1, "a.csv: expected OS Code-Point Open", "locations", "load", "a.csv"),
    (1, "missing.json: No such file", "send", "missing.json"),
    (69, "Couldn't connect", "send", "a.csv", "--gateway-url", f"http://{NOBODY}"),
    (2, "UUID", "status", b"\xff\xfe"),
    (69, NOBODY, "status", ID, "--tracker-url", f"http://{NOBODY}"),
    (2, "no ODS code", "deliveries", "list", b"\xff"),
    # 78 is for a value, wherever it is looked at; 2 for what is missing, not known or too many
    (78, "UTF-8", "deliveries", "retry", "FZZ01", "--reason", b"\xff\xfe supplier is down"),
    (78, "8 to 200", "deliveries", "retry", "FZZ01", "--reason", "short"),
    (2, "8 to 200", "deliveries", "retry", "FZZ01"),
    (78, "at least 8", "tail", "providers", "--unmask", "--reason", "short"),
    (2, "at least 8", "tail", "providers", "--unmask"),
    (78, "such as 2026-11", "route", "a.csv", "--explain", "--at", "noon"),
    (2, "add --explain", "route", "a.csv"),
    (1, "THE-ID is neither a file that is there nor the id", "route", "THE-ID", "--explain"),
    (78, "http://… or https://…", "status", ID, "--tracker-url", "nonsense"),
    (78, "http://… or https://…", "status", ID, "--tracker-url", "http://"),
    (78, "http://… or https://…", "send", "a.csv", "--gateway-url", f"ftp://{NOBODY}"),
    (2, "no id of a delivery", "deliveries", "retry", "../x", *WHY),
    (1, "no-such-pathway: ../falls", "pathways", "show", "../falls"),
    (78, "folder/envelope.avsc", "pathways", "list", "--schemas-dir", "folder"),
)


class BadInput(unittest.TestCase):
    def test_help_names_what_may_follow_and_no_more(self):
        def told(*arguments):
            done = subprocess.run(
                [str(BIN_DIR / "referralctl"), *arguments], capture_output=True, text=True
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return done.stdout

        lines = told("deliveries", "--help").splitlines()
        self.assertEqual(
            [line.split()[1] for line in lines], ["list", "show", "retry", "release", "reroute"]
        )
        load = told("providers", "load", "--help")
        self.assertIn("--dry-run [true|false]", load)
        self.assertIn("--services VALUE", load)
        for flag in ("--check", "--version", "--options-json"):
            self.assertNotIn(flag, load)  # a verb takes none of them

    def test_without_its_variable_the_address_that_was_tried_is_told(self):
        # by TLS: no Kafka that runs there for other purposes answers that
        done = subprocess.run(
            [str(BIN_DIR / "referralctl"), "providers", "list"],
            capture_output=True,
            text=True,
            timeout=120,
            env={"PATH": os.environ["PATH"], "KAFKA_SECURITY_PROTOCOL": "ssl"},
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("(KAFKA_BOOTSTRAP_SERVERS is not set, so 127.0.0.1:19092)", done.stderr)

    def test_a_port_that_is_none_is_told(self):
        receive = SOURCE_DIR / "tests" / "demo" / "receive.py"
        for arguments in (["abc"], ["0"], ["65536"], ["1", "2"], ["--help"]):
            done = subprocess.run(
                [sys.executable, str(receive), *arguments], capture_output=True, text=True
            )
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertTrue(done.stderr.startswith("usage: receive.py"), done.stderr)

    def test_each_is_told_what_where_and_what_was_expected(self):
        environment = {
            "PATH": os.environ["PATH"],
            "KAFKA_BOOTSTRAP_SERVERS": NOBODY,
            "SCHEMAS_DIR": str(SOURCE_DIR / "schemas"),
        }
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "folder").mkdir()
            pathlib.Path(folder, "a.csv").write_text("a,b\n1,2\n")
            for code, words, *arguments in TABLE:
                with self.subTest(arguments):
                    done = subprocess.run(
                        [str(BIN_DIR / "referralctl"), *arguments],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        timeout=120,
                        cwd=folder,
                        env=environment,
                    )
                    told = done.stderr.decode("utf-8", "replace")
                    self.assertEqual(done.returncode, code, told)
                    self.assertIn(words, told)
                    self.assertEqual(len(told.splitlines()), 1, told)


if __name__ == "__main__":
    unittest.main(verbosity=2)
