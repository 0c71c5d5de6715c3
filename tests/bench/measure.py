# SPDX-License-Identifier: Apache-2.0
"""What the parts of make bench share: programs that measure, what a process has used, a directory,
the line of a ratio."""

import json
import os
import pathlib
import signal
import statistics
import subprocess

import generate
from stack import BIN_DIR, http

ROUNDS = int(os.environ.get("ROUNDS", "3"))


def tool(name, *arguments):
    done = subprocess.run(
        [BIN_DIR / name, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=600,
    )
    return json.loads(done.stdout)


class Sink:
    """bench_sink as a process of its own, with its arguments after the port."""

    def __init__(self, *arguments):
        self.arguments = [str(argument) for argument in (0, *arguments)]

    def __enter__(self):
        self.process = subprocess.Popen(
            [BIN_DIR / "bench_sink", *self.arguments], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def taken(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def hang(self, hangs):
        """What comes to /hang/ from now on hangs; or is answered, and so is what hangs now. Counts
        begin anew."""
        http(f"{self.url}/bench/{'hang' if hangs else 'answer'}", b"")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


def metric(stack, name, row):
    """Sum of the series of a metric."""
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in stack.metrics(name).splitlines()
        if line.startswith(row + "{") or line.startswith(row + " ")
    )


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def england(count, hours, url):
    """Rows of a directory as large as England's: one for one those of bench_directory in number,
    not in place. url(code) is an endpoint."""
    row = dict.fromkeys(generate.COLUMNS, "")
    for number in range(count):
        code = f"F{chr(65 + number // 2600)}{chr(65 + number // 100 % 26)}{number % 100:02d}"
        yield {
            **row,
            "ods_code": code,
            "name": f"Invented Pharmacy {number}",
            "kind": "pharmacy",
            "hcp": "West Kent",
            "easting": 300000 + number * 29 % 350000,
            "northing": 60000 + number * 41 % 500000,
            "services": "blood-pressure-check clinical-pathway minor-illness urgent-supply",
            "hours": hours,
            "endpoint_url": url(code),
        }


def ratio_line(title, ratios, ours, bare, unit, goal=None):
    middle = statistics.median(ratios)
    wanted = "no goal" if goal is None else f"goal at least {goal}"
    print(
        f"{title:<34} {middle:5.2f} x  "
        f"({min(ratios):.2f} to {max(ratios):.2f}; {wanted})   "
        f"{statistics.median(ours):,.0f} {unit}/s against {statistics.median(bare):,.0f}",
        flush=True,
    )
    return middle
