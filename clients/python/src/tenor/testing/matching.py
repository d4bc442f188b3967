"""Comparing a produced message with what a pact expects: by pact-python's verifier, which asks for it over HTTP.

It asks a server of ours on the loopback address; nothing else is contacted, whatever proxy is configured.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

from tenor.errors import MissingExtra
from tenor.testing.interactions import Contract, Document, document_of

HOST: Final = "127.0.0.1"
_PATH: Final = "/message"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. `attribute` is body, metadata or message; `place` a path such as $.lines[0].sku, or a name."""

    attribute: str
    place: str
    expected: str
    got: str
    sentence: str

    def lines(self) -> list[str]:
        """The difference as it is read."""
        head = f"{self.place}: {self.sentence}" if self.place else self.sentence
        pair = [f"    expected: {self.expected}", f"    got:      {self.got}"]
        return [head, *pair] if self.expected or self.got else [head]


def verifier_class() -> Any:
    """pact-python's verifier. Raises MissingExtra."""
    # Pact's core tells its makers of each run unless it is told not to; whoever wants that sets it to false.
    os.environ.setdefault("PACT_DO_NOT_TRACK", "true")
    try:
        from pact import Verifier
    except ImportError as error:
        raise MissingExtra(purpose="Verifying contracts", package="pact-python", extra="contracts") from error
    return Verifier


@contextmanager
def loopback() -> Iterator[None]:
    """What is on this machine is reached without a proxy, by native code too."""
    known = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    try:
        for name, value in known.items():
            os.environ[name] = ",".join(filter(None, (value, HOST, "localhost")))
        yield
    finally:
        for name, value in known.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def stdout_to(target: int) -> Iterator[None]:
    """What native code prints goes to another file descriptor."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(target, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def mismatches(
    contract: Contract, expected: Document, contents: bytes, metadata: Mapping[str, Any], content_type: str
) -> list[Mismatch]:
    """How a message differs from what a contract expects of it; none if it keeps the contract. Raises MissingExtra."""
    make = verifier_class()
    with tempfile.TemporaryDirectory() as folder, _answering(contents, metadata, content_type) as port:
        source = Path(folder) / "pact.json"
        source.write_text(json.dumps(document_of(contract, expected)), encoding="utf-8")
        verifier = make(contract.provider, host=HOST)
        verifier.add_transport(protocol="message", port=port, path=_PATH, scheme="http")
        verifier.add_source(source)
        with open(os.devnull, "w") as nowhere, stdout_to(nowhere.fileno()), loopback():
            try:
                verifier.verify()
            except RuntimeError as error:  # the verifier raises it for all it has to say
                failed = str(error)
            else:
                return []
        told = [each for _, found in broken(verifier.results) for each in found]
        return told or [Mismatch("message", "", "", "", failed)]


def broken(results: Mapping[str, Any]) -> Iterator[tuple[str, list[Mismatch]]]:
    """The interactions that are not kept by a verifier's word, named as `Interaction.name` does; how they differ.

    Where none was played, what kept the verifier from it.
    """
    played = results.get("interactionResults") or ()
    for each in played:
        if each.get("result") != "OK":
            given = " and ".join(each.get("providerStates", ()))
            name = f"{each.get('consumer')}: {each.get('description')}" + (f", given {given}" if given else "")
            yield name, list(_mismatches(each.get("mismatch") or {}))
    for each in () if played else results.get("errors", ()):
        yield str(each.get("interaction", "")), list(_mismatches(each.get("mismatch") or {}))


def _mismatches(found: Mapping[str, Any]) -> Iterator[Mismatch]:
    if found.get("type") != "mismatches":
        yield Mismatch("message", "", "", "", str(found.get("message") or found))
    for one in found.get("mismatches", ()):
        yield Mismatch(
            _ATTRIBUTES.get(one.get("type"), "message"),
            str(one.get("path") or one.get("key") or ""),
            str(one.get("expected", "")),
            str(one.get("actual", "")),
            str(one.get("mismatch", "")),
        )


_ATTRIBUTES: Final = {"BodyMismatch": "body", "BodyTypeMismatch": "body", "MetadataMismatch": "metadata"}


@contextmanager
def _answering(contents: bytes, metadata: Mapping[str, Any], content_type: str) -> Iterator[int]:
    """A port of this machine that gives the message to whoever asks."""
    described = base64.b64encode(json.dumps({"contentType": content_type, **metadata}).encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Pact-Message-Metadata", described)
            self.send_header("Content-Length", str(len(contents)))
            self.end_headers()
            self.wfile.write(contents)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what there is to say is in the results."""

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
