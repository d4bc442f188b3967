"""Say what RULE means, or list all rules; needs no server.

Rules of checks are named LIKE_THIS, rules of lint like-this, what an impact finds at a path is one word: erased.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from tenor.cli import SAFE
from tenor.cli.engine import ask
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.told import aligned

Rule = Mapping[str, Any]

FORMATS: Final = {"AVRO": "Avro", "JSON": "JSON Schema", "PROTOBUF": "Protobuf", "any": "every format"}
SEVERITIES: Final = {
    ("check", "error"): "error: the two schemas are incompatible",
    ("check", "warning"): "warning: shown beside the verdict, which it does not change",
    ("check", "none"): "none: a difference that is compatible",
    ("impact", "error"): "error: the consumer breaks, changes its result, or may break: as its contract says",
    ("lint", "error"): "error: tenor lint ends with exit code 1",
    ("lint", "warning"): "warning: tenor lint ends with exit code 0",
}
FOUND_BY: Final = {
    ("check", "error"): "tenor check NEW --against OLD, with an event that breaks and ways to mend it",
    ("check", "warning"): "tenor check NEW --against OLD",
    ("check", "none"): "tenor diff OLD NEW, in words of its own",
    ("impact", "error"): "tenor impact SUBJECT NEW, with consumer, environment and path",
    ("lint", "error"): "tenor lint FILE; --severity {rule}=warning makes it one",
    ("lint", "warning"): "tenor lint FILE; --severity {rule}=off silences it",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("rule", metavar="RULE", nargs="?", help="e.g. TYPE_CHANGED; without one, all are listed")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Explain."""
    rules: Sequence[Rule] = ask({"do": "rules"}, arguments.timeout)["rules"]
    if arguments.rule is None:
        rows = [(each["rule"], each["format"], each["verb"], each["severity"]) for each in rules]
        output.result({"rules": rules}, aligned(rows))
        return SAFE
    meant = [each for each in rules if _key(each["rule"]) == _key(arguments.rule)]
    if not meant:
        raise UsageError(f"'{arguments.rule}' is not a rule; {_hint(arguments.rule, rules)}")
    output.result({"rules": meant}, pages(meant))
    return SAFE


def pages(rules: Sequence[Rule]) -> Iterator[str]:
    """What one rule means: a page for each format that has it."""
    for number, rule in enumerate(rules):
        if number:
            yield ""
        yield rule["rule"]
        yield ""
        yield from (f"  {line}" for line in wrap(rule["text"], 90))
        yield ""
        yield f"  format:    {FORMATS.get(rule['format'], rule['format'])}"
        kind = (rule["verb"], rule["severity"])
        yield f"  severity:  {SEVERITIES[kind]}"
        yield f"  found by:  {FOUND_BY[kind].format(rule=rule['rule'])}"


def _key(rule: str) -> str:
    return rule.replace("-", "_").upper()


def _hint(word: str, rules: Sequence[Rule]) -> str:
    from difflib import get_close_matches

    known = {_key(each["rule"]): each["rule"] for each in rules}
    close = get_close_matches(_key(word), known, n=1)
    return f"did you mean {known[close[0]]}?" if close else "tenor explain lists them all"
