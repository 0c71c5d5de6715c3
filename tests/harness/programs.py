# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves: their options, and their metrics while Kafka is away."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import confluent_kafka
from stack import BIN_DIR, SERVICES, SOURCE_DIR, free_port, http_status, http_text, wait_until

PROGRAMS = (*SERVICES, "referralctl")
BARE = {"PATH": os.environ["PATH"], "SCHEMAS_DIR": str(SOURCE_DIR / "schemas")}


def run(*command, env=None, **more):
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        cwd=SOURCE_DIR,
        env=env,
        **more,
    )


def option_table(program):
    """The rows of --options-json."""
    done = run(BIN_DIR / program, "--options-json", env=BARE)
    if done.returncode != 0:
        raise RuntimeError(f"{program} --options-json: exit {done.returncode}\n{done.stdout}")
    return [json.loads(line) for line in done.stdout.splitlines()]


TABLES = {program: option_table(program) for program in PROGRAMS}


def row(program, name):
    return next(one for one in TABLES[program] if one["name"] == name)


def port_of(listen):
    return int(listen.rsplit(":", 1)[1])


HEALTH_PORTS = {name: port_of(row(name, "health-listen")["default"]) for name in SERVICES}
HTTP_PORTS = {name: port_of(row(name, "listen")["default"]) for name in ("gateway", "tracker")}


def variables(program):
    """Name of each environment variable that the program reads -> its row."""
    names = {}
    for one in TABLES[program]:
        for name in (one["environment"], one.get("shared")):
            if name:
                names[name] = one
                if one["kind"] == "text":
                    names[name + "_FILE"] = one
    return names


def kafka_property_fault(name, value):
    """None, or why librdkafka does not take the variable; only its name is judged if `value` is
    None. The second property does not exist, so that no client is ever made."""
    key = name.removeprefix("KAFKA_").lower().replace("_", ".")
    if key.endswith(".file"):
        key, value = key.removesuffix(".file"), None
    try:
        confluent_kafka.Producer({key: "" if value is None else value, "no.such.thing": ""})
    except confluent_kafka.KafkaException as error:
        fault = str(error)
    if "no.such.thing" in fault or (value is None and "No such" not in fault):
        return None
    return fault


class Lonely:
    """A service whose Kafka is away: it lives, answers on its health port, and is not ready."""

    def __init__(self, service):
        self.service = service
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="referral-lonely-"))
        self.listen = f"127.0.0.1:{free_port()}"
        self.process = None

    def __enter__(self):
        environment = {
            **BARE,
            "HEALTH_LISTEN": self.listen,
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        }
        if self.service in HTTP_PORTS:
            environment[f"{self.service.upper()}_LISTEN"] = f"127.0.0.1:{free_port()}"
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(BIN_DIR / self.service)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.dir,
                env=environment,
            )
        try:
            wait_until(lambda: self.status("/livez") == 200, 20, f"{self.service} alive")
        except BaseException:
            print((self.dir / "log").read_text(errors="replace"), file=sys.stderr)
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def status(self, path):
        return http_status(f"http://{self.listen}{path}")

    def metrics(self):
        """Name -> (kind, help) as /metrics declares them."""
        text = http_text(f"http://{self.listen}/metrics")
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        helps = re.findall(r"^# HELP (\S+) (.*)$", text, re.M)
        return {name: (kinds[name], said) for name, said in helps}
