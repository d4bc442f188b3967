"""Write what applications send and receive as an AsyncAPI 3.0 document, in YAML or JSON.

  tenor export asyncapi > asyncapi.yaml
  tenor export asyncapi --application billing --environment prod --output-file billing.json
  tenor export asyncapi --server prod=kafka://broker.example:9092

Channels are topics, by what subjects are associated with or how they are named; messages are subjects with their
schemas in their own language; operations are applications, by what they said that they write, what their contracts
need and what they were seen fetching. Subject, version, id and guid stand under x-tenor-….
"""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlencode, urlsplit

from tenor import Registry
from tenor.calls import Call
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.standards import files


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--application", "--pacticipant", metavar="NAME", help="only what it sends and receives")
    parser.add_argument("--environment", metavar="NAME", help="only what runs there")
    parser.add_argument("--prefix", metavar="TEXT", default="", help="only subjects that begin so; :.ctx: one context")
    parser.add_argument(
        "--server", action="append", default=[], metavar="NAME=URL", help="e.g. prod=kafka://broker:9092; repeatable"
    )
    parser.add_argument("--output-file", metavar="FILE", help="write there: .json as JSON, else YAML")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Export."""
    asked = {name: getattr(arguments, name) for name in ("application", "environment", "prefix")}
    query = urlencode({name: value for name, value in asked.items() if value})
    servers = [_server(text) for text in arguments.server]
    with connect(arguments) as registry:
        found = registry.send(Call("GET", f"/api/v1/asyncapi{f'?{query}' if query else ''}", _document))
        document = _with_servers(found, servers, registry)
    counts = {name: len(document[name]) for name in ("channels", "operations")}
    counts["messages"] = len(document["components"]["messages"])
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    files.put(document, arguments.output_file, output, said, {"asyncapi": document["asyncapi"], **counts})
    return SAFE


def _document(body: Any) -> dict[str, Any]:
    if not (str(body["asyncapi"]).startswith("3.") and isinstance(body["components"]["messages"], dict)):
        raise TypeError("asyncapi")
    return {**body, "channels": dict(body["channels"]), "operations": dict(body["operations"])}


def _server(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, url = text.partition("=")
    parts = urlsplit(url)
    if not (name and equals and parts.scheme and parts.netloc) or "@" in parts.netloc:
        raise UsageError(f"--server {text}: write NAME=PROTOCOL://HOST:PORT, without a password")
    pathname = {"pathname": parts.path} if parts.path.strip("/") else {}
    return name, {"host": parts.netloc, "protocol": parts.scheme, **pathname}


def _with_servers(
    document: dict[str, Any], servers: list[tuple[str, dict[str, Any]]], registry: Registry
) -> dict[str, Any]:
    """The document with servers behind `info`, each with the registry that its events' ids belong to."""
    if not servers:
        return document
    vendor = {"schemaRegistryUrl": registry.url, "schemaRegistryVendor": "confluent", "bindingVersion": "0.5.0"}
    kafka = {name: {**server, "bindings": {"kafka": vendor}} for name, server in servers}
    plain = {name: kafka[name] if server["protocol"].startswith("kafka") else server for name, server in servers}
    head = {name: document[name] for name in ("asyncapi", "info")}
    return {**head, "servers": plain, **{name: each for name, each in document.items() if name not in head}}
