"""Events that notice what code does with them: which paths it touches, how, and what it compares them with.

A watched event is a dict, list, str, int or float like any other, or an object that says to be of its own class; only
None and booleans cannot be watched, so that reading them is all that is noticed. Around what a consumer's handler gets
is a `tenor.Event`: of its `erased` paths is noticed which ones code asks about.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final

ITEM: Final = "*"
EVERY: Final = "*"
_OURS: Final = __file__
_UNSET: Final = object()
_BY_SIZE: Final = ("__lt__", "__le__", "__gt__", "__ge__")


@dataclass(slots=True)
class Use:
    """What was done with the value at a path: how it was read, and the constants that it was compared with.

    `constants` by equality, `bounds` by size.
    """

    taken: bool = False
    asked: bool = False
    constants: set[Any] = field(default_factory=set)
    bounds: set[Any] = field(default_factory=set)
    looked_up: bool = False


@dataclass(slots=True)
class Watch:
    """What was noticed, by path; and the code that touched the event, with its global names.

    `asked`: of which paths (as in `Event.erased`) code asked whether they were erased; EVERY where it asked of all.
    """

    uses: dict[str, Use] = field(default_factory=dict)
    touched_by: dict[CodeType, Mapping[str, Any]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def use(self, path: str) -> Use:
        """The notes on a path, with the code that runs now written down."""
        frame = sys._getframe(1)
        while frame.f_code.co_filename == _OURS and frame.f_back is not None:
            frame = frame.f_back
        self.touched_by[frame.f_code] = frame.f_globals
        return self.uses.setdefault(path, Use())


def watched(value: Any, watch: Watch, path: str = "") -> Any:
    """The value, noticing. What cannot be watched comes back as it is."""
    make = _WATCHERS.get(type(value))
    if make is not None:
        return make(value, watch, path)
    if _is_object(value):
        return _object(value, watch, path)
    return value


def plain(value: Any) -> Any:
    """The value without watching, through and through: what results are compared by."""
    match value:
        case Watched():
            return value.__tenor_plain__()
        case dict():
            return {plain(key): plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case tuple():
            return tuple(plain(each) for each in value)
        case set() | frozenset():
            return {plain(each) for each in value}
    return value


def below(path: str, step: str) -> str:
    """The path of a member."""
    return f"{path}/{step.replace('~', '~0').replace('/', '~1')}"


class Watched:
    """What all watched values have: `_watch` and `_path`."""

    _watch: Watch
    _path: str

    def __tenor_plain__(self) -> Any:
        raise NotImplementedError

    def __deepcopy__(self, memo: Any) -> Any:
        # Code that copies an event to be safe goes on being watched.
        return watched(self.__tenor_plain__(), self._watch, self._path)

    def __copy__(self) -> Any:
        return watched(self.__tenor_plain__(), self._watch, self._path)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _same, (self.__tenor_plain__(),)


def _same(value: Any) -> Any:
    return value


class WatchedDict(Watched, dict[str, Any]):
    """A record or a map. Overriding iteration keeps `dict(event)`, `**event` and json from looking past us."""

    def __init__(self, value: dict[str, Any], watch: Watch, path: str) -> None:
        super().__init__(value)
        self._watch, self._path = watch, path

    def __tenor_plain__(self) -> Any:
        return {key: plain(dict.__getitem__(self, key)) for key in dict.__iter__(self)}

    def _member(self, key: Any) -> Any:
        return watched(dict.__getitem__(self, key), self._watch, below(self._path, str(key)))

    def _note(self, key: Any) -> Use:
        return self._watch.use(below(self._path, str(key)))

    def __getitem__(self, key: Any) -> Any:
        self._note(key).taken = True
        return self._member(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        self._note(key).asked = True
        return self._member(key) if dict.__contains__(self, key) else default

    def pop(self, key: Any, default: Any = _UNSET) -> Any:
        """As of a dict."""
        use = self._note(key)
        if default is _UNSET:
            use.taken = True
        else:
            use.asked = True
        if not dict.__contains__(self, key) and default is not _UNSET:
            return default
        member = self._member(key)
        dict.pop(self, key)
        return member

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        self._note(key).asked = True
        if not dict.__contains__(self, key):
            dict.__setitem__(self, key, default)
        return self._member(key)

    def __contains__(self, key: Any) -> bool:
        self._note(key).asked = True
        return dict.__contains__(self, key)

    def __iter__(self) -> Iterator[str]:
        for key in dict.__iter__(self):
            self._note(key).asked = True
            yield key

    def keys(self) -> Any:
        """As of a dict."""
        return list(self)

    def values(self) -> Any:
        """As of a dict."""
        return [self._member(key) for key in self]

    def items(self) -> Any:
        """As of a dict."""
        return [(key, self._member(key)) for key in self]

    def copy(self) -> Any:
        """As of a dict."""
        return WatchedDict(self, self._watch, self._path)

    def __or__(self, other: Any) -> Any:
        return {**{key: self._member(key) for key in self}, **other}

    def __eq__(self, other: object) -> bool:
        for key in dict.__iter__(self):
            self._note(key).asked = True
        return bool(self.__tenor_plain__() == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class WatchedList(Watched, list[Any]):
    """An array: each item stands at `path/*`."""

    def __init__(self, value: list[Any], watch: Watch, path: str) -> None:
        super().__init__(value)
        self._watch, self._path = watch, path

    def __tenor_plain__(self) -> Any:
        return [plain(each) for each in list.__iter__(self)]

    def _item(self, value: Any) -> Any:
        return watched(value, self._watch, below(self._path, ITEM))

    def __getitem__(self, at: Any) -> Any:
        self._watch.use(below(self._path, ITEM)).taken = True
        found = list.__getitem__(self, at)
        return [self._item(each) for each in found] if isinstance(at, slice) else self._item(found)

    def __iter__(self) -> Iterator[Any]:
        self._watch.use(below(self._path, ITEM)).asked = True
        return map(self._item, list.__iter__(self))

    def __reversed__(self) -> Iterator[Any]:
        self._watch.use(below(self._path, ITEM)).asked = True
        return map(self._item, list.__reversed__(self))

    def __contains__(self, value: object) -> bool:
        return any(each == value for each in self)

    def __eq__(self, other: object) -> bool:
        return bool(self.__tenor_plain__() == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class WatchedStr(Watched, str):
    """A text, or the symbol of an enum."""

    def __new__(cls, value: str, watch: Watch, path: str) -> WatchedStr:
        made = str.__new__(cls, value)
        made._watch, made._path = watch, path
        return made

    def __tenor_plain__(self) -> Any:
        return str.__str__(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and not isinstance(other, WatchedStr):
            self._watch.use(self._path).constants.add(str(other))
        return str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        # A key of a dict or a member of a set: which ones there are is not to be seen from here.
        self._watch.use(self._path).looked_up = True
        return str.__hash__(self)

    def __str__(self) -> str:
        return str.__str__(self)


def _bounded(base: type, operator: str) -> Callable[[Any, Any], Any]:
    """A comparison by size that notes what with."""
    compare = getattr(base, operator)

    def compared(self: Any, other: Any) -> Any:
        if isinstance(other, int | float) and not isinstance(other, Watched):
            self._watch.use(self._path).bounds.add(other)
        return compare(self, other)

    return compared


class WatchedInt(Watched, int):
    """A whole number."""

    __lt__, __le__, __gt__, __ge__ = (_bounded(int, each) for each in _BY_SIZE)

    def __new__(cls, value: int, watch: Watch, path: str) -> WatchedInt:
        made = int.__new__(cls, value)
        made._watch, made._path = watch, path
        return made

    def __tenor_plain__(self) -> Any:
        return int.__int__(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int) and not isinstance(other, WatchedInt | bool):
            self._watch.use(self._path).constants.add(int(other))
        return int.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        self._watch.use(self._path).looked_up = True
        return int.__hash__(self)


class WatchedFloat(Watched, float):
    """A number."""

    __lt__, __le__, __gt__, __ge__ = (_bounded(float, each) for each in _BY_SIZE)

    def __new__(cls, value: float, watch: Watch, path: str) -> WatchedFloat:
        made = float.__new__(cls, value)
        made._watch, made._path = watch, path
        return made

    def __tenor_plain__(self) -> Any:
        return float.__float__(self)


class ErasedPaths(Watched, tuple[str, ...]):
    """`Event.erased`, noticing what is asked of it: one path by `in`, all of them by anything else."""

    def __new__(cls, paths: tuple[str, ...], watch: Watch) -> ErasedPaths:
        made = tuple.__new__(cls, paths)
        made._watch, made._path = watch, ""
        return made

    def __tenor_plain__(self) -> Any:
        return tuple(tuple.__iter__(self))

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __copy__(self) -> Any:
        return self

    def _all(self) -> tuple[str, ...]:
        self._watch.asked.add(EVERY)
        return tuple(tuple.__iter__(self))

    def __contains__(self, path: object) -> bool:
        self._watch.asked.add(str(path))
        return tuple.__contains__(self, path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __getitem__(self, at: Any) -> Any:
        return self._all()[at]

    def __eq__(self, other: object) -> bool:
        return bool(self._all() == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._all())


_WATCHERS: Final[dict[type, Callable[[Any, Watch, str], Any]]] = {
    dict: WatchedDict,
    list: WatchedList,
    str: WatchedStr,
    int: WatchedInt,
    float: WatchedFloat,
}


def _is_object(value: Any) -> bool:
    """Whether a value is of a class with fields: a dataclass, a model, a struct, a Protobuf message."""
    cls = type(value)
    return any(
        hasattr(cls, mark) for mark in ("__dataclass_fields__", "__struct_fields__", "model_fields", "__attrs_attrs__")
    ) or (hasattr(cls, "DESCRIPTOR") and hasattr(cls, "WhichOneof"))


def _object(value: Any, watch: Watch, path: str) -> Any:
    """An object whose attributes are noticed, of a class below its own where that can be; `isinstance` holds anyway."""

    class WatchedObject(Watched):
        """An object."""

        def __tenor_plain__(self) -> Any:
            return value

        @property  # type: ignore[misc] # what isinstance asks
        def __class__(self) -> Any:
            return type(value)

        def __getattribute__(self, name: str) -> Any:
            if name.startswith("__"):
                return object.__getattribute__(self, name)
            if name in ("_watch", "_path"):
                return watch if name == "_watch" else path
            found = getattr(value, name)
            if callable(found):
                return found
            watch.use(below(path, name)).taken = True
            return watched(found, watch, below(path, name))

        def __eq__(self, other: object) -> bool:
            return bool(value == plain(other))

        def __hash__(self) -> int:
            return hash(value)

        def __repr__(self) -> str:
            return repr(value)

    try:
        # Of a class below its own: what asks for type(x), as dataclasses do, finds the fields.
        return object.__new__(type(type(value).__name__, (WatchedObject, type(value)), {}))
    except TypeError:
        return WatchedObject()
