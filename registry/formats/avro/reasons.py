"""The reasons that a pair of types fails, each a finding with its rule, its place in both texts and its sentence."""

from __future__ import annotations

from dataclasses import dataclass

from registry.formats.avro import printer
from registry.formats.avro.jsontext import excerpt
from registry.formats.avro.model import Enum, Field, Fixed, Named, Record, Type, label
from registry.formats.avro.resolution import Pair, Trail, path
from registry.formats.base import Finding, Severity


@dataclass(frozen=True, slots=True)
class Traced:
    """A finding and how an event of the writer gets there."""

    finding: Finding
    trail: Trail
    reader: Type
    writer: Type


def _show(node: Type) -> str:
    return excerpt(printer.mention(node))


def finding(
    rule: str,
    pair: Pair,
    sentence: str,
    info: str,
    *steps: str,
    suffix: str | None = None,
    writer_suffix: str | None = None,
    values: tuple[str, str] | None = None,
    severity: Severity = Severity.ERROR,
) -> Traced:
    """A finding about a pair, or (with a suffix) about a part of its two definitions."""
    reader, writer = pair.reader, pair.writer
    at = path(pair.location + steps)
    shown = values or (_show(reader.node), _show(writer.node))
    finding = Finding(
        rule,
        at,
        sentence.replace("{path}", at),
        info,
        severity,
        reader.at if suffix is None else reader.inside(suffix),
        writer.at if suffix is None and writer_suffix is None else writer.inside(writer_suffix or ""),
        *shown,
    )
    return Traced(finding, pair.trail, reader.node, writer.node)


def type_mismatch(pair: Pair) -> Traced:
    reader, writer = pair.reader.node, pair.writer.node
    info = f"reader type: {reader.kind.upper()} not compatible with writer type: {writer.kind.upper()}"
    sentence = f"At '{{path}}' the {{new}} schema expects {label(reader)}, the {{old}} schema writes {label(writer)}."
    return finding("TYPE_MISMATCH", pair, sentence, info)


def missing_branch(pair: Pair, writer: Type) -> Traced:
    info = f"reader union lacking writer type: {writer.kind.upper()}"
    sentence = (
        f"No branch of the union at '{{path}}' in the {{new}} schema reads {label(writer)}, "
        "which the {old} schema writes there."
    )
    return finding("MISSING_UNION_BRANCH", pair, sentence, info)


def name_mismatch(pair: Pair, reader: Named, writer: Named) -> Traced:
    sentence = (
        f"The {reader.kind} at '{{path}}' is called {reader.full} in the {{new}} schema and {writer.full} in the "
        f"{{old}} schema, and the {{new}} one has no alias {writer.full}."
    )
    info = f"expected: {writer.full}"
    return finding(
        "NAME_MISMATCH", pair, sentence, info, "name",
        suffix="/name", writer_suffix="/name", values=(reader.full, writer.full),
    )  # fmt: skip


def size_mismatch(pair: Pair, reader: Fixed, writer: Fixed) -> Traced:
    sentence = (
        f"Fixed {reader.full} at '{{path}}' has {reader.size} bytes in the {{new}} schema "
        f"and {writer.size} in the {{old}} schema."
    )
    info = f"expected: {writer.size}, found: {reader.size}"
    return finding(
        "FIXED_SIZE_MISMATCH", pair, sentence, info, "size",
        suffix="/size", writer_suffix="/size", values=(str(reader.size), str(writer.size)),
    )  # fmt: skip


def missing_symbols(pair: Pair, reader: Enum, missing: list[str]) -> Traced:
    listed = ", ".join(missing)
    several = "symbols" if len(missing) > 1 else "symbol"
    sentence = (
        f"Enum {reader.full} at '{{path}}' lacks in the {{new}} schema the {several} {listed} of the {{old}} schema, "
        "and has no default symbol."
    )
    return finding(
        "MISSING_ENUM_SYMBOLS", pair, sentence, f"[{listed}]", "symbols",
        suffix="/symbols", writer_suffix="/symbols",
    )  # fmt: skip


def no_default(pair: Pair, each: Field, index: int, writer: Record) -> Traced:
    sentence = (
        f"Field {each.name} at '{{path}}' has no default in the {{new}} schema, "
        f"and record {writer.full} of the {{old}} schema does not have the field."
    )
    return finding(
        "READER_FIELD_MISSING_DEFAULT_VALUE", pair, sentence, each.name, "fields", str(index),
        suffix=f"/fields/{index}", writer_suffix="/fields", values=(f"{each.name}: {_show(each.type)}", ""),
    )  # fmt: skip


def ambiguous_alias(pair: Pair, each: Field, index: int, claimed: list[str]) -> Traced:
    sentence = (
        f"Field {each.name} at '{{path}}' in the {{new}} schema answers, by its name and aliases, "
        f"to several fields of the {{old}} schema: {', '.join(claimed)}."
    )
    return finding(
        "AMBIGUOUS_ALIAS", pair, sentence, ", ".join(claimed), "fields", str(index),
        suffix=f"/fields/{index}", writer_suffix="/fields", values=(each.name, ", ".join(claimed)),
    )  # fmt: skip
