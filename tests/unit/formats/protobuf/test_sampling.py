"""Events from a Protobuf schema."""

from __future__ import annotations

from itertools import islice

from registry.formats.protobuf.sampling import samples
from tests.unit.formats.protobuf import schema

SCHEMA = """
syntax = "proto3";
enum Colour { RED = 0; GREEN = 1; BLUE = 2; }
message Order {
  optional int32 count = 1;
  oneof payment { string card = 2; Voucher voucher = 3; }
  map<string, Line> lines = 4;
  Order next = 5;
}
message Voucher { Line line = 1; }
message Line { Deep deep = 1; }
message Deep { Colour colour = 1; optional string note = 2; }
"""


def test_each_member_and_each_symbol_is_an_edge_however_deep() -> None:
    found = [each for each in islice(samples(schema(SCHEMA)), 200) if each.kind == "edge"]
    assert {"-2147483648", "2147483647"} <= {str(each.event.get("count")) for each in found}
    assert {frozenset(each.event) & {"card", "voucher"} for each in found} == {
        frozenset(), frozenset({"card"}), frozenset({"voucher"})
    }  # fmt: skip
    colours = {str(each.event.get("voucher", {}).get("line", {}).get("deep")) for each in found}
    assert {"{'colour': 'GREEN'}", "{'colour': 'BLUE'}", "{'colour': 3}", "{'note': ''}"} <= colours
    assert any(each.note == "Order.voucher.line.deep.colour: 2" for each in found)
    assert any(each.event.get("next", {}).get("lines") for each in found)
