"""Finding an environment by the name people know it by, and what is there."""

from __future__ import annotations

import argparse

from tenor import Registry
from tenor.cli import broker
from tenor.cli.running import UsageError


def named(registry: Registry, name: str) -> broker.Document:
    """An environment. Raises UsageError with the names there are."""
    for place in registry.send(broker.environments(name)):
        if place["name"] == name:
            return place
    known = ", ".join(str(place["name"]) for place in registry.send(broker.environments()))
    raise UsageError(f"there is no environment '{name}'; " + (f"there are: {known}" if known else "there is none yet"))


def configure_record(parser: argparse.ArgumentParser, *, version: bool = True) -> None:
    """The arguments of what is recorded for an environment."""
    parser.add_argument(
        "--application", "--pacticipant", required=True, metavar="NAME", help="the application (pacticipant)"
    )
    parser.add_argument("--version", required=version, metavar="V", help="its version, as it was published")
    parser.add_argument("--environment", required=True, metavar="E", help="e.g. production")


def ended(registry: Registry, kind: str, arguments: argparse.Namespace, *, instance: str = "") -> list[broker.Document]:
    """End what is recorded of an application's instance, or of its version; what that was.

    Raises UsageError when nothing of the kind is there.
    """
    place = named(registry, arguments.environment)
    there = registry.send(broker.present(kind, place["uuid"], arguments.application))
    found = [one for one in there if arguments.version in (None, one["version"]) and one["instance"] == instance]
    if not found:
        asked = f" version {arguments.version}" if arguments.version is not None else ""
        asked += f" (instance {instance})" if instance else ""
        word = "deployed" if kind == broker.DEPLOYED else "released"
        others = f"; there are: {', '.join(map(_shown, there))}" if there else ""
        raise UsageError(f"{arguments.application}{asked} is not {word} to {arguments.environment}{others}")
    for one in found:
        registry.send(broker.end(kind, one["uuid"]))
    return found


def contact(entry: broker.Document) -> str:
    """A contact on one line: `Sam, sam@example.org`."""
    details = entry.get("details")
    values = details.values() if isinstance(details, dict) else ()
    return ", ".join(str(value) for value in (entry.get("name"), *values) if value)


def _shown(one: broker.Document) -> str:
    return f"{one['version']} (instance {one['instance']})" if one["instance"] else str(one["version"])
