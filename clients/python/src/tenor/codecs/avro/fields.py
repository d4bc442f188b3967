"""An Avro schema as rules see it: a field is known by its record's full name and its own, wherever it stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tenor.codecs.avro.check import problem_of, violations
from tenor.codecs.avro.model import Model, kind
from tenor.codecs.fields import Node, Slot, Test, is_null

_RECORD_KEYS: Final = frozenset({"name", "type", "doc", "default", "aliases", "order"})


def tree(model: Model) -> Node:
    """The tree of a schema."""
    return _Tree(model).node(model.root)


class _Tree:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._records: dict[str, Node] = {}

    def node(self, node: Any) -> Node:
        node = self._model.resolved(node)
        match kind(node):
            case "record" | "error":
                return self._record(node)
            case "array":
                return Node("list", item=self.node(node["items"]), native=node)
            case "map":
                return Node("map", item=self.node(node["values"]), native=node)
            case "union":
                return self._union(node)
        logical = node.get("logicalType") if isinstance(node, dict) else None
        return Node("leaf", type=kind(node).upper(), logical=logical if isinstance(logical, str) else "", native=node)

    def _record(self, node: Any) -> Node:
        name = node["name"]
        if (known := self._records.get(name)) is not None:
            return known
        made = self._records[name] = Node("record", name=name, checks=_checks(node), native=node)
        for field in node["fields"]:
            tags = field.get("confluent:tags")
            slot = Slot(
                field["name"],
                f"{name}.{field['name']}",
                self.node(field["type"]),
                frozenset(map(str, tags)) if isinstance(tags, list) else frozenset(),
                _checks(field),
                {key: value for key, value in field.items() if key not in _RECORD_KEYS},
            )
            made.slots.append(slot)
        return made

    def _union(self, node: Any) -> Node:
        made = Node("choice", native=node)
        for branch in node:
            resolved = self._model.resolved(branch)
            inner = self.node(branch)
            made.branches.append((self._test(resolved), inner))
            made.named[_branch_name(resolved)] = inner
        return made

    def _test(self, branch: Any) -> Test:
        """Whether a branch takes a value. Its text may be sealed, which changes neither its type nor the fields."""
        match kind(branch):
            case "null":
                return is_null
            case "record" | "error":
                names = {field["name"] for field in branch["fields"]}
                return lambda value: isinstance(value, Mapping) and value.keys() == names
            case "array":
                return lambda value: isinstance(value, list)
            case "map":
                values = Model(branch, self._model.named, False, False)
                return lambda value: isinstance(value, Mapping) and not violations(values, value)
        problem = problem_of(branch)
        return lambda value: problem(value, branch) is None


def _branch_name(branch: Any) -> str:
    return str(branch["name"]) if isinstance(branch, dict) and "name" in branch else kind(branch)


def _checks(node: Any) -> tuple[Mapping[str, Any], ...]:
    found = node.get("confluent:rules") if isinstance(node, dict) else None
    return tuple(each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()
