# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL cluster for a test: its own directory, a Unix socket only. As root it runs
as the user postgres, because PostgreSQL refuses to run as root."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile


def _programs():
    found = sorted(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]),
    )
    if found:
        return found[-1].parent
    plain = shutil.which("initdb")
    if plain:
        return pathlib.Path(plain).resolve().parent
    raise RuntimeError("PostgreSQL's programs are not installed (Debian: postgresql)")


class Postgres:
    """Use as `with Postgres() as postgres:`; stopped and removed at the end."""

    def __init__(self):
        self.programs = _programs()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="referral-pg-"))
        self.user = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.dir, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _run(self, *command):
        done = subprocess.run(
            [str(self.programs / command[0]), *map(str, command[1:])],
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            **self.user,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self):
        # fsync off: what is tested is this project, not the disk
        options = f"-k {self.dir} -c listen_addresses= -c fsync=off -c max_connections=20"
        data, log = self.dir / "data", self.dir / "log"
        self._run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.dir / "data", "-m", mode, "-w", "stop")

    def url(self, database):
        return f"postgres://tracker@/{database}?host={self.dir}"

    def query(self, database, sql):
        return self._run("psql", "-h", self.dir, "-U", "tracker", "-tAc", sql, database).strip()

    def make_database(self, name):
        self.query("postgres", f"CREATE DATABASE {name}")

    def __enter__(self):
        try:
            data = self.dir / "data"
            self._run("initdb", "-D", data, "-U", "tracker", "-A", "trust", "-N", "-E", "UTF8")
            self.start()
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_error):
        try:
            self.stop("immediate")
        except RuntimeError:
            pass  # stopped by the test
        shutil.rmtree(self.dir, ignore_errors=True)
