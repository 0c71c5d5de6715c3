# SPDX-License-Identifier: Apache-2.0
"""The providers' side: one HTTP server that plays any number of providers, each by its own script.

A provider is a path (/FA123). Its script is a list of answers; the n-th attempt of a delivery (by
webhook-id) gets the n-th answer, the last one repeats. Every request that came in whole is kept,
with what was answered. Bytes are read by hand, so that an answer may be late, half, dripping,
endless, or none.
"""

import asyncio
import dataclasses
import json
import threading
import time

from stack import PATIENCE

HEAD_MAX = 64 * 1024
BODY_MAX = 4 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Answer:
    """One scripted answer. `how`: plain, hang (never answer), drip (a byte a `delay`), reset (RST
    instead of an answer), close (end of the connection instead of an answer), half (close in the
    middle of the answer's head), cut (close `size` bytes before the answer's end), garbage (no
    HTTP), endless (a body without end), megabytes (`size` bytes of body)."""

    status: int = 200
    how: str = "plain"
    delay: float = 0.0
    headers: tuple = ()
    body: bytes = b'{"status":"received"}'
    size: int = 8 * 1024 * 1024


OK = Answer()


@dataclasses.dataclass
class Received:
    """A request as it came in."""

    provider: str
    at: float
    headers: dict
    body: bytes
    answer: Answer
    attempt: int
    resumed: bool = False  # the TLS session of its connection was one from before
    client: str = ""  # the name in the client's certificate

    @property
    def delivery_id(self):
        return self.headers.get("webhook-id", "")

    @property
    def accepted(self):
        return self.answer.how in ("plain", "megabytes", "endless", "drip", "half") and (
            200 <= self.answer.status < 300
        )

    @property
    def document(self):
        return json.loads(self.body)

    @property
    def referral_id(self):
        return self.document["data"]["referral_id"]


def _session(writer):
    """(resumed, the client's name) of a connection with TLS."""
    tls = writer.get_extra_info("ssl_object")
    subject = (tls and tls.getpeercert() or {}).get("subject", ())
    return bool(tls and tls.session_reused), "".join(value for ((_, value),) in subject)


class Receiver:
    """Runs in a thread of its own from start() to stop()."""

    def __init__(self, port=0, tls=None, host="127.0.0.1"):
        self.port = port
        self.tls = tls  # an SSLContext
        self.host = host  # in the URLs it gives
        self.connections = 0
        self.scripts = {}
        self.otherwise = (OK,)
        self.received = []
        self._attempts = {}
        self._lock = threading.Condition()
        self._loop = None
        self._thread = None
        self._tasks = set()

    # ---- for tests
    def url(self, provider):
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}/{provider}"

    def script(self, provider, *answers):
        with self._lock:
            self.scripts[provider] = tuple(answers)

    def wait_for(self, condition, timeout, what="the receiver", patience=PATIENCE):
        """Waits until condition(list of Received) holds; says what did not come otherwise."""
        timeout *= patience
        end = time.monotonic() + timeout
        with self._lock:
            while not condition(self.received):
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(
                        f"{what}: not within {timeout} s; {len(self.received)} requests came"
                    )
                self._lock.wait(left)

    def snapshot(self):
        with self._lock:
            return list(self.received)

    # ---- life
    def start(self):
        ready = threading.Event()
        failure = []

        def run():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
            try:
                server = self._loop.run_until_complete(
                    asyncio.start_server(
                        self._serve,
                        "127.0.0.1",
                        self.port,
                        limit=HEAD_MAX,
                        backlog=1024,
                        ssl=self.tls,
                    )
                )
            except OSError as error:
                failure.append(error)
                ready.set()
                return
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            self._loop.run_forever()
            server.close()
            for task in list(self._tasks):
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
            self._loop.close()

        self._thread = threading.Thread(target=run, name="receiver", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            raise failure[0]
        return self

    def stop(self):
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- the wire
    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            TimeoutError,
        ):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        if length > BODY_MAX:
            return False
        body = await reader.readexactly(length)
        provider = path.split("?")[0].strip("/").split("/")[-1]
        with self._lock:
            key = (provider, headers.get("webhook-id", ""))
            attempt = self._attempts.get(key, 0) + 1
            self._attempts[key] = attempt
            script = self.scripts.get(provider, self.otherwise)
        answer = script[min(attempt, len(script)) - 1]
        if answer.delay and answer.how != "drip":
            await asyncio.sleep(answer.delay)
        with self._lock:
            self.received.append(
                Received(provider, time.time(), headers, body, answer, attempt, *_session(writer))
            )
            self._lock.notify_all()
        return await self._answer(writer, answer)

    async def _answer(self, writer, answer):
        if answer.how == "hang":
            await asyncio.sleep(3600)
        if answer.how == "reset":
            writer.transport.abort()
            return False
        if answer.how == "close":
            return False
        if answer.how == "garbage":
            writer.write(b"\x00\xff\x13 this is no HTTP\r\n\r\n" * 4)
            await writer.drain()
            return False
        body = b"x" * answer.size if answer.how == "megabytes" else answer.body
        head = [f"HTTP/1.1 {answer.status} Scripted", "Content-Type: application/json"]
        if answer.how == "endless":
            head.append("Transfer-Encoding: chunked")
        else:
            head.append(f"Content-Length: {len(body)}")
        head += [f"{name}: {value}" for name, value in answer.headers]
        start = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
        if answer.how == "half":
            writer.write(start[:-8])
            await writer.drain()
            return False
        if answer.how == "cut":
            writer.write((start + body)[: -answer.size])
            await writer.drain()
            return False
        if answer.how == "drip":
            for byte in start + body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(answer.delay)
            return True
        writer.write(start)
        if answer.how == "endless":
            chunk = b"10000\r\n" + b"y" * 0x10000 + b"\r\n"
            for _ in range(16 * 1024):  # a gigabyte is as good as endless
                writer.write(chunk)
                await writer.drain()
            return False
        writer.write(body)
        await writer.drain()
        return True
