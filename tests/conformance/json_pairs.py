"""Random JSON Schemas of every draft, and random changes of them: the same seed gives the same pair."""

from __future__ import annotations

import json
from random import Random
from typing import Any

URIS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    19: "https://json-schema.org/draft/2019-09/schema",
    20: "https://json-schema.org/draft/2020-12/schema",
}
_NAMES = ("a", "b", "ab", "c")
_PATTERNS = ("^a", "b$", "^[a-c]+$", "a*", "^x-")
_VALUES: tuple[Any, ...] = (None, True, False, 0, 1, 2.5, -3, "", "a", "ab", [], [1], {}, {"a": 1})


def _fits(value: Any, stated: Any) -> bool:
    """Whether a value is of a stated type, so that not too many schemas contradict themselves."""
    names = {bool: "boolean", type(None): "null", str: "string", list: "array", dict: "object"}
    name = names.get(type(value), "number")
    kinds = [stated] if isinstance(stated, str) else stated
    return kinds is None or name in kinds or (type(value) is int and "integer" in kinds)


class Maker:
    """Makes schemas of one draft."""

    def __init__(self, seed: int, draft: int) -> None:
        self.random, self.draft = Random(seed), draft
        self.definitions = self.random.random() < 0.3

    def document(self) -> Any:
        """A whole schema, with definitions that it may refer to and that may refer to themselves."""
        schema = self.schema(3)
        if not isinstance(schema, dict):
            return schema
        out: dict[str, Any] = {"$schema": URIS[self.draft], **schema}
        if self.definitions:
            key = "definitions" if self.draft <= 7 else "$defs"
            out[key] = {name: self.assertions(2) for name in ("one", "two")}
        return out

    def schema(self, depth: int) -> Any:
        draw = self.random.random()
        if draw < 0.08 and self.draft > 4:
            return draw < 0.06
        if draw < 0.16 and self.definitions and depth < 3:
            key = "definitions" if self.draft <= 7 else "$defs"
            reference = {"$ref": f"#/{key}/{self.random.choice(['one', 'two'])}"}
            return reference if self.random.random() < 0.7 else {**reference, **self.assertions(0)}
        return self.assertions(depth)

    def assertions(self, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        kind = self.random.choice(["string", "number", "integer", "object", "object", "array", "boolean", "null", ""])
        if kind:
            out["type"] = (
                kind if self.random.random() < 0.85 else sorted({kind, self.random.choice(["null", "string"])})
            )
        makers = {"string": self.strings, "number": self.numbers, "integer": self.numbers}
        if kind in makers:
            out |= makers[kind]()
        if kind == "object" or (not kind and self.random.random() < 0.5):
            out |= self.objects(depth)
        if kind == "array" or (not kind and self.random.random() < 0.3):
            out |= self.arrays(depth)
        if depth > 0 and self.random.random() < 0.25:
            out |= self.combinations(depth - 1)
        if self.random.random() < 0.1:
            listed = [value for value in _VALUES if _fits(value, out.get("type")) or self.random.random() < 0.1]
            out["enum"] = self.random.sample(listed, self.random.randint(1, min(3, len(listed)))) if listed else [None]
        if self.random.random() < 0.05 and self.draft > 4:
            out["const"] = self.random.choice([value for value in _VALUES if _fits(value, out.get("type"))])
        if self.random.random() < 0.05:
            out["title"] = "t"
        return out

    def chance(self, likely: float = 0.4) -> bool:
        return self.random.random() < likely

    def strings(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if self.chance():
            out["minLength"] = self.random.randint(0, 3)
        if self.chance():
            out["maxLength"] = self.random.randint(1, 5)
        if self.chance(0.2):
            out["pattern"] = self.random.choice(_PATTERNS)
        return out

    def numbers(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for bound in ("minimum", "maximum"):
            if self.chance():
                out[bound] = self.random.choice([-5, 0, 1, 2.5, 7])
                if self.draft == 4 and self.chance():
                    out["exclusiveM" + bound[1:]] = self.chance(0.7)
            if self.draft > 4 and self.chance(0.2):
                out["exclusiveM" + bound[1:]] = self.random.choice([-5, 0, 1, 2.5, 7])
        if self.chance(0.2):
            out["multipleOf"] = self.random.choice([1, 2, 0.5, 3])
        return out

    def objects(self, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if depth > 0 and self.chance(0.8):
            names = self.random.sample(_NAMES, self.random.randint(1, 3))
            out["properties"] = {name: self.schema(depth - 1) for name in names}
        if self.chance(0.3):
            out["required"] = self.random.sample(_NAMES, self.random.randint(1, 2))
        if depth > 0 and self.chance(0.2):
            out["patternProperties"] = {self.random.choice(_PATTERNS): self.schema(depth - 1)}
        draw = self.random.random()
        if draw < 0.3:
            out["additionalProperties"] = False
        elif draw < 0.45 and depth > 0:
            out["additionalProperties"] = self.schema(depth - 1)
        elif draw < 0.6 and self.draft >= 19:
            out["unevaluatedProperties"] = self.random.choice([False, {"type": "string"}])
        if self.chance(0.1):
            out[self.random.choice(["minProperties", "maxProperties"])] = self.random.randint(0, 3)
        if self.draft > 4 and self.chance(0.08):
            out["propertyNames"] = self.random.choice([{"maxLength": 2}, {"pattern": "^a"}, True])
        if self.chance(0.1):
            self.dependency(out, depth)
        return out

    def dependency(self, out: dict[str, Any], depth: int) -> None:
        name, other = self.random.sample(_NAMES, 2)
        if depth > 0 and self.chance():
            out["dependencies" if self.draft <= 7 else "dependentSchemas"] = {name: self.assertions(0)}
        else:
            out["dependencies" if self.draft <= 7 else "dependentRequired"] = {name: [other]}

    def arrays(self, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        prefix, rest = ("prefixItems", "items") if self.draft == 20 else ("items", "additionalItems")
        if depth > 0 and self.chance(0.4):
            out[prefix] = [self.schema(depth - 1) for _ in range(self.random.randint(1, 2))]
            if self.chance(0.6):
                out[rest] = self.random.choice([False, self.assertions(0)])
        elif depth > 0 and self.chance(0.7):
            out["items"] = self.schema(depth - 1)
        if self.chance(0.2):
            out[self.random.choice(["minItems", "maxItems"])] = self.random.randint(0, 3)
        if self.chance(0.15):
            out["uniqueItems"] = self.chance(0.8)
        if self.draft > 4 and self.chance(0.15):
            out["contains"] = self.assertions(0)
            if self.draft >= 19 and self.chance():
                out[self.random.choice(["minContains", "maxContains"])] = self.random.randint(0, 2)
        if self.draft >= 19 and self.chance(0.1):
            out["unevaluatedItems"] = self.random.choice([False, {"type": "integer"}])
        return out

    def combinations(self, depth: int) -> dict[str, Any]:
        keyword = self.random.choice(["allOf", "anyOf", "oneOf", "not", "if"])
        if keyword == "not":
            return {"not": self.assertions(depth)}
        if keyword == "if" and self.draft >= 7:
            return {"if": self.assertions(0), self.random.choice(["then", "else"]): self.schema(depth)}
        keyword = "anyOf" if keyword == "if" else keyword
        return {keyword: [self.schema(depth) for _ in range(self.random.randint(1, 3))]}

    # -------------------------------------------------------------------------------------------------------- changes

    def changed(self, document: Any) -> Any:
        """The document with a few keywords added, removed, redrawn or moved by one."""
        document = json.loads(json.dumps(document))
        for _ in range(self.random.randint(1, 3)):
            holders = list(self.holders(document, 0))
            if holders:
                self.edit(*self.random.choice(holders))
        return document

    def holders(self, schema: Any, depth: int) -> Any:
        """Every object schema of a document, with its depth."""
        if not isinstance(schema, dict):
            return
        yield schema, depth
        for keyword, content in schema.items():
            if keyword in ("properties", "patternProperties", "definitions", "$defs", "dependentSchemas"):
                for each in content.values():
                    yield from self.holders(each, depth + 1)
            elif keyword in ("allOf", "anyOf", "oneOf", "prefixItems", "items") and isinstance(content, list):
                for each in content:
                    yield from self.holders(each, depth + 1)
            elif isinstance(content, dict) and keyword not in ("const", "dependencies", "dependentRequired"):
                yield from self.holders(content, depth + 1)

    def edit(self, schema: dict[str, Any], depth: int) -> None:
        draw = self.random.random()
        removable = [name for name in schema if name not in ("$schema", "$ref", "definitions", "$defs")]
        if draw < 0.3 and removable:
            gone = self.random.choice(removable)
            del schema[gone]
            if self.draft == 4:
                schema.pop("exclusiveM" + gone[1:], None)
        elif draw < 0.6:
            counted = [name for name in removable if type(schema[name]) is int and not isinstance(schema[name], bool)]
            if counted:
                name = self.random.choice(counted)
                low = 1 if name == "multipleOf" else 0 if name[:3] in ("min", "max") and name[3:] != "imum" else -99
                schema[name] = max(low, schema[name] + self.random.choice([-1, 1]))
            elif isinstance(schema.get("properties"), dict):
                schema["properties"][self.random.choice(_NAMES)] = self.schema(max(0, 2 - depth))
        else:
            fresh = self.assertions(max(0, 2 - depth))
            names = [name for name in fresh if not name.startswith("exclusive")]
            if names:
                name = self.random.choice(names)
                schema[name] = fresh[name]


def pair(seed: int) -> tuple[Any, Any]:
    """A writer and a reader: a change of it mostly, a schema of another draft sometimes, rarely an unrelated one."""
    draft = (4, 6, 7, 7, 19, 20)[seed % 6]
    maker = Maker(seed, draft)
    writer = maker.document()
    draw = maker.random.random()
    if draw < 0.1:
        return writer, Maker(seed + 1_000_003, maker.random.choice(list(URIS))).document()
    reader = maker.changed(writer)
    if draw < 0.2 and draft in (6, 7) and isinstance(reader, dict) and "$schema" in reader:
        reader["$schema"] = URIS[13 - draft]
    return writer, reader
