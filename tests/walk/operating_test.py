# SPDX-License-Identifier: Apache-2.0
"""docs/operating.md says what the programs say of themselves.

The programs are asked: --options-json for their options, /metrics for their metrics.

    operating_test.py --write    writes the tables of docs/operating.md anew
"""

import os
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from programs import (  # noqa: E402
    BARE,
    HEALTH_PORTS,
    HTTP_PORTS,
    PROGRAMS,
    TABLES,
    Lonely,
    kafka_property_fault,
    run,
    variables,
)
from stack import BIN_DIR, SERVICES, SOURCE_DIR  # noqa: E402

DOCUMENT = SOURCE_DIR / "docs" / "operating.md"


def default_text(program, one):
    if one["name"] == "schemas-dir":
        return "`schemas/` of the sources; the images set it"
    default = one.get("default")
    return f"`{default}`" if default else ("empty" if default == "" else "none")


def takes_text(one):
    if one["kind"] == "whole":
        return f"{one['least']} to {one['most']}"
    if one["kind"] == "choice":
        return ", ".join(f"`{choice}`" for choice in one["choices"].split("|"))
    if one["kind"] == "boolean":
        return "`true`, `false`"
    return "text; secret" if one["secret"] else "text"


def cell(text):
    return text.replace("|", "\\|")


def option_lines(program):
    lines = ["| flag | environment | takes | default | what |", "|---|---|---|---|---|"]
    for one in TABLES[program]:
        names = f"`{one['environment']}`"
        if one.get("shared"):
            names = f"`{one['shared']}`"
        lines.append(
            f"| `--{one['name']}` | {names} | {cell(takes_text(one))} "
            f"| {cell(default_text(program, one))} | {cell(one['help'])} |"
        )
    return lines


def metric_lines(service):
    with Lonely(service) as lonely:
        metrics = lonely.metrics()
    lines = ["| metric | kind | what |", "|---|---|---|"]
    for name, (kind, said) in metrics.items():
        if name.startswith(f"referral_{service}_"):
            lines.append(f"| `{name}` | {kind} | {cell(said)} |")
    return lines


def blocks():
    """Name of each written block -> function that gives its lines."""
    made = {f"options {name}": lambda name=name: option_lines(name) for name in PROGRAMS}
    made.update({f"metrics {name}": lambda name=name: metric_lines(name) for name in SERVICES})
    return made


def block_pattern(name):
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end -->)", re.S)


def write_document():
    text = DOCUMENT.read_text()
    for name, lines in blocks().items():
        content = "\n".join(lines()) + "\n"
        text, count = block_pattern(name).subn(lambda m: m.group(1) + content + m.group(3), text)
        if count != 1:
            raise SystemExit(f"{DOCUMENT}: expected one block <!-- {name} --> … <!-- end -->")
    DOCUMENT.write_text(text)


class Document(unittest.TestCase):
    maxDiff = None

    def test_every_option_and_metric_is_in_its_table_as_the_program_has_it(self):
        text = DOCUMENT.read_text()
        for name, lines in blocks().items():
            with self.subTest(block=name):
                found = block_pattern(name).search(text)
                self.assertIsNotNone(found, f"no block <!-- {name} --> … <!-- end -->")
                self.assertEqual(
                    found.group(2).splitlines(), lines(), "run operating_test.py --write"
                )

    def test_default_ports_are_told_as_they_are(self):
        text = DOCUMENT.read_text()
        for service in SERVICES:
            ports = [HEALTH_PORTS[service], *filter(None, [HTTP_PORTS.get(service)])]
            for port in ports:
                self.assertRegex(text, rf"\| {service} \|[^\n]*\b{port}\b", "the table of ports")

    def test_every_reason_that_readyz_gives_is_explained(self):
        text = DOCUMENT.read_text()
        explained = set(re.findall(r"^\| `([^`]+)` \|", text, re.M))
        header = (SOURCE_DIR / "common/kafka/kafka.h").read_text()
        given = set(re.findall(r'#define KAFKA_AWAY "([^"]+)"', header))
        self.assertTrue(given)
        sources = SOURCE_DIR.glob("common/*/*.c")
        for path in [*SOURCE_DIR.glob("services/**/*.c"), *sources]:
            code = path.read_text()
            for call in re.findall(r"service_not_ready\((.*?)\);", code, re.S):
                given.update(re.findall(r'"([^"]+)"', call))
            for body in re.findall(r"_not_ready\([^;{]*\)\n\{(.*?)\n\}", code, re.S):
                given.update(re.findall(r'return "([^"]+)"', body))
            given.update(re.findall(r'atomic_store\(&health->not_ready, "([^"]+)"', code))
        self.assertGreaterEqual(len(given), 8, "the reasons in the sources were not found")
        self.assertEqual(given - explained, set())

    def test_every_variable_it_names_exists(self):
        known = {name for program in PROGRAMS for name in variables(program)}
        prefixes = tuple(f"{program.upper()}_" for program in PROGRAMS)
        for name in re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", DOCUMENT.read_text()):
            if name.startswith(prefixes):
                self.assertIn(name, known)
            elif name.startswith("KAFKA_") and name not in ("KAFKA_X_Y", "KAFKA_X_Y_FILE"):
                self.assertIsNone(kafka_property_fault(name, None))


class Programs(unittest.TestCase):
    def test_a_service_without_kafka_is_alive_and_not_ready_and_stops_when_told(self):
        for service in SERVICES:
            with self.subTest(service=service), Lonely(service) as lonely:
                self.assertEqual(lonely.status("/livez"), 200)
                self.assertEqual(lonely.status("/readyz"), 503)
                lonely.process.terminate()
                self.assertEqual(lonely.process.wait(150), 0)

    def test_a_variable_that_is_no_option_stops_the_start(self):
        for service in SERVICES:
            name = f"{service.upper()}_LISTN"
            done = run(
                BIN_DIR / service,
                "--check",
                env={**BARE, name: "x"},
            )
            self.assertEqual(done.returncode, 78, done.stdout)
            self.assertIn(name, done.stdout)

    def test_a_script_that_is_asked_for_help_does_nothing_else(self):
        with tempfile.TemporaryDirectory() as holder:
            for script in (
                "tests/stack/up.sh",
                "tests/stack/down.sh",
                "tests/stack/test.sh",
                "tests/demo/demo.sh",
                "tests/lint/lint.sh",
            ):
                for arguments, code in ((["--help"], 0), (["--al"], 2), (["--empty", "x"], 2)):
                    with self.subTest(script=script, arguments=arguments):
                        done = run(
                            SOURCE_DIR / script,
                            *arguments,
                            env={**BARE, "PATH": os.environ["PATH"], "STACK_RUN_DIR": holder},
                        )
                        self.assertEqual(done.returncode, code, done.stdout)
                        self.assertEqual(os.listdir(holder), [])
                        self.assertRegex(done.stdout, "make (up|down|lint)|referrals|Every test")

    def test_up_names_a_wrong_number_and_starts_nothing(self):
        with tempfile.TemporaryDirectory() as holder:
            for variable, value, expected in (
                ("STACK_WAIT", "x", "from 0 to 86400"),
                ("STACK_WAIT", "-1", "from 0 to 86400"),
                ("STACK_KAFKA_PORT", "abc", "from 1 to 65534"),
                ("STACK_KAFKA_PORT", "0", "from 1 to 65534"),
                ("STACK_KAFKA_PORT", "65535", "from 1 to 65534"),  # the controller's is the next
            ):
                with self.subTest(variable=variable, value=value):
                    environment = {**BARE, "PATH": os.environ["PATH"], "STACK_RUN_DIR": holder}
                    done = run(
                        SOURCE_DIR / "tests/stack/up.sh", env={**environment, variable: value}
                    )
                    words = f'up: {variable} is "{value}", expected a whole number {expected}\n'
                    self.assertEqual((done.returncode, done.stdout), (2, words))
                    self.assertEqual(os.listdir(holder), [])

    def test_what_a_service_can_not_start_with_is_found_by_its_check(self):
        cases = [(service, "--health-listen", "9101", "HOST:PORT") for service in SERVICES]
        cases += [
            ("gateway", "--listen", "nonsense", "HOST:PORT"),
            ("gateway", "--listen", "::1:8080", "HOST:PORT"),
            ("tracker", "--listen", "localhost:x", "HOST:PORT"),
            ("gateway", "--status-url", "nonsense", "https://"),
            ("gateway", "--status-url", "", "https://"),
            ("dispatcher", "--secrets-dir", "/nope", "folder"),
            ("dispatcher", "--certificates-dir", "/etc/passwd", "folder"),
            ("tracker", "--database", "/nope/x.db", "folder"),
            ("router", "--schema-registry-cache", "/nope/x", "folder"),
        ]
        for service, option, value, expected in cases:
            for flag in (["--check"], []):
                with self.subTest(service=service, option=option, value=value, flag=flag):
                    health = [] if option == "--health-listen" else ["--health-listen=127.0.0.1:0"]
                    done = run(
                        BIN_DIR / service, *flag, *health, f"{option}={value}", env={**BARE}
                    )
                    self.assertEqual(done.returncode, 78, done.stdout)
                    self.assertIn(f'"{value}"', done.stdout.replace('\\"', '"'))
                    self.assertIn(expected, done.stdout)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write_document()
    else:
        unittest.main()
