# SPDX-License-Identifier: Apache-2.0
"""The tracker's store on a real PostgreSQL: the very tests that SQLite passes. The cluster is
private: a directory of its own, a Unix socket, no port."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from postgres import Postgres  # noqa: E402

BIN_DIR = pathlib.Path(os.environ["BIN_DIR"])


def store_tests(postgres, database):
    return subprocess.run(
        [str(BIN_DIR / "unit_tracker_store_test")],
        env={**os.environ, "TEST_DATABASE_URL": postgres.url(database)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )


def main():
    with Postgres() as postgres:
        postgres.make_database("store")
        done = store_tests(postgres, "store")
        print(done.stdout)
        assert done.returncode == 0, f"exit {done.returncode}"
        # it was this database that they used
        assert postgres.query("store", "SELECT max(version) FROM schema_version") == "2"
        assert int(postgres.query("store", "SELECT count(*) FROM event")) > 0
        # one that a newer tracker has written is left alone, and that is said
        postgres.query("store", "INSERT INTO schema_version (version) VALUES (999)")
        done = store_tests(postgres, "store")
        assert done.returncode != 0 and "newer-database" in done.stdout, done.stdout


if __name__ == "__main__":
    main()
