"""An S3-compatible storage on 127.0.0.1 for tests: in memory, with faults."""

import io
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

BUCKET, PREFIX = "family", "run"
_SECRET = "nobody's"  # noqa: S105 - the server takes any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ObjectStorage:
    """What the server holds, and how it misbehaves.

    Attributes
    ----------
    out_until
        Until then (`time.monotonic`) every request is answered with status 503; `refused` counts them.
    held
        A part of a key: an upload of such an object is never answered and not kept.
    holding
        Set when such an upload has come.
    """

    def __init__(self, url: str) -> None:
        import boto3

        self.url = url
        self.out_until = 0.0
        self.refused = 0
        self.held: str | None = None
        self.holding = threading.Event()
        self.client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=_SECRET,
            aws_secret_access_key=_SECRET,
        )
        urlopen(Request(f"{url}/moto-api/reset", method="POST")).close()  # noqa: S310 - what an earlier server held
        self.client.create_bucket(Bucket=BUCKET)

    @property
    def arguments(self) -> list[str]:
        """What a run on this storage is given."""
        return ["--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/{PREFIX}"]

    @property
    def env(self) -> dict[str, str]:
        """What a run on this storage finds in its environment."""
        settings = {"ENDPOINT_URL": self.url, "ACCESS_KEY": _SECRET, "SECRET_KEY": _SECRET}
        return os.environ | {f"SNAKEMAKE_STORAGE_S3_{k}": v for k, v in settings.items()} | {"OMP_NUM_THREADS": "1"}

    def keys(self, part: str = "") -> list[str]:
        """Return the keys of objects that hold this text, in order."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [item["Key"] for page in pages for item in page.get("Contents", []) if part in item["Key"]]

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def download(self, folder: Path) -> None:
        """Copy all that a run left into a folder, which is then laid out as a working directory."""
        for key in self.keys():
            path = folder / key.removeprefix(f"{PREFIX}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.get(key))

    def wrap(self, application: Application) -> Application:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length)  # all of it, or the client's next request begins in its middle
            environ["wsgi.input"] = io.BytesIO(body)
            if time.monotonic() < self.out_until:
                self.refused += 1
                start("503 Service Unavailable", [("Content-Length", "0")])
                return []
            if environ["REQUEST_METHOD"] == "PUT" and self.held is not None and self.held in environ["PATH_INFO"]:
                self.holding.set()
                while self.held is not None:
                    time.sleep(0.05)
                start("503 Service Unavailable", [("Content-Length", "0")])
                return []
            return application(environ, start)

        return answer


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """Serve a new, empty storage until the block ends."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    storage: list[ObjectStorage] = []
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1", 0, lambda e, s: (storage[0].wrap(application) if storage else application)(e, s), threaded=True
    )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        storage.append(ObjectStorage(f"http://127.0.0.1:{server.server_port}"))
        yield storage[0]
    finally:
        for one in storage:
            one.held = None
        server.shutdown()
        thread.join(10)
