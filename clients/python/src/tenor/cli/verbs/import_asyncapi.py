"""Tell the registry who sends and receives what, by an AsyncAPI document: FastStream's own, or any other (2.x, 3.x).

  faststream docs gen app:specification --out asyncapi.json
  tenor import asyncapi asyncapi.json --application billing --version 1.4 --dry-run
  tenor import asyncapi asyncapi.json --application billing --version 1.4

What it sends becomes what this version writes (as `tenor produces`); what it receives becomes its contract: for JSON
Schemas the needs of the model, as `tenor contracts from-model`, for Avro and Protobuf all of the registered version
that it is. Then `tenor impact` names it. The subject of an address is what the document says (x-tenor-subject), what
the registry associates with the topic, or TOPIC-value. What cannot be told is named. The same again changes nothing.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tenor import Registry
from tenor.broker import put_on_branch
from tenor.cli import SAFE, blast, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.standards import asyncapi, files
from tenor.errors import NotFound, Rejected
from tenor.naming import ASSOCIATED, STRATEGIES, record_name
from tenor.schemas import LATEST, Schema

_EACH = 10
"""What is left out for one reason is named, up to so many."""
_UNTOLD = "the document does not say what it reads of the event"


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help="JSON or YAML; - for standard input")
    parser.add_argument("--application", "--pacticipant", required=True, metavar="NAME", help="whose document it is")
    parser.add_argument("--version", metavar="V", help="of the application; else what the document says")
    parser.add_argument("--branch", metavar="B", help="the branch that the version is built from")
    parser.add_argument("--provider", metavar="NAME", help="who writes what it receives; else the one that says so")
    parser.add_argument(
        "--subject", action="append", default=[], metavar="ADDRESS=SUBJECT", help="of a topic; may be repeated"
    )
    parser.add_argument(
        "--naming",
        choices=(ASSOCIATED, *STRATEGIES),
        default=ASSOCIATED,
        help="how subjects are named; default: as associated, else TOPIC-value",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be told, and change nothing")


@dataclass(slots=True)
class _Plan:
    """What is to be told: (subject, version) written, (subject, version) read whole, messages of contracts."""

    writes: dict[str, int] = field(default_factory=dict)
    reads: dict[str, int] = field(default_factory=dict)
    needs: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """(provider, subject, interaction)"""
    left_out: list[tuple[str, str]] = field(default_factory=list)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Read, work out what to tell, tell it."""
    try:
        found = asyncapi.said(files.read(arguments.file))
    except asyncapi.NoDocument as error:
        raise UsageError(f"{arguments.file} is no AsyncAPI document: {error}") from error
    version = arguments.version or found.version
    if not version:
        raise UsageError(f"{arguments.file} does not say its version: give --version")
    given = dict(_pair(text) for text in arguments.subject)
    with connect(arguments) as registry:
        plan = _plan(registry, arguments, found, given)
        if not arguments.dry_run:
            _tell(registry, arguments.application, version, arguments.branch, plan)
    document = {
        "application": arguments.application,
        "version": version,
        "dry_run": arguments.dry_run,
        "writes": [{"subject": subject, "version": number} for subject, number in plan.writes.items()],
        "reads": [{"subject": subject, "version": number} for subject, number in plan.reads.items()],
        "contracts": [_contract(*each) for each in plan.needs],
        "left_out": [{"what": what, "why": why} for what, why in plan.left_out],
    }
    output.result(document, _lines(document))
    return SAFE


def _pair(text: str) -> tuple[str, str]:
    address, equals, subject = text.partition("=")
    if not (address and equals and subject):
        raise UsageError(f"--subject {text}: write ADDRESS=SUBJECT")
    return address, subject


def _plan(registry: Registry, arguments: argparse.Namespace, found: asyncapi.Said, given: dict[str, str]) -> _Plan:
    plan = _Plan(left_out=list(found.left_out))
    for told in found.told:
        if told.application not in (None, arguments.application):
            continue  # the document of several applications: this one's part
        subject = _subject(registry, told, given, arguments.naming)
        if subject is None:
            plan.left_out.append(
                (f"operation {told.operation}", "nothing says its subject: give --subject or --naming")
            )
        elif told.action == asyncapi.SEND:
            _written(registry, told, subject, plan)
        elif told.payload.format in ("AVRO", "PROTOBUF"):
            _read_whole(registry, told, subject, plan)
        else:
            provider = arguments.provider or _provider(registry, subject, arguments.application)
            plan.needs.append((provider, subject, _interaction(told, subject)))
    return plan


def _subject(registry: Registry, told: asyncapi.Told, given: dict[str, str], naming: str) -> str | None:
    if told.address in given or told.subject:
        return given.get(told.address) or told.subject
    record = told.message
    if told.payload.format == "JSON":
        record = str(told.payload.schema.get("title") or record)
    elif told.payload.format:
        record = record_name(_schema(told.payload)) or record
    if not told.address and naming != "record":
        return None
    return registry.subject_for(told.address, record=record, naming=naming)


def _schema(payload: asyncapi.Payload) -> Schema:
    text = (
        payload.schema if isinstance(payload.schema, str) and payload.format != "AVRO" else json.dumps(payload.schema)
    )
    return Schema(text, payload.format)


def _written(registry: Registry, told: asyncapi.Told, subject: str, plan: _Plan) -> None:
    number = _version(registry, told, subject)
    if number is None:
        try:
            number = registry.version(subject, LATEST).version
        except NotFound:
            plan.left_out.append((f"operation {told.operation} sends {subject}", "the subject is not registered yet"))
            return
    plan.writes[subject] = number or LATEST


def _read_whole(registry: Registry, told: asyncapi.Told, subject: str, plan: _Plan) -> None:
    number = _version(registry, told, subject)
    if number is None:
        why = f"its {told.payload.format} schema is no version of the subject: register it first"
        plan.left_out.append((f"operation {told.operation} receives {subject}", why))
    else:
        plan.reads[subject] = number


def _version(registry: Registry, told: asyncapi.Told, subject: str) -> int | None:
    """The version of a subject that a message is, as the document says it, or as the registry knows the schema."""
    if told.version is not None:
        return told.version
    if not told.payload.format:
        return None
    try:
        return registry.lookup(subject, _schema(told.payload)).version
    except (NotFound, Rejected):  # Rejected: what the document calls a schema is none to the registry
        return None


def _provider(registry: Registry, subject: str, application: str) -> str:
    """The one other application that says it writes a subject, else the subject's name."""
    known = [name for name in registry.send(blast.consumers(subject))["producers"] if name != application]
    return str(known[0]) if len(known) == 1 else subject


def _interaction(told: asyncapi.Told, subject: str) -> dict[str, Any]:
    from tenor.testing import models

    schema = told.payload.schema if told.payload.format else {}
    try:
        made = models.interaction(f"{told.operation}: {told.message}", subject, schema)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise UsageError(f"the schema of message {told.message} is no JSON Schema ({type(error).__name__})") from error
    comment = made["comments"]["tenor"]
    if len(comment["needs"]) < 2 and comment["needs"][0].get("types") in (None, ["object"]):
        comment["reasons"].append(_UNTOLD)
    return made


def _tell(registry: Registry, application: str, version: str, branch: str | None, plan: _Plan) -> None:
    by_provider: dict[str, list[dict[str, Any]]] = {}
    for provider, _, interaction in plan.needs:
        by_provider.setdefault(provider, []).append(interaction)
    contracts = [_pact(application, provider, each) for provider, each in sorted(by_provider.items())]
    if contracts:
        registry.send(broker.publish(application, version, contracts, branch=branch, tags=(), build_url=None))
    elif branch is not None:
        registry.send(put_on_branch(application, version, branch))
    if plan.writes:
        registry.send(blast.produces(application, version, list(plan.writes.items()), None))
    for subject, number in plan.reads.items():
        registry.send(blast.reads(application, version, subject, number))


def _pact(consumer: str, provider: str, interactions: list[dict[str, Any]]) -> dict[str, Any]:
    document = {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": sorted(interactions, key=lambda each: str(each["description"])),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    return {
        "consumerName": consumer,
        "providerName": provider,
        "specification": "pact",
        "contentType": "application/json",
        "content": base64.b64encode(json.dumps(document).encode()).decode("ascii"),
    }


def _contract(provider: str, subject: str, interaction: dict[str, Any]) -> dict[str, Any]:
    comment = interaction["comments"]["tenor"]
    return {
        "subject": subject,
        "provider": provider,
        "description": interaction["description"],
        "needs": comment["needs"],
        "reasons": comment["reasons"],
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    who = f"{document['application']} {document['version']}"
    would = "would be told: " if document["dry_run"] else ""
    for each in document["writes"]:
        latest = "in its latest version" if each["version"] == LATEST else f"version {each['version']}"
        yield f"{would}{who} writes {each['subject']} {latest}"
    for each in document["reads"]:
        yield f"{would}{who} reads {each['subject']} version {each['version']}, all of it"
    for each in document["contracts"]:
        yield f"{would}{who} needs {len(each['needs'])} places of {each['subject']} ({each['description']})"
        for reason in each["reasons"]:
            yield f"  counts as unknown: {reason}"
    why = Counter(each["why"] for each in document["left_out"])
    for each in document["left_out"]:
        if why[each["why"]] <= _EACH:
            yield f"left out: {each['what']}: {each['why']}"
    for reason, count in why.items():
        if count > _EACH:
            yield f"left out: {count} times, --output json tells where: {reason}"
    if not (document["writes"] or document["reads"] or document["contracts"]):
        yield f"nothing to tell of {who}"
