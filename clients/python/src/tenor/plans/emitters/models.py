"""The named types of both versions of an event; an object that both have alike is written once."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar

from tenor.plans.emitters.shapes import Either, Field, List, Named, Shape, Shapes
from tenor.plans.emitters.shapes import Mapping as MapShape

Lines = list[str]


def free(wanted: str, taken: Collection[str]) -> str:
    """A name that is not taken."""
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}_{number}"
    return found


class Models(ABC):
    """Declares types in a language."""

    reserved: ClassVar[frozenset[str]]

    def __init__(self, old: Shapes, new: Shapes) -> None:
        self._old, self._new = old, new
        self._same = {name for name, fields in old.objects.items() if new.objects.get(name) == fields}
        while changed := {name for name in self._same if not self._inner(old.objects[name]) <= self._same}:
            self._same -= changed
        self._classes: dict[tuple[bool, str], str] = {}
        for is_new, shapes in ((True, new), (False, old)):
            for name in shapes.objects:
                if not is_new and name in self._same:
                    self._classes[False, name] = self._classes[True, name]
                else:
                    wanted = ("" if is_new else "Old") + self._class_name(name)
                    self._classes[is_new, name] = free(wanted, self._classes.values())

    def _inner(self, fields: Sequence[Field]) -> set[str]:
        found: set[str] = set()
        todo: list[Shape] = [each.shape for each in fields]
        while todo:
            match todo.pop():
                case Named(name=name):
                    found.add(name)
                case List(items=inner) | MapShape(values=inner):
                    todo.append(inner)
                case Either(branches=branches):
                    todo.extend(branches)
                case _:
                    pass
        return found

    def roots(self) -> tuple[str, str]:
        return self.typed(self._old.root, False), self.typed(self._new.root, True)

    def text(self) -> Lines:
        lines: Lines = []
        for is_new, shapes in ((False, self._old), (True, self._new)):
            for name, fields in shapes.objects.items():
                if is_new or name not in self._same:
                    told = "events of both versions" if name in self._same else "new events" if is_new else "old events"
                    lines += self.declared(
                        self._classes[is_new, name], f"{' '.join(name.split())} in {told}", fields, is_new
                    )
        return lines

    def _class_name(self, full: str) -> str:
        words = re.findall(r"[A-Za-z0-9]+", full.rsplit(".", 1)[-1])
        name = "".join(word[0].upper() + word[1:] for word in words)
        return name if name and not name[0].isdigit() and name not in self.reserved else f"Event{name}"

    def named(self, name: str, is_new: bool) -> str:
        """The type of an object."""
        return self._classes[is_new, name]

    @abstractmethod
    def declared(self, name: str, told: str, fields: Sequence[Field], is_new: bool) -> Lines:
        """The declaration of a type; `told` says what it is."""

    @abstractmethod
    def typed(self, shape: Shape, is_new: bool) -> str:
        """The type of a shape."""
