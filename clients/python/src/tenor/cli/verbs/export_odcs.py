"""Write a subject as a data contract of the Open Data Contract Standard (ODCS v3.2), in YAML or JSON.

  tenor export odcs orders-value > orders.odcs.yaml
  tenor export odcs orders-value --version 3 --server prod=broker.example:9092 --output-file orders.odcs.yaml

Fields with logical and physical types, what is required, enums, descriptions and tags; sealed fields are classified as
restricted. Besides, the owner as the team, the support window as retention, level, protection and rules. What ODCS has
no words for stands in customProperties under tenor:…, so that `tenor import odcs` brings the same schema back.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from tenor import Registry
from tenor.calls import Call
from tenor.cli import SAFE, blast
from tenor.cli.connection import connect
from tenor.cli.moving.reading import path
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.standards import files
from tenor.cli.standards.odcs import avro, contract, json_schema
from tenor.cli.standards.odcs.members import Json
from tenor.errors import NotFound
from tenor.schemas import AVRO, PROTOBUF


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("--version", type=int, metavar="N", help="default: the latest")
    parser.add_argument(
        "--server", action="append", default=[], metavar="NAME=HOST:PORT", help="a Kafka cluster; may be repeated"
    )
    parser.add_argument("--output-file", metavar="FILE", help="write there: .json as JSON, else YAML")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Export."""
    servers = [_server(text) for text in arguments.server]
    with connect(arguments) as registry:
        known, objects = _version(registry, arguments.subject, arguments.version)
        facts = _facts(registry, known)
    document = contract.contract(facts, objects, servers)
    properties = sum(len(each.get("properties", ())) for each in document["schema"])
    told = {"subject": facts.subject, "version": facts.version, "properties": properties}
    files.put(document, arguments.output_file, output, f"{facts.subject} version {facts.version}", told)
    return SAFE


def _server(text: str) -> Json:
    name, equals, host = text.partition("=")
    if not (name and equals and host) or "@" in host or "/" in host:
        raise UsageError(f"--server {text}: write NAME=HOST:PORT")
    return {"server": name, "host": host}


def _version(registry: Registry, subject: str, number: int | None) -> tuple[Json, list[Json]]:
    """A version as the registry tells it, and its schema objects."""
    here = ("subjects", subject, "versions", str(number or "latest"))
    known = registry.send(Call("GET", path(here, deleted=number is not None), _described))
    fixed = (*here[:3], str(known["version"]))
    rendering = "serialized" if known["schemaType"] == PROTOBUF else "resolved"
    text = registry.send(Call("GET", path(fixed, deleted=True, format=rendering), _described))["schema"]
    if known["schemaType"] == PROTOBUF:
        return known, _messages(text)
    language = avro if known["schemaType"] == AVRO else json_schema
    return known, [language.object_of(json.loads(text), subject)]


def _messages(serialized: str) -> list[Json]:
    try:
        from tenor.cli.standards.odcs import protobuf
    except ImportError as error:
        raise UsageError("Protobuf needs the package protobuf: pip install 'tenor[protobuf]'") from error
    try:
        return protobuf.objects_of(serialized)
    except protobuf.NoDescriptor as error:
        raise UsageError(str(error)) from error


def _described(body: Any) -> Json:
    return {
        **body,
        "subject": str(body["subject"]),
        "version": int(body["version"]),
        "schema": str(body["schema"]),
        "schemaType": str(body.get("schemaType") or AVRO),
    }


def _facts(registry: Registry, known: Json) -> contract.Facts:
    """What is known besides; a registry that is not Tenor knows no owner and no policy."""
    detail, policy = _detail(registry, known["subject"]), _policy(registry, known["subject"])
    return contract.Facts(
        known["subject"],
        known["version"],
        known.get("id"),
        known.get("guid"),
        known["schemaType"],
        detail.get("registered_at") if detail.get("version") == known["version"] else None,
        detail.get("owner"),
        detail.get("level"),
        policy.get("protect"),
        policy.get("readable_for"),
        bool(known.get("deleted")),
        known.get("metadata") or {},
        known.get("ruleSet") or {},
        known.get("references") or (),
    )


def _detail(registry: Registry, subject: str) -> Json:
    try:
        return registry.send(Call("GET", path(("api", "v1", "subjects", subject), deleted=True), _object))
    except NotFound:
        return {}


def _object(body: Any) -> Json:
    if not isinstance(body, dict):
        raise TypeError("no object")
    return body


def _policy(registry: Registry, subject: str) -> Json:
    try:
        found = registry.send(blast.policy(subject))
    except NotFound:
        return {}
    return {name: found.get(name) for name in ("protect", "readable_for")}
