"""Copy a contract broker into Tenor through its HAL API: applications, versions, branches, tags, pacts, the results of
verifications, environments, what is deployed and released there, and webhooks.

  tenor import pact-broker https://broker.example --registry http://localhost:8081
  tenor import pact-broker http://other-tenor:8081/pact

What is there already is not sent again: an import that was cut short goes on, one that is complete changes nothing. At
the end both sides are read and compared. Exit code 5: they differ. No broker tells the secrets of
webhooks: one that has some is copied disabled, and named. Results that a later one replaced are not copied, nor in
results those of single interactions.

For the source: user and password in its URL, or TENOR_SOURCE_TOKEN, TENOR_SOURCE_BASIC_AUTH (with _FILE: from a file).
"""

from __future__ import annotations

import argparse

from tenor.broker import MOUNT
from tenor.cli.connection import connect
from tenor.cli.moving import broker, counted, webhooks
from tenor.cli.moving.importing import concluded, source_at, stretch
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("source", metavar="URL", help="the broker to copy")
    parser.add_argument("--dry-run", action="store_true", help="say what would be copied, and change nothing")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Import."""
    with source_at(arguments.source, arguments) as registry, connect(arguments) as own:
        origin, target = broker.Broker(registry), broker.Broker(own, MOUNT)
        if origin.url == target.url:
            raise UsageError(f"{origin.url} is where it would be copied to: say another --registry")
        with output.progress("reading the source") as shown:
            source = broker.read(origin, stretch(shown, "reading the source"))
            there = broker.read(target, stretch(shown, "reading the target"))
            if target.remarks:  # where webhooks may not be read, they may not be written
                source = {key: document for key, document in source.items() if key[0] != broker.WEBHOOK}
            blocked, copied = broker.in_the_way(source, there), []
            found = list(broker.differences(source, there))
            if found and not (blocked or arguments.dry_run):
                copied = broker.restore(target, source, there, stretch(shown, "copying", len(found)))
                there = broker.read(target, stretch(shown, "verifying"))
                found = list(broker.differences(source, there))
    waiting = () if blocked else webhooks.remarks(source, there)
    remarks = dict.fromkeys((*origin.remarks, *target.remarks, *waiting))
    report = {
        "from": origin.url,
        "to": target.url,
        **({"remarks": list(remarks)} if remarks else {}),
        "compared": counted(source, broker.KINDS),
        "copied": counted(copied, broker.KINDS),
    }
    return concluded(report, blocked or found, output, blocked=bool(blocked), dry_run=arguments.dry_run)
