# SPDX-License-Identifier: Apache-2.0
"""Schema registries for tests: the real one (Apicurio), and one that answers as a script says."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from stack import free_port, port_is_open, run_script, wait_until

API = "/apis/ccompat/v7"


class Registry:
    """Apicurio on a port of its own. It keeps all in memory: after stop() or kill() it is empty."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="referral-registry-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{API}"
        self.client = SchemaRegistryClient({"url": self.url})

    def start(self):
        run_script("registry.sh", "start", self.dir, self.port)

    def stop(self):
        run_script("registry.sh", "stop", self.dir)

    def signal(self, number):
        os.kill(int((self.dir / "registry.pid").read_text()), number)
        if number == signal.SIGKILL:
            wait_until(lambda: not port_is_open(self.port), 20, "the registry's end")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- confluent-kafka's own serializers
    def read(self, message):
        return AvroDeserializer(self.client)(
            message.value(), SerializationContext(message.topic(), MessageField.VALUE)
        )

    def write(self, topic, value):
        """With the newest schema under the topic's subject; nothing is registered by it."""
        subject = self.client.get_latest_version(f"{topic}-value")
        serializer = AvroSerializer(
            self.client,
            subject.schema.schema_str,
            conf={"auto.register.schemas": False, "use.latest.version": True},
        )
        return serializer(value, SerializationContext(topic, MessageField.VALUE))


class Scripted:
    """A registry that answers every request with what `answer(method, path, body)` gives: (status,
    bytes), or None to say nothing until stop(), for five minutes. `asked` lists the paths."""

    def __init__(self, answer, tls=None):
        self.answer = answer
        self.asked = []
        self.gone = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                outer.asked.append((self.command, self.path, self.headers.get("Authorization")))
                given = outer.answer(self.command, self.path, body)
                if given is None:
                    outer.gone.wait(300)
                    self.close_connection = True
                    return
                status, content = given
                content = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that goes away is part of the script
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()
