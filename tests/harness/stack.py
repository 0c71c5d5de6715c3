# SPDX-License-Identifier: Apache-2.0
"""The whole system on one machine, for tests and the demo: Kafka, the five services, referralctl.

Every Stack has its own directory and ports, so that two never meet. Processes are ended by their
ids, always.
"""

import atexit
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE_DIR = pathlib.Path(os.environ.get("SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BIN_DIR = pathlib.Path(os.environ.get("BIN_DIR", SOURCE_DIR / "build" / "bin"))
AWAY = 69  # referralctl's word for Kafka that does not answer yet
SERVICES = ("gateway", "router", "dispatcher", "aggregator", "tracker")
PATIENCE = 5  # times the time that a condition is given: for a machine that is busy
START_SECONDS = 40  # that a Java program has, times the patience
WAITS = ("STACK_KAFKA_WAIT", "STACK_REGISTRY_WAIT")


def free_port():
    """One that is free, and the next one too (Kafka's controller takes it). Below the range from
    which the system gives ports to outgoing connections: one of those could take the port of a
    server that is just being restarted. Its namesake in UDP is held until this process ends, so
    that none is given twice, here or in a test beside this one."""
    while True:
        port = random.randrange(20000, 32000, 2)
        held = socket.socket(type=socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
            for number in (port, port + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            held.close()
            continue
        atexit.register(held.close)
        return port


def port_is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_script(name, *arguments):
    """One of tests/stack; what it said is in the error if it fails."""
    done = subprocess.run(
        [str(SOURCE_DIR / "tests/stack" / name), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=(START_SECONDS + 30) * PATIENCE,
        env={**dict.fromkeys(WAITS, str(START_SECONDS * PATIENCE)), **os.environ},
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} {arguments[0]}: {done.stdout}")


def wait_until(condition, timeout, what, patience=PATIENCE):
    """Polls condition() until it is true; returns its value. TimeoutError names `what`. Rests for
    three times as long as the question took: a whole audit is asked less often than a port is, and
    most of the machine is for what is asked about. Where the time itself is what is tested, the
    patience is 1."""
    timeout *= patience
    end = time.monotonic() + timeout
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        answered = time.monotonic()
        if answered > end:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(min(max(0.02, 3 * (answered - asked)), 2))


class Stack:
    """Use as `with Stack() as stack:`; everything is stopped and, unless it failed, removed at the
    end. With `as_shipped` the topics have as many partitions as by default, also where a run of all
    tests has asked for fewer."""

    def __init__(self, schemas=None, environment=None, keep=None, as_shipped=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="referral-stack-"))
        self.keep = bool(os.environ.get("KEEP")) if keep is None else keep
        self.kafka_port = free_port()
        self.ports = {name: free_port() for name in ("gateway", "tracker")}
        self.health = {name: free_port() for name in SERVICES}
        self.processes = {}
        self.schemas = pathlib.Path(schemas) if schemas else SOURCE_DIR / "schemas"
        secret = self.dir / "webhook.secret"
        secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("KAFKA_") and not (as_shipped and name.endswith("_PARTITIONS"))
        }
        self.environment.update(
            {
                "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
                "SCHEMAS_DIR": str(self.schemas),
                "GATEWAY_LISTEN": f"127.0.0.1:{self.ports['gateway']}",
                "GATEWAY_STATUS_URL": f"http://127.0.0.1:{self.ports['tracker']}/v1/referrals/",
                "TRACKER_LISTEN": f"127.0.0.1:{self.ports['tracker']}",
                "TRACKER_DATABASE": str(self.dir / "tracker.db"),
                "REFERRALCTL_GATEWAY_URL": self.gateway_url,
                "REFERRALCTL_TRACKER_URL": self.tracker_url,
                "DISPATCHER_WEBHOOK_SECRET_FILE": str(secret),
                "DISPATCHER_ALLOW_HTTP": "true",
                "DISPATCHER_ALLOW_NETWORKS": "127.0.0.0/8",
            }
        )
        if not as_shipped:  # no 503, and so no repeated POST, because the machine is busy
            self.environment["GATEWAY_ACK_TIMEOUT_MS"] = "30000"
        wait = os.environ.get("STACK_FETCH_WAIT_MS")
        self.of_services = {"KAFKA_FETCH_WAIT_MAX_MS": wait} if wait else {}
        for name in SERVICES:
            self.environment[f"{name.upper()}_HEALTH_LISTEN"] = f"127.0.0.1:{self.health[name]}"
        self.environment.update(environment or {})

    # ---- addresses
    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.kafka_port}"

    @property
    def gateway_url(self):
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def tracker_url(self):
        return f"http://127.0.0.1:{self.ports['tracker']}"

    # ---- Kafka
    def _kafka(self, verb):
        port = [str(self.kafka_port)] if verb == "start" else []
        run_script("kafka.sh", verb, self.dir / "kafka", *port)

    def _print_kafka_logs(self):
        for path in sorted((self.dir / "kafka").glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-15:]
            print("\n".join([f"--- {path.name}", *lines]), file=sys.stderr)

    def kafka_start(self):
        self._kafka("start")

    def kafka_stop(self):
        self._kafka("stop")

    def kafka_pid(self):
        return int((self.dir / "kafka" / "kafka.pid").read_text())

    def kafka_signal(self, number):
        os.kill(self.kafka_pid(), number)
        if number == signal.SIGKILL:  # it takes a moment to die, and holds its port until then
            wait_until(lambda: not port_is_open(self.kafka_port), 20, "the broker's end")

    # ---- services
    def told(self, name, fact):
        """What the service has logged of this fact."""
        whole = self.log_path(name).read_text().split("\n")[:-1]  # not what is just being written
        lines = map(json.loads, whole)
        return [line for line in lines if line.get("fact") == fact]

    def log_path(self, name):
        return self.dir / f"{name}.log"

    def start(self, *names, ready=True, program=None, **environment):
        for name in names or SERVICES:
            if name in self.processes and self.processes[name].poll() is None:
                raise RuntimeError(f"{name} is running already")  # one of them would be left
            with open(self.log_path(name), "ab") as log:
                self.processes[name] = subprocess.Popen(
                    [str(BIN_DIR / (program or name))],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.dir,
                    env={**self.of_services, **self.environment, **environment},
                )
        if ready:
            for name in names or SERVICES:
                self.wait_ready(name)

    def is_ready(self, name):
        return http_status(f"http://127.0.0.1:{self.health[name]}/readyz") == 200

    def wait_ready(self, name, timeout=30):
        process = self.processes[name]

        def ready():
            if process.poll() is not None:
                raise RuntimeError(
                    f"{name} ended with {process.returncode}:\n{self.log_tail(name)}"
                )
            return self.is_ready(name)

        try:
            wait_until(ready, timeout, f"{name} ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail(name)}") from None

    def log_tail(self, name, lines=15):
        path = self.log_path(name)
        return (
            "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
            if path.exists()
            else ""
        )

    def kill(self, name, number=signal.SIGKILL):
        self.processes[name].send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            # 20 s to drain and 30 to stop are its own limits
            self.processes[name].wait(50 * PATIENCE)

    def restart(self, name, number=signal.SIGKILL, **environment):
        self.kill(name, number)
        self.start(name, ready=False, **environment)

    # ---- the operator's command
    def ctl(self, *arguments, check=True, away=False, timeout=300):
        """One call. It is repeated while Kafka does not answer (which on a busy machine may happen
        at any moment; what was asked of a dispatcher meanwhile is done once all the same), but not
        because no dispatcher answers, nor where somebody is `away` on purpose."""
        end = time.monotonic() + 60 * PATIENCE
        while True:
            done = self.ctl_once(*arguments, timeout=timeout)
            unheard = done.returncode == AWAY and "no-answer" not in done.stderr
            if unheard and not away and time.monotonic() < end:
                continue
            if check and done.returncode != 0:
                raise RuntimeError(
                    f"referralctl {' '.join(map(str, arguments))}: exit {done.returncode}\n"
                    f"{done.stdout}{done.stderr}"
                )
            return done

    def ask_dispatchers(self, *arguments, code=0):
        """What `referralctl deliveries` answers. A dispatcher has long to do so: who asks again is
        told only what was left to do. Asked again it is when nobody has answered even then."""
        own = arguments[0] == "show" or "--wait-seconds" in arguments
        patient = () if own else ("--wait-seconds", "60")

        def answered():
            done = self.ctl("deliveries", *arguments, *patient, "--json", check=False)
            return done if code == AWAY or done.returncode != AWAY else None

        done = wait_until(answered, 60, f"an answer to {arguments}")
        if done.returncode != code:
            raise AssertionError(f"exit {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def ctl_once(self, *arguments, timeout):
        return subprocess.run(
            [str(BIN_DIR / "referralctl"), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
            cwd=self.dir,
            env=self.environment,
        )

    def audit(self):
        """(exit code, the report as a dict)."""
        done = self.ctl("audit", "--json", check=False)
        try:
            return done.returncode, json.loads(done.stdout)
        except json.JSONDecodeError:
            raise RuntimeError(
                f"audit --json: exit {done.returncode}\n{done.stdout}{done.stderr}"
            ) from None

    def settle(self, timeout=60):
        """Waits until nothing is pending and the audit balances; returns the report."""
        last = [None]

        def settled():
            last[0] = self.audit()
            return last[0][0] == 0 and last[0][1]["total"]["pending"] == 0

        try:
            wait_until(settled, timeout, "all settled")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {last[0]}") from None
        return last[0][1]

    # ---- HTTP
    def post(self, body, key=None, headers=None, timeout=90):
        """As a careful sender: with a key it is sent again while Kafka does not answer in time,
        which on a busy machine may happen at any moment. (status, headers, document)."""
        end = time.monotonic() + 30 * PATIENCE
        while True:
            answer = self.post_once(body, key, headers, timeout)
            away = answer[0] == 503 and "kafka-unavailable" in str(answer[2])
            if not (away and key) or time.monotonic() > end:
                return answer
            time.sleep(0.05)  # a sender's own back-off

    def post_once(self, body, key=None, headers=None, timeout=30):
        """POST /v1/referrals; (status, headers, document)."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {
            "Content-Type": "application/json",
            **({"Idempotency-Key": key} if key else {}),
            **(headers or {}),
        }
        return http(f"{self.gateway_url}/v1/referrals", data, all_headers, timeout)

    def status(self, referral_id):
        return http(f"{self.tracker_url}/v1/referrals/{referral_id}")

    def wait_schema_ids(self, *names):
        """Until they have heard the registry's id of each schema, and write with it."""
        missing = "referral_schema_registry_schemas_without_id"
        for name in names:
            wait_until(lambda n=name: self.metric(n, missing) == 0, 30, f"{name} knows the ids")

    def metrics(self, name):
        return http_text(f"http://127.0.0.1:{self.health[name]}/metrics")

    def metric(self, name, series):
        """The value of that series (its labels, if it has any, spelt out); None = not there."""
        for line in self.metrics(name).splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    # ---- life
    def __enter__(self):
        try:
            self.kafka_start()
            self.ctl("topics", "create")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, _error, _trace):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for name, process in self.processes.items():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop in 20 s and was killed", file=sys.stderr)
                process.kill()
                process.wait()
        try:
            if not self.keep:  # what it holds goes with it
                with contextlib.suppress(OSError, ValueError):
                    os.kill(self.kafka_pid(), signal.SIGKILL)
            self._kafka("stop")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
        if kind is not None and issubclass(kind, Exception):
            for name in self.processes:
                print(f"--- {name}\n{self.log_tail(name)}", file=sys.stderr)
            self._print_kafka_logs()
        if self.keep:
            print(f"kept: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def http(url, data=None, headers=None, timeout=30, method=None):
    """(status, headers with lower-case names, parsed JSON or text)."""
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, head, body = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, head, body = error.code, error.headers, error.read()
    text = body.decode("utf-8", "replace")
    is_json = "json" in head.get("Content-Type", "")
    return (
        status,
        {k.lower(): v for k, v in head.items()},
        json.loads(text) if is_json and text else text,
    )


def http_status(url):
    try:
        return http(url, timeout=30)[0]
    except (OSError, urllib.error.URLError):
        return None


def http_text(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()
