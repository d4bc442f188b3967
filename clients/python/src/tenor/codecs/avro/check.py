"""Whether an event keeps its Avro schema: a quick closure for the common yes, a slow walk for the exact no.

`fastavro` refuses much by itself while it writes, without saying where; and it lets through what would be read back
as something else: 1.5 as int 1, 2**40 as int, "x" as boolean true, a naive time in the zone of the machine. The
closure looks only for the second kind and for plain Python types; whenever it is not sure, `violations` decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Integral, Real
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from tenor.codecs.avro.model import Model, kind, logical
from tenor.codecs.shown import pointer, shown
from tenor.errors import Violation

Check = Callable[[Any], bool]
Problem = Callable[[Any, Any], "tuple[str, str] | None"]
"""(value, schema node) → rule and sentence, or None."""

INT: Final = (-(2**31), 2**31 - 1)
LONG: Final = (-(2**63), 2**63 - 1)
MAX_FLOAT: Final = 3.4028235677973366e38
"""What rounds to a finite 32-bit float is smaller than this."""
MAX_DEPTH: Final = 256
"""Deeper events are refused: fastavro recurses on the C stack and dies near 3,000 levels."""
MAX_VIOLATIONS: Final = 100


# --- leaves ----------------------------------------------------------------------------------------------------


def _integer(name: str, low: int, high: int) -> Problem:
    def problem(value: Any, node: Any) -> tuple[str, str] | None:
        if isinstance(value, bool) or not isinstance(value, int | Integral):
            return "type", f"{_typed(value)} is not of type {name}"
        if not low <= int(value) <= high:
            return "range", f"{shown(value)} does not fit Avro's {name}, which goes from {low} to {high}"
        return None

    return problem


def _float(value: Any, node: Any) -> tuple[str, str] | None:
    if (problem := _double(value, node)) is not None:
        return problem
    number = float(value)
    if math.isfinite(number) and abs(number) >= MAX_FLOAT:
        return "range", f"{shown(value)} does not fit a 32-bit float"
    return None


def _double(value: Any, node: Any) -> tuple[str, str] | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Real):
        return "type", f"{_typed(value)} is not of type {kind(node)}"
    try:
        number = float(value)
    except OverflowError:
        return "range", f"{shown(value)} does not fit a 64-bit float"
    if isinstance(value, int) and number != value:
        return "precision", f"{shown(value)} would be rounded to {number!r}"
    return None


def _boolean(value: Any, node: Any) -> tuple[str, str] | None:
    return None if isinstance(value, bool) else ("type", f"{_typed(value)} is not a boolean")


def _null(value: Any, node: Any) -> tuple[str, str] | None:
    return None if value is None else ("type", f"{_typed(value)} is not null")


def _string(value: Any, node: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "type", f"{_typed(value)} is not a string"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "encoding", "the string holds half of a surrogate pair, which UTF-8 cannot express"
    return None


def _bytes(value: Any, node: Any) -> tuple[str, str] | None:
    return None if isinstance(value, bytes | bytearray) else ("type", f"{_typed(value)} is not bytes")


def _fixed(value: Any, node: Any) -> tuple[str, str] | None:
    if not isinstance(value, bytes):
        return "type", f"{_typed(value)} is not bytes"
    if len(value) != node["size"]:
        return "size", f"{len(value)} bytes are not the {node['size']} of {node['name']}"
    return None


def _enum(value: Any, node: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "type", f"{_typed(value)} is not a symbol of {node['name']}"
    if value not in node["symbols"]:
        symbols = ", ".join(node["symbols"][:12]) + (", …" if len(node["symbols"]) > 12 else "")
        return "enum", f"{shown(value)} is not a symbol of {node['name']} ({symbols})"
    return None


def _date(value: Any, node: Any) -> tuple[str, str] | None:
    if isinstance(value, datetime):
        return "date", "a datetime would lose its time of day; give a date"
    return None if isinstance(value, date) else _INT(value, node)


def _instant(value: Any, node: Any) -> tuple[str, str] | None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return "timezone", "a datetime without a time zone would be taken in the zone of this machine"
        return None
    return _LONG(value, node)


def _local_instant(value: Any, node: Any) -> tuple[str, str] | None:
    if isinstance(value, datetime):
        return None if value.tzinfo is None else ("timezone", "a local timestamp has no time zone, this datetime has")
    return _LONG(value, node)


def _time_of_day(value: Any, node: Any) -> tuple[str, str] | None:
    if isinstance(value, time):
        return None if value.tzinfo is None else ("timezone", "a time of day has no time zone, this time has")
    return (_INT if node["type"] == "int" else _LONG)(value, node)


def _uuid(value: Any, node: Any) -> tuple[str, str] | None:
    if isinstance(value, UUID):
        return None
    if isinstance(value, str):
        try:
            UUID(value)
        except ValueError:
            return "uuid", f"{shown(value)} is not a UUID"
        return None
    return "type", f"{_typed(value)} is not a UUID"


def _decimal(value: Any, node: Any) -> tuple[str, str] | None:
    if not isinstance(value, Decimal):
        raw = _bytes(value, node) if node["type"] == "bytes" else _fixed(value, node)
        return ("type", f"{_typed(value)} is not a Decimal") if raw else None
    precision, scale = node["precision"], node.get("scale", 0)
    if not value.is_finite():
        return "type", f"{value} is not a finite number"
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # it is finite
    if -exponent > scale:
        return "scale", f"{shown(value)} has more than {scale} digits after the point"
    unscaled = int("".join(map(str, digits))) * 10 ** min(exponent + scale, precision + 1)
    if unscaled >= 10**precision:
        return "precision", f"{shown(value)} has more than {precision} digits at scale {scale}"
    return None


_INT: Final = _integer("int", *INT)
_LONG: Final = _integer("long", *LONG)

PROBLEMS: Final[Mapping[str, Problem]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _INT,
    "long": _LONG,
    "float": _float,
    "double": _double,
    "string": _string,
    "bytes": _bytes,
    "fixed": _fixed,
    "enum": _enum,
    "int-date": _date,
    "int-time-millis": _time_of_day,
    "long-time-micros": _time_of_day,
    "long-timestamp-millis": _instant,
    "long-timestamp-micros": _instant,
    "long-local-timestamp-millis": _local_instant,
    "long-local-timestamp-micros": _local_instant,
    "string-uuid": _uuid,
    "bytes-decimal": _decimal,
    "fixed-decimal": _decimal,
}


def problem_of(node: Any) -> Problem:
    """The judge of a leaf; an unknown logical type counts as its underlying type."""
    return PROBLEMS.get(logical(node)) or PROBLEMS[kind(node)]


# --- the exact no ----------------------------------------------------------------------------------------------


def violations(model: Model, event: Any) -> list[Violation]:
    """Everything that is wrong with an event, at most a hundred of it; empty if it keeps the schema."""
    found: list[Violation] = []
    try:
        _walk(model, model.root, event, "", found, 0)
    except RecursionError:
        found.append(Violation("", "depth", "…", "the event is nested too deeply"))
    return found


def _walk(model: Model, node: Any, value: Any, path: str, found: list[Violation], depth: int) -> None:
    if len(found) >= MAX_VIOLATIONS:
        return
    if depth > MAX_DEPTH:
        found.append(Violation(path, "depth", "…", f"the event is nested deeper than {MAX_DEPTH} levels"))
        return
    node = model.resolved(node)
    match kind(node):
        case "union":
            _walk_union(model, node, value, path, found, depth)
        case "record" | "error":
            _walk_record(model, node, value, path, found, depth)
        case "array":
            if not isinstance(value, list | tuple):
                found.append(_wrong_type(path, value, "an array (give a list)"))
                return
            for index, item in enumerate(value):
                _walk(model, node["items"], item, f"{path}/{index}", found, depth + 1)
        case "map":
            if not isinstance(value, Mapping):
                found.append(_wrong_type(path, value, "a map"))
                return
            for key, item in value.items():
                if not isinstance(key, str) or _string(key, node):
                    found.append(Violation(path, "key", shown(key), f"the key {shown(key)} is not a valid string"))
                else:
                    _walk(model, node["values"], item, path + pointer(key), found, depth + 1)
        case _:
            if (problem := problem_of(node)(value, node)) is not None:
                found.append(Violation(path, problem[0], shown(value), problem[1]))


def _walk_record(model: Model, node: Any, value: Any, path: str, found: list[Violation], depth: int) -> None:
    if not isinstance(value, Mapping):
        found.append(_wrong_type(path, value, f"a record {node['name']}"))
        return
    names = set()
    for field in node["fields"]:
        names.add(name := field["name"])
        if name in value:
            _walk(model, field["type"], value[name], path + pointer(name), found, depth + 1)
        else:
            hint = "; it has a default, which fill_defaults=True would write" if "default" in field else ""
            found.append(Violation(path + pointer(name), "required", "", f"the field '{name}' is missing{hint}"))
    for extra in value:
        if extra not in names:
            where = path + pointer(str(extra))
            sentence = f"{node['name']} has no field {shown(extra)}"
            found.append(Violation(where, "additional", shown(value[extra]), sentence))


def _walk_union(model: Model, node: Any, value: Any, path: str, found: list[Violation], depth: int) -> None:
    branches = [model.resolved(branch) for branch in node]
    if isinstance(value, tuple):  # fastavro's way to name the branch
        if len(value) != 2 or not isinstance(value[0], str):
            found.append(_wrong_type(path, value, "a branch of the union; give a list, or (branch name, value)"))
            return
        branches = [branch for branch in branches if _branch_name(branch) == value[0]]
        value = value[1]
    tried = []
    for branch in branches:
        reasons: list[Violation] = []
        _walk(model, branch, value, path, reasons, depth + 1)
        if not reasons:
            return
        tried.append((branch, reasons))
    # The branch that was probably meant is the one the value only fails further inside or by a rule.
    meant = [reasons for _, reasons in tried if not (reasons[0].rule == "type" and reasons[0].path == path)]
    if meant:
        closest: list[Violation] = min(meant, key=len)
        found.extend(closest)
    else:
        names = " or ".join(_branch_name(model.resolved(branch)) for branch in node)
        found.append(Violation(path, "type", shown(value), f"{_typed(value)} is none of {names}"))


def _branch_name(branch: Any) -> str:
    return str(branch["name"]) if isinstance(branch, dict) and "name" in branch else kind(branch)


def _wrong_type(path: str, value: Any, wanted: str) -> Violation:
    return Violation(path, "type", shown(value), f"{_typed(value)} is not {wanted}")


def _typed(value: Any) -> str:
    return "null" if value is None else f"{shown(value)} ({type(value).__name__})"


# --- the quick yes ---------------------------------------------------------------------------------------------

# Plain types that settle a leaf by themselves. Not listed = fastavro refuses a wrong value by itself.
_EXACT: Final[Mapping[str, type]] = {
    "null": type(None),
    "boolean": bool,
    "long": int,
    "double": float,
    "int-date": date,
    "string-uuid": UUID,
}
_STRICT: Final = frozenset({"string", "bytes", "fixed", "enum"})
# In a union fastavro checks these itself, to find the branch.
_STRICT_IN_UNION: Final = _STRICT | {"null", "boolean", "int", "long", "double"}


def checker(model: Model, *, keys: bool = False) -> Check | None:
    """A function that says yes to most valid events and never to one that fastavro would write wrongly.

    With `keys` it says no to a record with a field too few or too many, too; else that is left to fastavro.

    None: fastavro's own checks suffice. It may also raise KeyError, TypeError, AttributeError or RecursionError
    instead of saying no.
    """
    return _Compiler(model, keys).compile(model.root)


def _passes(node: Any) -> Check:
    """The judge of a leaf as a check, for values of another type than the plain one: an int as double, a subclass."""
    problem = problem_of(node)
    return lambda value: problem(value, node) is None


_Leaf = tuple[str, type, Check]
"""A field, the plain type of its values, and the judge of all others."""


def _leaves_check(ints: list[_Leaf], others: list[_Leaf]) -> Check:
    """A check of a record's leaves. Types are compared as one list and ranges in one loop: that is half the price."""
    leaves = (*ints, *others)
    names = [name for name, _, _ in leaves]
    types = [wanted for _, wanted, _ in leaves]
    judges = tuple(passes for _, _, passes in leaves)
    # itemgetter of one name gives no tuple.
    values_of: Callable[[Any], tuple[Any, ...]] = (
        itemgetter(*names) if len(names) > 1 else lambda value: tuple(value[name] for name in names)
    )
    (low, high), ranged = INT, len(ints)

    def settles(value: Any) -> bool:
        if type(value) is not dict:
            return False
        values = values_of(value)
        if [*map(type, values)] != types:
            for one, wanted, passes in zip(values, types, judges, strict=True):
                if type(one) is not wanted and not passes(one):
                    return False
        for number in values[:ranged]:  # noqa: SIM110 # all() with a generator costs as much as two checks
            if not low <= number <= high:
                return False
        return True

    return settles


class _Compiler:
    """Compiles nodes to checks; a recursive type finds itself through `_known`."""

    def __init__(self, model: Model, keys: bool) -> None:
        self._model, self._keys = model, keys
        self._known: dict[str, Check | None] = {}
        self._inside: set[str] = set()

    def compile(self, node: Any, *, in_union: bool = False) -> Check | None:
        node = self._model.resolved(node)
        match kind(node):
            case "union":
                return self._union(node)
            case "record" | "error":
                return self._named_record(node)
            case "array":
                return self._array(node)
            case "map":
                return self._map(node)
        name = logical(node) if logical(node) in PROBLEMS else kind(node)
        if name in (_STRICT_IN_UNION if in_union else _STRICT):
            return None
        problem = PROBLEMS[name]
        if name == "int":
            low, high = INT
            return lambda value: type(value) is int and low <= value <= high
        if (exact := _EXACT.get(name)) is not None:
            return lambda value: type(value) is exact or problem(value, node) is None
        return lambda value: problem(value, node) is None

    def _named_record(self, node: Any) -> Check | None:
        name = node["name"]
        if name in self._inside:  # a recursive type: look it up when the time comes

            def later(value: Any) -> bool:
                check = self._known[name]
                return check is None or check(value)

            return later
        if name not in self._known:
            self._inside.add(name)
            self._known[name] = self._record(node)
            self._inside.discard(name)
        return self._known[name]

    def _record(self, node: Any) -> Check | None:
        """All leaves in one go: a call for each would cost more than the check itself."""
        ints: list[_Leaf] = []
        leaves: list[_Leaf] = []
        deep: list[tuple[str, Check]] = []
        for field in node["fields"]:
            name, type_ = field["name"], self._model.resolved(field["type"])
            leaf = logical(type_) if logical(type_) in PROBLEMS else kind(type_)
            if leaf == "int":
                ints.append((name, int, _passes(type_)))
            elif leaf in _EXACT:
                leaves.append((name, _EXACT[leaf], _passes(type_)))
            elif (check := self.compile(type_)) is not None:
                deep.append((name, check))
        names = frozenset(field["name"] for field in node["fields"]) if self._keys else None
        if not (ints or leaves or deep or names is not None):
            return None
        settles = _leaves_check(ints, leaves)
        if not deep and names is None:
            return settles
        inner = tuple(deep)

        def record(value: Any) -> bool:
            if not settles(value) or (names is not None and value.keys() != names):
                return False
            for name, check in inner:  # noqa: SIM110 # all() with a generator costs as much as two checks
                if not check(value[name]):
                    return False
            return True

        return record

    def _array(self, node: Any) -> Check:
        item = self.compile(node["items"])
        if item is None:
            return lambda value: type(value) is list
        return lambda value: type(value) is list and all(map(item, value))

    def _map(self, node: Any) -> Check:
        value_check = self.compile(node["values"])
        if value_check is None:
            return lambda value: type(value) is dict
        return lambda value: type(value) is dict and all(map(value_check, value.values()))

    def _union(self, node: Any) -> Check | None:
        model = self._model
        checks = [self.compile(branch, in_union=True) for branch in node if kind(model.resolved(branch)) != "null"]
        if all(check is None for check in checks):
            return None
        if len(checks) == 1 and len(node) == 2:
            only = checks[0]
            assert only is not None  # not all are None
            return lambda value: value is None or only(value)

        def union(value: Any) -> bool:
            found: list[Violation] = []
            _walk(model, node, value, "", found, 0)
            return not found

        return union
