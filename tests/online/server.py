"""An HTTPS server on this computer that can be told to fail."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")


@dataclass
class Fault:
    """What happens to one request instead of what it asks for.

    Attributes:
        status: answered without a body; 0 to begin as usual.
        headers: added to the answer.
        after: bytes of the body after which the connection breaks; None for the whole body.
        promise: whether Content-Length is that of the whole body, or that of what is sent.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    after: int | None = None
    promise: bool = True


@dataclass
class Asked:
    """A request that arrived."""

    path: str
    headers: dict[str, str]


class Server:
    """What it serves, the faults to come by path, and what was asked.

    Attributes:
        url: without a slash at its end.
        ranges: whether parts are served.
    """

    def __init__(self) -> None:
        self.url = ""
        self.forget()

    def forget(self) -> None:
        """Serve nothing, without faults, and forget what was asked."""
        self.files: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.asked: list[Asked] = []
        self.ranges = True

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, server)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    class Httpd(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that breaks off

    httpd = Httpd(("127.0.0.1", 0), Handler)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    server.url = f"https://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()


def _answer(handler: BaseHTTPRequestHandler, server: Server) -> None:
    path = handler.path
    server.asked.append(Asked(path, dict(handler.headers)))
    faults = server.faults.get(path, [])
    fault = faults.pop(0) if faults else Fault()
    if fault.status:
        handler.send_response(fault.status)
        for name, value in fault.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    body = server.files.get(path)
    if body is None:
        handler.send_error(404)
        return
    tag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
    if handler.headers.get("If-None-Match") == tag:
        handler.send_response(304)
        handler.end_headers()
        return
    asked = handler.headers.get("Range", "")
    begin = 0
    if asked and server.ranges and handler.headers.get("If-Range", tag) == tag:
        begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(body):
            handler.send_error(416)
            return
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
    else:
        handler.send_response(200)
    sent = body[begin:] if fault.after is None else body[begin : begin + fault.after]
    handler.send_header("ETag", tag)
    handler.send_header("Content-Type", server.kinds.get(path, "application/octet-stream"))
    handler.send_header("Content-Length", str(len(body) - begin if fault.promise else len(sent)))
    for name, value in fault.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(sent)
    if fault.after is not None and fault.promise:
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)


def entry(url: str | list[str], data: bytes, **changes: object) -> dict[str, object]:
    """A catalogue's entry of a checkpoint, in the published form."""
    urls = [url] if isinstance(url, str) else url
    resource = {
        "platform": "pytorch",
        "type": "pth",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "urls": urls,
    }
    model: dict[str, object] = {
        "name": "Tiny Compact",
        "author": "somebody",
        "license": "MIT",
        "tags": ["general-upscaler", "photo"],
        "description": "A *tiny* network.",
        "date": "2024-01-02",
        "architecture": "compact",
        "size": ["8nf"],
        "scale": 2,
        "inputChannels": 3,
        "outputChannels": 3,
        "resources": [resource],
        "images": [],
    }
    for key, value in changes.items():
        (resource if key in resource else model)[key] = value
    return model


def catalogue(**models: dict[str, object]) -> bytes:
    """A catalogue of entries; underscores of the names become hyphens and a scale is put first."""
    return json.dumps({f"2x-{name.replace('_', '-')}": one for name, one in models.items()}).encode()
