# SPDX-License-Identifier: Apache-2.0
"""A provider to try things with: takes every POST on 127.0.0.1:PORT and prints what it was."""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from receiver import Receiver  # noqa: E402


def main():
    given = sys.argv[1:] or ["9900"]
    if len(given) > 1 or not given[0].isdecimal() or not 1 <= int(given[0]) <= 65535:
        print("usage: receive.py [PORT]: a number from 1 to 65535 (9900)", file=sys.stderr)
        return 2
    port = int(given[0])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    seen = 0
    with Receiver(port) as receiver:
        print(f"waiting for referrals on 127.0.0.1:{port}; Ctrl-C ends", flush=True)
        while True:
            try:
                receiver.wait_for(lambda got: len(got) > seen, 3600)
            except TimeoutError:
                continue
            for request in receiver.snapshot()[seen:]:
                seen += 1
                print(f"{request.provider}: {request.body.decode()}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
