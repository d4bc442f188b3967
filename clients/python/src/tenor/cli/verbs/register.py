"""Register the schema in FILE under SUBJECT; the same schema again changes nothing.

With --dry-run the registry goes the whole way and keeps nothing. Exit code 1: the schema is incompatible.
"""

from __future__ import annotations

import argparse
import uuid
from dataclasses import asdict, replace
from typing import Any

from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output, finding_line
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_schema
from tenor.errors import PlanError
from tenor.schemas import FORMATS, Registration


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("file", metavar="FILE", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument(
        "--type", choices=[*FORMATS, *map(str.lower, FORMATS)], metavar="|".join(FORMATS), help="if FILE does not tell"
    )
    parser.add_argument(
        "--reference", action="append", default=[], metavar="NAME=SUBJECT:VERSION", help="may be repeated"
    )
    parser.add_argument(
        "--migration-rules", metavar="PLAN", help="add the upcaster of this plan, for clients that run JSONata"
    )
    parser.add_argument("--normalize", action="store_true", help="store the normal form of the schema")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Register, or rehearse it."""
    schema = read_schema(arguments.file, arguments.type, arguments.reference)
    if arguments.migration_rules is not None:
        schema = replace(schema, rule_set={"migrationRules": _rules(arguments.migration_rules)})
    with connect(arguments) as registry:
        registration = registry.register(
            arguments.subject,
            schema,
            normalize=arguments.normalize,
            dry_run=arguments.dry_run,
            # One key for all tries of this run: a lost answer cannot turn into a second registration.
            idempotency_key="" if arguments.dry_run else str(uuid.uuid4()),
        )
    output.result(_document(registration), [summary(registration)])
    if not output.json:
        for line in [*map(_change_line, registration.changes), *map(finding_line, registration.findings)]:
            output.say(f"  {line}")
    return SAFE


def _rules(file: str) -> list[dict[str, Any]]:
    """A plan as rules, UPGRADE and where nothing is lost DOWNGRADE. Raises UsageError."""
    from tenor.cli.plan_file import read_plan
    from tenor.plans.emitters.jsonata import migration_rules

    try:
        return migration_rules(read_plan(file))
    except PlanError as error:
        raise UsageError(f"--migration-rules {file}: {error}") from error


def summary(registration: Registration) -> str:
    """What happened, in one line."""
    what = registration.subject
    if registration.version is not None:
        what += f" version {registration.version}"
    if registration.id is not None and not (registration.dry_run and registration.created):
        what += f" (id {registration.id})"
    match registration.created, registration.dry_run:
        case True, True:
            return f"would register {what}"
        case True, False:
            return f"registered {what}"
        case False, _:
            return f"no change: {what}"
        case _:
            return f"{'would register' if registration.dry_run else 'registered'} {what}"


def _document(registration: Registration) -> dict[str, Any]:
    """Tenor's answer as it came; what a registry left out is null."""
    document = asdict(registration)
    raw: dict[str, Any] = document.pop("raw")
    return raw | document


def _change_line(change: Any) -> str:
    return finding_line({**change, "path": ""}) if isinstance(change, dict) else str(change)
