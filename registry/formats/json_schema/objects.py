"""Differences of objects: properties, what is required, dependencies, and what may be there besides."""

from __future__ import annotations

from registry.formats.json_schema.content import (
    Extra,
    Member,
    covered,
    coverings,
    extra_properties,
    extras,
    fits,
    removed,
    stated_extra,
)
from registry.formats.json_schema.dialects import KEYWORDS
from registry.formats.json_schema.differing import Asking, Own, Step, Telling, keyword
from registry.formats.json_schema.model import Node, Shape, reserved
from registry.formats.json_schema.scalars import bound


def objects(old: Node, new: Node, step: Step) -> Telling:
    """Differences of two nodes for objects."""
    bound("maxProperties", old, new, step)
    bound("minProperties", old, new, step)
    _reserved(old, new, step)
    _required(old, new, step)
    yield from _properties(old, new, step)
    _dependencies(old, new, step)
    extras(stated_extra(old), stated_extra(new), step)
    yield from _unseen(old, new, step)


def _reserved(old: Node, new: Node, step: Step) -> None:
    before, after = reserved(old), reserved(new)
    for name in before:
        if name not in after:
            step.say("RESERVED_PROPERTY_REMOVED", "reserved", name)
    for name in after:
        if name in new.children("properties"):
            step.own.append(
                Own("RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY", f"properties/{name}", ("properties", name))
            )


def names(node: Node, keyword_: str = "required") -> tuple[str, ...]:
    """The names a keyword lists; none if it lists anything else."""
    found = node.value.get(keyword_)
    return tuple(name for name in found if type(name) is str) if type(found) is list else ()


def _required(old: Node, new: Node, step: Step) -> None:
    before, after = set(names(old)), set(names(new))
    old_properties, new_properties = old.children("properties"), new.children("properties")
    for name in names(old):
        if name not in after and name in old_properties and name in new_properties:
            step.say("REQUIRED_ATTRIBUTE_REMOVED", "required", name)
    for name in dict.fromkeys(names(new)):
        if name in before:
            continue
        if name in old_properties and name in new_properties:
            default = "_WITH_DEFAULT" if has_default(new, name) else ""
            step.say(f"REQUIRED_ATTRIBUTE{default}_ADDED", "required", name)
        elif name not in new_properties:
            step.own.append(Own("UNDECLARED_REQUIRED_ADDED", f"required/{name}", ("required",)))


def has_default(node: Node, name: str) -> bool:
    """Whether a property has a default, beside its `$ref` or behind it."""
    written = node.value["properties"][name]
    return (type(written) is dict and "default" in written) or "default" in node.children("properties")[name].value


def _properties(old: Node, new: Node, step: Step) -> Telling:
    before, after = old.children("properties"), new.children("properties")
    old_extra, new_extra = extra_properties(old), extra_properties(new)
    for name, schema in before.items():
        if (match := after.get(name)) is not None:
            if schema.mark is None or schema.mark != match.mark:
                step.below.append((f"properties/{name}", schema, match))
            continue
        member = Member("PROPERTY", ("properties", name), schema, (new_extra.keyword,))
        patterned = bool(new.value.get("patternProperties"))
        holding = coverings(new, new_extra, name)[0] if patterned else [new_extra.value]
        yield from removed(
            member, holding, new_extra.is_open and not patterned, new_extra.is_closed and not patterned, step
        )
    required = set(names(new))
    for name, schema in after.items():
        if name not in before:
            yield from _added(old, new, old_extra, name, schema, name in required, step)


def _added(old: Node, new: Node, extra: Extra, name: str, schema: Node, required: bool, step: Step) -> Telling:
    """An addition is judged by the writer's content model."""
    member = Member("PROPERTY", ("properties", name), schema)
    if required and name in names(old):
        required = False  # it was there already, only not declared
    needs = "OPTIONAL"
    if required:
        needs = "REQUIRED_PROPERTY_WITH_DEFAULT" if has_default(new, name) else "REQUIRED_PROPERTY"
    needs = "OPTIONAL_PROPERTY" if needs == "OPTIONAL" else needs
    patterned = bool(old.value.get("patternProperties"))
    if extra.is_open and not patterned:
        empty = schema.shape is Shape.ANY and not required
        member.say(step, "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN" if empty else f"{needs}_ADDED_TO_OPEN")
        return
    if not extra.is_closed or patterned:
        yield from covered(member, *coverings(old, extra, name), step)
    member.say(step, f"{needs}_ADDED_TO_UNOPEN")


def _dependencies(old: Node, new: Node, step: Step) -> None:
    old_names, old_schemas = dependencies(old)
    new_names, new_schemas = dependencies(new)
    for name in dict.fromkeys((*old_names, *new_names)):
        before, after = old_names.get(name), new_names.get(name)
        if before is None or after is None:
            word = "ADDED" if before is None else "REMOVED"
        elif before == after:
            continue
        else:
            word = "EXTENDED" if before < after else "NARROWED" if after < before else "CHANGED"
        step.say(f"DEPENDENCY_ARRAY_{word}", "dependencies", name)
    for name in dict.fromkeys((*old_schemas, *new_schemas)):
        if name not in old_schemas:
            step.say("DEPENDENCY_SCHEMA_ADDED", "dependencies", name)
        elif name not in new_schemas:
            step.say("DEPENDENCY_SCHEMA_REMOVED", "dependencies", name)
        else:
            step.below.append((f"dependencies/{name}", old_schemas[name], new_schemas[name]))


def dependencies(node: Node) -> tuple[dict[str, frozenset[str]], dict[str, Node]]:
    """What the presence of a property asks for: other names, and schemas; of `dependencies` and the two after it."""
    listed: dict[str, frozenset[str]] = {}
    schemas: dict[str, Node] = {}
    for keyword_ in ("dependencies", "dependentRequired"):
        if keyword_ in KEYWORDS[node.place.draft]:
            content = node.value.get(keyword_)
            for name, entry in content.items() if type(content) is dict else ():
                if type(entry) is list:
                    listed[name] = listed.get(name, frozenset()) | {each for each in entry if type(each) is str}
    for keyword_ in ("dependencies", "dependentSchemas"):
        if keyword_ in KEYWORDS[node.place.draft]:
            schemas |= node.children(keyword_)
    return listed, schemas


def _unseen(old: Node, new: Node, step: Step) -> Telling:
    """Warn of what the reference never compares: patternProperties, propertyNames, unevaluated beside anyOf."""
    if not (yield from _patterns_hold(old, new)):
        step.say("PATTERN_PROPERTIES_CHANGED", "patternProperties")
    if keyword(new, "propertyNames") is not None:
        before = old.maybe("propertyNames") if keyword(old, "propertyNames") is not None else True
        after = new.maybe("propertyNames")
        assert before is not None
        assert after is not None
        if not (yield from fits(before, after)):
            step.say("PROPERTY_NAMES_CHANGED", "propertyNames")
    unevaluated_unseen(old, new, "unevaluatedProperties", step)


def _patterns_hold(old: Node, new: Node) -> Asking:
    before, after = old.children("patternProperties"), new.children("patternProperties")
    if not before and not after:
        return True
    extra = extra_properties(new)
    for pattern, schema in after.items():
        if not (yield from fits(before.get(pattern, True), schema)):
            return False
    for pattern, schema in before.items():
        if pattern not in after and not (yield from fits(schema, extra.value)):
            return False
    return True


_IN_PLACE = ("anyOf", "oneOf", "if", "not", "dependentSchemas", "dependencies", "$ref", "$dynamicRef", "$recursiveRef")


def unevaluated_unseen(old: Node, new: Node, name: str, step: Step) -> None:
    """What unevaluated* leaves to its neighbours is seen for properties below allOf only."""
    for node in (old, new):
        if name in KEYWORDS[node.place.draft] and node.value.get(name) not in (None, True):
            applicators = (*_IN_PLACE, "allOf")
            if any(each in node.value for each in applicators) and (old.mark is None or old.mark != new.mark):
                step.say("UNEVALUATED_CHANGED", name)
                return
