"""What an application needs that was generated from, or reads with, a schema of its own: all of it. Pure.

Each format's reader is honoured in what it forgives: Avro's defaults, aliases and promotions; Protobuf's field numbers
and absent fields; JSON Schema's optional properties. What needs cannot say (`not`, records of a union) is a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from contracts.needs import MOST_NEEDS, Contract, Evidence, Need
from registry.formats.base import Schema

_HOMES = {"AVRO": "avro_schemas", "JSON": "json_schemas", "PROTOBUF": "protobuf_schemas"}


def contract(reader: Schema, *, version: int | None = None, confirmed: int | None = None) -> Contract:
    """The contract of an application that reads with a schema; `version` is the subject's it was made from."""
    needs_of: Callable[[Schema], tuple[list[Need], list[str]]] = import_module(
        f"contracts.reading.{_HOMES[reader.format]}"
    ).needs
    needs, reasons = needs_of(reader)
    if len(needs) > MOST_NEEDS:
        reasons.append(f"the schema has more than {MOST_NEEDS} places; the outermost count")
    return Contract(
        tuple(needs[:MOST_NEEDS]),
        Evidence.READER_SCHEMA,
        version=version,
        reasons=tuple(dict.fromkeys(reasons)),
        confirmed=confirmed,
    )
