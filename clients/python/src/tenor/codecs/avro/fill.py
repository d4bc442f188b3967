"""Defaults for what an event leaves out, on write. Pure; never changes what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenor.codecs.avro.model import Model, kind
from tenor.codecs.avro.resolve import native

Fill = Callable[[Any], Any]


def filler(model: Model) -> Fill | None:
    """A function that returns the event with its defaults filled in; None if the schema has none.

    Values of another shape than the schema's come back as they are, for the validation to tell.
    """
    return _Filler(model).compile(model.root)


class _Filler:
    """Compiles nodes; a recursive type finds itself through `_known`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[str, Fill | None] = {}

    def compile(self, node: Any) -> Fill | None:
        node = self._model.resolved(node)
        match kind(node):
            case "record" | "error":
                return self._record(node)
            case "array":
                items = self.compile(node["items"])
                return None if items is None else lambda value: _filled_list(items, value)
            case "map":
                values = self.compile(node["values"])
                return None if values is None else lambda value: _filled_map(values, value)
            case "union" if len(branches := [branch for branch in node if branch != "null"]) == 1:
                return self.compile(branches[0])
        return None  # of several branches nobody knows which is meant before it is complete

    def _record(self, node: Any) -> Fill | None:
        name = node["name"]
        if name in self._known:
            return lambda value: value if (fill := self._known[name]) is None else fill(value)
        self._known[name] = None
        defaults = {
            field["name"]: native(self._model, field["type"], field["default"])
            for field in node["fields"]
            if "default" in field
        }
        deep = [(field["name"], fill) for field in node["fields"] if (fill := self.compile(field["type"])) is not None]

        def filled(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            out = {**defaults, **value}
            for name, fill in deep:
                if name in out:
                    out[name] = fill(out[name])
            return out

        if defaults or deep:
            self._known[name] = filled
        return self._known[name]


def _filled_list(fill: Fill, value: Any) -> Any:
    return list(map(fill, value)) if isinstance(value, list) else value


def _filled_map(fill: Fill, value: Any) -> Any:
    return {key: fill(item) for key, item in value.items()} if isinstance(value, dict) else value
