"""The semantic diff of two versions: what happened to the fields of events, in data and in words.

Paths lead through the event, as those of fields. A field that vanishes here and appears there, otherwise the same,
was renamed (same place) or moved (same name).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.formats.base import Change, ChangeKind
from registry.formats.json_schema.compare import CalledOff, Difference, differences
from registry.formats.json_schema.differing import WARNINGS
from registry.formats.json_schema.fields import TAGS, Member, members, type_name
from registry.formats.json_schema.kinds import KINDS, Weight
from registry.formats.json_schema.model import Node
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.text import Json, at, identity, pointer, write

MAX_CHANGES = 2_000
_ANNOTATIONS = (
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$comment",
    TAGS,
)
_SHOWN = 60


def changes(old: JsonSchema, new: JsonSchema) -> Sequence[Change]:
    """Every difference between two versions, fields first, each path once for each kind of change."""
    if old.canonical == new.canonical and old.source.references == new.source.references:
        return ()
    before, after = _walked(old.graph.root), _walked(new.graph.root)
    found = list(_fields(before, after))
    settled = [change for change in found if change.kind is not ChangeKind.RETYPED]
    retyped = {change.path for change in found if change.kind is ChangeKind.RETYPED}
    touched = {change.path for change in settled} | {change.old_path or change.path for change in settled}
    try:
        for difference in differences(new.graph, old.graph):
            change = _told(difference, retyped)
            if change is not None and not _within(change.path, touched):
                found.append(change)
            if len(found) >= MAX_CHANGES:
                break
    except CalledOff:
        pass  # what the fields show is told, what lies between is not
    found.extend(_documented(before, after))
    return tuple(dict.fromkeys(found))


def _walked(root: Node) -> dict[str, Member]:
    """Every field and item by its path; recursion is cut where a schema lies on its own path."""
    found: dict[str, Member] = {"": Member("", root)}
    stack: list[tuple[str, Node, frozenset[int]]] = [("", root, frozenset())]
    while stack and len(found) < 20_000:
        path, node, above = stack.pop()
        if id(node) in above or len(above) > 100:
            continue
        for member in members(node):
            where = path + pointer((member.step,))
            if where not in found:
                found[where] = member
                stack.append((where, member.node, above | {id(node)}))
    return found


def _fields(before: dict[str, Member], after: dict[str, Member]) -> Iterator[Change]:
    """Fields that came, went, changed their name or place, or their type."""
    gone = [path for path, member in before.items() if path not in after and member.name is not None]
    come = [path for path, member in after.items() if path not in before and member.name is not None]
    gone = [path for path in gone if _parent(path) in after or _parent(path) == ""]
    come = [path for path in come if _parent(path) in before or _parent(path) == ""]
    paired = _paired(gone, come, before, after)
    for path, member in after.items():
        if path in paired:
            yield _moved(paired[path], path, before, after)
        elif path in come:
            kind = type_name(member.node)
            need = "required" if member.required else "optional"
            yield Change(ChangeKind.ADDED, path, f"The {need} field {path} ({kind}) was added.", new=kind)
        elif path in before and (change := _retyped(path, before[path], member)) is not None:
            yield change
    for path in gone:
        if path not in paired.values():
            kind = type_name(before[path].node)
            yield Change(ChangeKind.REMOVED, path, f"The field {path} ({kind}) was removed.", old=kind)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _paired(gone: list[str], come: list[str], before: dict[str, Member], after: dict[str, Member]) -> dict[str, str]:
    """New path → old path of fields that are the same otherwise, as far as there is only one candidate."""
    found: dict[str, str] = {}
    for path in come:
        mark = _sameness(after[path])
        alike = [each for each in gone if mark is not None and _sameness(before[each]) == mark]
        near = [each for each in alike if _parent(each) == _parent(path)]
        named = [each for each in alike if before[each].name == after[path].name]
        for candidates in (named, near):
            rivals = [each for each in come if _sameness(after[each]) == mark and each not in found]
            fits = [each for each in candidates if each not in found.values()]
            if len(fits) == 1 and (
                candidates is named or len([each for each in rivals if _parent(each) == _parent(path)]) == 1
            ):
                found[path] = fits[0]
                break
    return found


def _sameness(member: Member) -> object | None:
    """What makes two fields the same apart from name and place: type and assertions, by text."""
    mark = member.node.mark
    return None if mark is None or type_name(member.node) == "any" else (mark, member.required)


def _moved(old_path: str, path: str, before: dict[str, Member], after: dict[str, Member]) -> Change:
    kind = ChangeKind.RENAMED if _parent(old_path) == _parent(path) else ChangeKind.MOVED
    word = "renamed" if kind is ChangeKind.RENAMED else "moved"
    return Change(kind, path, f"The field {old_path} was {word} to {path}.", old_path=old_path, old=old_path, new=path)


def _retyped(path: str, old: Member, new: Member) -> Change | None:
    before, after = type_name(old.node), type_name(new.node)
    if before == after:
        return None
    what = f"The type of {path}" if path else "The type of the event"
    return Change(ChangeKind.RETYPED, path, f"{what} was {before} and is {after}.", old=before, new=after)


# ------------------------------------------------------------------------------------------------------ constraints

_TYPES = ("TYPE_CHANGED", "TYPE_EXTENDED", "TYPE_NARROWED")
_NOT_TOLD = ("ID_CHANGED", "TITLE_CHANGED", "DESCRIPTION_CHANGED", "DEFAULT_CHANGED", "NOT_TYPE_NARROWED")


def _told(difference: Difference, retyped: set[str]) -> Change | None:
    """A difference of constraints in words; None for what the fields tell already."""
    kind = difference.kind
    of_fields = "PROPERTY" in kind and kind.endswith("_CONTENT_MODEL")
    if of_fields or kind in _NOT_TOLD or (kind in _TYPES and _event_path(difference.route) in retyped):
        return None
    old, new = _value(difference.old, difference.own.at), _value(difference.new, difference.own.at)
    if difference.own.at and old == new == "":
        return None
    path = _event_path(difference.route)
    if difference.own.at[:1] == ("required",):
        path += pointer(difference.own.at[1:])
    loosened = kind in KINDS and KINDS[kind].weight is Weight.FINE
    template = KINDS[kind].sentence if kind in KINDS else "At '{path}' " + WARNINGS[kind]
    name = difference.own.tail.rsplit("/", 1)[-1]
    sentence = template.replace("{path}", difference.path).replace("{name}", name)
    sentence = sentence.replace("{new}", "new").replace("{old}", "old") + "."
    return Change(ChangeKind.LOOSENED if loosened else ChangeKind.CONSTRAINED, path, sentence, old=old, new=new)


def _event_path(route: tuple[str, ...]) -> str:
    """The path through the event that a route through the schema follows."""
    found: list[str] = []
    for part in route:
        keyword, _, name = part.partition("/")
        if keyword == "properties":
            found.append(name)
        elif keyword in ("items", "prefixItems"):
            found.append(name or "*")
        elif keyword in _REST:
            found.append("*")
    return pointer(tuple(found))


_REST = ("additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains")


def _value(node: Node, steps: tuple[str, ...]) -> str:
    try:
        return _shown(at(node.place.value, steps[:1]))
    except (LookupError, ValueError):
        return ""


def _shown(value: Json) -> str:
    text = write(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _within(path: str, touched: set[str]) -> bool:
    """Whether a path lies at or below a field that came, went or moved."""
    return any(path == each or path.startswith(each + "/") for each in touched if each)


def _documented(before: dict[str, Member], after: dict[str, Member]) -> Iterator[Change]:
    """Annotations that changed where a field stayed."""
    for path in before.keys() & after.keys():
        old, new = before[path].node.value, after[path].node.value
        changed = [name for name in _ANNOTATIONS if identity([old.get(name)]) != identity([new.get(name)])]
        if changed:
            what = f"of {path}" if path else "of the event"
            yield Change(
                ChangeKind.DOCUMENTED,
                path,
                f"{', '.join(changed)} {what} changed.",
                old=_shown({name: old[name] for name in changed if name in old}),
                new=_shown({name: new[name] for name in changed if name in new}),
            )
