"""Derive the upcaster from events of OLD to events of NEW; needs no server.

Prints the steps and what is open, or with --python, --typescript, --jsonata or --rules the code (--python FILE writes a
module and its tests, and keeps what was written into FILE by hand). --plan FILE writes the plan itself.

--yes PATH agrees to a suggestion, --no PATH declines it; --decide FILE has decisions as JSON, by path. Exit code 1:
something is open.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from tenor.cli import SAFE, UNSAFE
from tenor.cli.local_schema import LocalSchema, add_reference, add_type, ask_about, overridden, read_local
from tenor.cli.output import Output, one_line
from tenor.cli.plan_file import steps_of
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text

_WORDS: Final = {"certain": " ", "lossy": "-", "suggested": "?", "todo": "!"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("old", metavar="OLD", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument("new", metavar="NEW", help="the same, later")
    parser.add_argument("--yes", action="append", default=[], metavar="PATH", help="agree to what is suggested there")
    parser.add_argument("--no", action="append", default=[], metavar="PATH", help="decline it")
    parser.add_argument("--decide", metavar="FILE", help="decisions by path, as JSON")
    parser.add_argument("--plan", metavar="FILE", help="write the plan")
    parser.add_argument("--python", metavar="FILE", help="write a Python module and test_FILE; - prints it")
    parser.add_argument("--module", metavar="NAME", help="what FILE is imported as; without, its own name")
    parser.add_argument(
        "--jsonata", action="store_true", help="print the plan as JSONata, as Confluent's clients run it"
    )
    parser.add_argument("--typescript", action="store_true", help="print it as a TypeScript module")
    parser.add_argument("--steps", action="append", default=[], metavar="PACKAGE", help="where hand-written steps are")
    parser.add_argument("--rules", action="store_true", help="print it as migrationRules of NEW, as JSON")
    add_type(parser)
    add_reference(parser)
    add_reference(parser, "--old-reference", more=". Where OLD needs another file than NEW")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Derive."""
    if arguments.old == arguments.new == "-":
        raise UsageError("standard input holds one schema: OLD and NEW cannot both be -")
    new = read_local(arguments.new, arguments.type, arguments.reference)
    old = read_local(arguments.old, arguments.type, overridden(arguments.reference, arguments.old_reference))
    decisions = {
        **_decided(arguments.decide),
        **dict.fromkeys(arguments.yes, "yes"),
        **dict.fromkeys(arguments.no, "no"),
    }
    if arguments.python is not None:
        return _python(arguments, output, old, new, decisions)
    answer = _ask(arguments, old, new, decisions)
    if arguments.jsonata or arguments.rules or arguments.typescript:
        return _exported(arguments, output, answer)
    if arguments.plan:
        _write(arguments.plan, json.dumps(answer["plan"], indent=2, ensure_ascii=False) + "\n", output)
    output.result(answer, _told(answer))
    return UNSAFE if answer["open"] else SAFE


def _ask(arguments: argparse.Namespace, old: LocalSchema, new: LocalSchema, decisions: dict[str, Any]) -> Any:
    schemas = {"new": new, "old": old}
    answer = ask_about(schemas, arguments.timeout, do="derive", decisions=decisions)
    known = {step["path"] for step in answer["plan"].get("steps", ()) if step.get("decision") is not None}
    if unknown := sorted(decisions.keys() - known):
        raise UsageError(f"there is nothing to decide at '{unknown[0]}'")
    return answer


def _decided(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file} is no object with decisions by path")
    return found


def _told(answer: Any) -> list[str]:
    steps = [step for step in answer["plan"].get("steps", ()) if step["kind"] != "copy"]
    lines = [f"{_mark(step)} {one_line(step['path'] or '/')}  {one_line(step['sentence'])}" for step in steps]
    if not steps:
        lines.append("events stay as they are")
    opens = answer["open"]
    todos = sum(each["certainty"] == "todo" for each in opens)
    lines.append(
        f"plan {answer['hash'][:12]}: {len(opens) - todos} suggestions to answer (?), {todos} to be written (!)"
    )
    return lines


def _mark(step: Any) -> str:
    return " " if step.get("confirmed") else _WORDS[step["certainty"]]


def _exported(arguments: argparse.Namespace, output: Output, answer: Any) -> int:
    from msgspec import convert

    from tenor.plans import from_data
    from tenor.plans.custom import of_function
    from tenor.plans.emitters import jsonata, typescript
    from tenor.plans.emitters.shapes import Shapes

    plan = from_data(answer["plan"])
    before, after = (convert(each, Shapes) for each in answer["shapes"])
    if arguments.typescript:
        steps = {name: of_function(name, found) for name, found in steps_of(plan, arguments.steps).items()}
        text = typescript.emit(plan, before, after, steps)
        output.result({"typescript": text, "hash": answer["hash"]}, text.rstrip("\n"))
        return SAFE
    for path, kind in () if plan.format == "PROTOBUF" else jsonata.unsuited(before):
        output.say(
            f"{path}: {kind}: confluent-kafka for Python evaluates JSONata on JSON values only, and will refuse it"
        )
    if arguments.rules:
        rules = jsonata.migration_rules(plan)
        output.result({"migrationRules": rules}, json.dumps({"migrationRules": rules}, indent=2, ensure_ascii=False))
        return SAFE
    expression = jsonata.emit_for_clients(plan)
    output.result({"jsonata": expression, "hash": answer["hash"]}, expression)
    return SAFE


def _python(
    arguments: argparse.Namespace, output: Output, old: LocalSchema, new: LocalSchema, decisions: dict[str, Any]
) -> int:
    from msgspec import convert

    from tenor.plans import from_data
    from tenor.plans.emitters import python, python_kept
    from tenor.plans.emitters.shapes import Shapes
    from tenor.plans.values import decode

    file = None if arguments.python == "-" else Path(arguments.python)
    if file is not None and (file.suffix != ".py" or not file.stem.isidentifier()):
        raise UsageError(f"--python: {file} is no name of a module")
    kept = python_kept.kept_of(read_text(str(file))) if file is not None and file.exists() else python_kept.NOTHING
    decisions = {**kept.decisions, **decisions}
    answer = _ask(arguments, old, new, decisions)
    module = arguments.module or (file.stem if file is not None else "")
    if custom := python.custom_steps(from_data(answer["plan"]), kept, module):
        answer = _ask(arguments, old, new, {**decisions, **custom})
    plan = from_data(answer["plan"])
    before, after = (convert(each, Shapes) for each in answer["shapes"])
    text = python.emit(plan, before, after, kept, module)
    if arguments.plan:
        _write(arguments.plan, json.dumps(answer["plan"], indent=2, ensure_ascii=False) + "\n", output)
    finished = "@todo(" not in text and not any(each["certainty"] == "suggested" for each in answer["open"])
    if file is None:
        output.result({"python": text, "hash": answer["hash"], "open": answer["open"]}, text.rstrip("\n"))
        return SAFE if finished else UNSAFE
    _write(str(file), text, output)
    written = [str(file)]
    if answer["examples"]:
        tests = file.with_name(f"test_{file.name}")
        _write(
            str(tests), python.test_module(file.stem, [(decode(a), decode(b)) for a, b in answer["examples"]]), output
        )
        written.append(str(tests))
    document = {"written": written, "hash": answer["hash"], "open": answer["open"]}
    output.result(document, _told(answer))
    return SAFE if finished else UNSAFE


def _write(file: str, text: str, output: Output) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from error
    output.say(f"wrote {file}")
