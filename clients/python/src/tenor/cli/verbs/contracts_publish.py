"""Publish the pacts of a consumer's version: all of them, or none.

The same again changes nothing. Exit code 5: this version is published already, with other content; a change takes
a new version.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tenor.cli import SAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a pact, or a folder of pacts (*.json)")
    parser.add_argument("--consumer-version", required=True, metavar="V", help="of the consumer, e.g. its commit")
    parser.add_argument("--branch", metavar="B", help="the branch that the version is built from")
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="may be repeated")
    parser.add_argument("--build-url", metavar="URL", help="where the build that made it can be seen")
    parser.add_argument("--merge", action="store_true", help="add to what the version has, where the broker allows it")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Read all files, then publish."""
    contracts = [contract(path, read_text(path)) for path in pact_files(arguments.files)]
    consumers = sorted({str(each["consumerName"]) for each in contracts})
    if len(consumers) > 1:
        raise UsageError(f"the pacts belong to several consumers ({', '.join(consumers)}); publish one at a time")
    with connect(arguments) as registry:
        call = broker.publish(
            consumers[0],
            arguments.consumer_version,
            [{**each, "onConflict": "merge"} for each in contracts] if arguments.merge else contracts,
            branch=arguments.branch,
            tags=arguments.tag,
            build_url=arguments.build_url,
        )
        published = registry.send(call)
    output.result(published, (text for _, text in broker.notices(published)))
    return SAFE


def pact_files(paths: Iterable[str]) -> Iterator[str]:
    """The files, with folders replaced by their *.json. Raises UsageError for a folder without any."""
    for path in paths:
        if not Path(path).is_dir():
            yield path
            continue
        inside = sorted(str(file) for file in Path(path).glob("*.json"))
        if not inside:
            raise UsageError(f"the folder {path} holds no pact (*.json)")
        yield from inside


def contract(path: str, text: str) -> broker.Document:
    """A pact as it is published. Raises UsageError for what is no pact."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}") from error
    match document:
        case {"consumer": {"name": str(consumer)}, "provider": {"name": str(provider)}}:
            return {
                "consumerName": consumer,
                "providerName": provider,
                "specification": "pact",
                "contentType": "application/json",
                "content": base64.b64encode(text.encode("utf-8")).decode("ascii"),
            }
    raise UsageError(f"{path} is no pact: it does not name a consumer and a provider")
