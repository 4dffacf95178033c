"""An S3 server for tests of stores, which can also fail on purpose."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

SECRET = "b7Xk0secretOfNobody"
_SAID = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
_numbers = itertools.count()


@dataclass
class Server:
    """moto's S3 behind a door that counts requests and may refuse them.

    Attributes:
        requests: what has been asked: method and path, with the query of lists.
        fault: asked about each request; returns a status and a code of S3 if it is to fail. May sleep, or change things.
    """

    application: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
    port: int = 0
    requests: list[str] = field(default_factory=list)
    fault: Callable[[str], tuple[int, str] | None] = lambda _asked: None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}" + (f"?{query}" if "list-type" in query else "")
        self.requests.append(asked)
        found = self.fault(asked)
        if found is None:
            return self.application(environ, start)
        # Or what was sent would be taken for the next request.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(f"{found[0]} Failed", [("Content-Type", "application/xml")])
        return [_SAID.format(code=found[1], message=f"not with {SECRET}").encode()]

    def asked(self, method: str, bucket: str, lists: bool = False) -> list[str]:
        """The keys that were asked for by a method in a bucket, or the lists of it."""
        beginning = f"{method} /{bucket}"
        return [
            one.removeprefix(beginning).lstrip("/")
            for one in self.requests
            if one.startswith(beginning) and ("list-type" in one) == lists
        ]


@dataclass
class Bucket:
    """A bucket of the server: a dictionary of objects."""

    server: Server
    name: str
    client: Any

    def __setitem__(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def __getitem__(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def __delitem__(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def results(self) -> dict[str, bytes]:
        """All objects but the journal's."""
        return {key: self[key] for key in self.keys() if ".restore-journal/" not in key}

    def journal(self) -> list[bytes]:
        """The lines of all journals."""
        return [line for key in self.keys() if ".restore-journal/" in key for line in self[key].splitlines()]

    def at(self, folder: str = "") -> str:
        return f"s3://{self.name}/{folder}"


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    why = "moto, flask or s3fs is not installed: pip install '.[dev]'"
    pytest.importorskip("s3fs", reason=why)
    pytest.importorskip("flask_cors", reason=why)
    pytest.importorskip("moto.server", reason=why)
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = Server(DomainDispatcherApplication(create_backend_app))
    running = make_server("127.0.0.1", 0, server, threaded=True)
    server.port = running.server_port
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield server
    running.shutdown()
    thread.join()


@pytest.fixture
def server(_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, with credentials for it where its users look for them."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{_server.port}",
        "AWS_ACCESS_KEY_ID": "AKIAOFNOBODYATALL000",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield _server
    _server.fault = lambda _asked: None
    _server.requests.clear()


@pytest.fixture(scope="session")
def _client(_server: Server) -> Any:
    import boto3

    credentials = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{_server.port}", **credentials)


@pytest.fixture
def bucket(server: Server, _client: Any) -> Callable[[], Bucket]:
    """A function that makes an empty bucket."""

    def make() -> Bucket:
        name = f"bucket-{next(_numbers)}"
        _client.create_bucket(Bucket=name)
        server.requests.clear()
        return Bucket(server, name, _client)

    return make
