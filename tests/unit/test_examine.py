"""Schemas as plain data: small where many things refer to the same."""

from __future__ import annotations

import json
import time

import pytest

from registry import examine
from registry.errors import InvalidRequest
from registry.formats.base import Source


def test_a_diamond_of_references_stays_as_small_as_it_is() -> None:
    source = Source('{"type":"string"}')
    for level in range(60):
        source = Source(json.dumps({"title": str(level)}), (("a", source), ("b", source)))
    data = examine.plain(source)
    assert len(data["sources"]) == 60
    assert examine.source_of(json.loads(json.dumps(data))) == source


def test_references_may_be_nested_or_named_by_index_but_never_ahead() -> None:
    leaf = {"text": '"string"', "references": []}
    nested = examine.source_of({"text": "{}", "references": [["leaf", leaf]]})
    graph = examine.source_of({"text": "{}", "references": [["leaf", 0]], "sources": [leaf]})
    assert nested == graph
    for ahead in (1, -1):
        with pytest.raises(InvalidRequest, match="not there yet"):
            examine.source_of({"text": "{}", "references": [["leaf", ahead]], "sources": [leaf]})


def test_a_wide_proto_is_linted_in_one_pass() -> None:
    fields = "".join(f"  string f{number} = {number};\n" for number in range(1, 3001))
    began = time.process_time()
    remarks = examine.lint({"format": "PROTOBUF", "text": f'syntax = "proto3";\nmessage Wide {{\n{fields}}}\n'})
    assert len(remarks) >= 3000
    assert all(remark["line"] for remark in remarks)
    # A second or so; finding each name anew took a minute.
    assert time.process_time() - began < 15
