"""A stand-in for the Hugging Face Hub on this machine: the endpoints that a client asks for a model, and its faults."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Hub:
    """What the stand-in holds, how it misbehaves, and what it was asked.

    Attributes
    ----------
    commits
        By model, by commit, by path in the repository, the file's content.
    refs
        By model, by branch or tag, its commit.
    gated
        Models whose files may not be read.
    breaks_once
        Paths whose next transfer breaks off in the middle.
    altered
        Paths of which another content is sent than is listed.
    asked
        Method, path and Range header of every request.
    """

    commits: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    refs: dict[str, dict[str, str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    breaks_once: set[str] = field(default_factory=set)
    altered: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""

    def publish(self, name: str, folder: Path, branch: str) -> str:
        """Publish a folder's files as a new commit of a model, at the head of a branch; return the commit."""
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        commit = hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()
        self.commits.setdefault(name, {})[commit] = files
        self.refs.setdefault(name, {})[branch] = commit
        return commit


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def is_large(path: str) -> bool:
    return path.endswith((".safetensors", ".gguf", ".bin"))


def etag(path: str, content: bytes) -> str:
    """Name a file as the Hub does: by SHA-256 where it is stored as a large file, by git's own hash otherwise."""
    return hashlib.sha256(content).hexdigest() if is_large(path) else git_sha1(content)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        self.hub.asked.append((self.command, self.path, self.headers["Range"]))
        path = self.path.partition("?")[0]
        if match := re.fullmatch(r"/api/(?:models|datasets)/([^/]+/[^/]+)/(revision|tree)/([^/]+)/?", path):
            name, kind, revision = match.groups()
            commit = self._commit(name, revision)
            if commit is not None:
                self._json(self._tree(name, commit) if kind == "tree" else {"id": name, "sha": commit, "siblings": []})
        elif match := re.fullmatch(r"/api/(?:models|datasets)/([^/]+/[^/]+)", path):
            commit = self._commit(match[1], "main")
            if commit is not None:
                self._json({"id": match[1], "sha": commit, "siblings": []})
        elif match := re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(*match.groups())
        else:
            self._refuse(404, "EntryNotFound")

    do_HEAD = do_GET  # noqa: N815 - as http.server names it

    def _commit(self, name: str, revision: str) -> str | None:
        """Find a revision's commit, or answer that there is none."""
        commits = self.hub.commits.get(name)
        if commits is None:
            self._refuse(401, "RepoNotFound")  # as the Hub answers one who is not logged in
            return None
        commit = self.hub.refs[name].get(revision, revision)
        if commit not in commits:
            self._refuse(404, "RevisionNotFound")
            return None
        return commit

    def _tree(self, name: str, commit: str) -> list[dict[str, object]]:
        entries: list[dict[str, object]] = []
        for path, content in self.hub.commits[name][commit].items():
            entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": git_sha1(content)}
            if is_large(path):
                entry["lfs"] = {"oid": etag(path, content), "size": len(content), "pointerSize": 130}
            entries.append(entry)
        return entries

    def _file(self, name: str, revision: str, path: str) -> None:
        commit = self._commit(name, revision)
        if commit is None:
            return
        if name in self.hub.gated:
            self._refuse(401, "GatedRepo")
            return
        listed = self.hub.commits[name][commit].get(path)
        if listed is None:
            self._refuse(404, "EntryNotFound")
            return
        content = self.hub.altered.get(path, listed) if self.command == "GET" else listed
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if self.headers["Range"] else 200)
        self.send_header("ETag", f'"{etag(path, listed)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        if self.headers["Range"]:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET" and path in self.hub.breaks_once:
            self.hub.breaks_once.remove(path)
            self.wfile.write(content[start : start + len(content) // 2])
            self.close_connection = True
        elif self.command == "GET":
            self.wfile.write(content[start:])

    def _json(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve() -> Iterator[Hub]:
    """Run the stand-in for the length of a block."""
    hub = Hub()
    handler = type("OfThisHub", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
