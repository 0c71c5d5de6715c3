# SPDX-License-Identifier: Apache-2.0
"""A bad line before a receiver: a TCP proxy that makes what passes late, loses it, or cuts it."""

import asyncio
import itertools
import threading


class Line:
    """Listens on `host`, passes on to `port` of 127.0.0.1. `late`: seconds that each piece takes
    in each direction. `harm`: for connection 0, 1, 2… in turn, what happens to it: "pass"; or
    (kind, direction, bytes): "lose" swallows all that follows so many bytes of that direction and
    says nothing, "cut" ends the connection there. Directions are "there" and "back"."""

    def __init__(self, host, port, late=0.0, harm=("pass",)):
        self.host, self.port, self.late = host, port, late
        self.harm = itertools.cycle(harm)
        self.harmed = 0
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        def run():
            asyncio.set_event_loop(self.loop)
            self.server = self.loop.run_until_complete(
                asyncio.start_server(self._serve, self.host, 0)
            )
            self.listens = self.server.sockets[0].getsockname()[1]
            ready.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        if not ready.wait(30):
            raise RuntimeError("a line that does not listen")

    def url(self, provider):
        return f"http://{self.host}:{self.listens}/{provider}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def _serve(self, reader, writer):
        harm = next(self.harm)
        try:
            there = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(
                self._pass(reader, there[1], harm, "there"),
                self._pass(there[0], writer, harm, "back"),
            )
            there[1].close()
        except (OSError, ConnectionAbortedError):
            pass
        finally:
            writer.transport.abort()

    async def _pass(self, reader, writer, harm, direction):
        kind, whose, left = harm if harm != "pass" else ("pass", None, 0)
        while piece := await reader.read(65536):
            await asyncio.sleep(self.late)
            if whose == direction and len(piece) > left:
                self.harmed += left >= 0
                writer.write(piece[: max(left, 0)])
                await writer.drain()
                if kind == "cut":
                    raise ConnectionAbortedError
                left = -1  # all the rest is lost
                continue
            left -= len(piece) if whose == direction and left >= 0 else 0
            writer.write(piece)
            await writer.drain()
        writer.close()
