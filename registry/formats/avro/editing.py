"""Edits of a schema text that keep its formatting: replace a value, add a member or an item, remove an item."""

from __future__ import annotations

from registry.formats.avro.jsontext import quoted, without_comments
from registry.formats.avro.places import Place, members, place
from registry.formats.base import Edit


class Text:
    """A schema text to be edited. Methods answer None where the text has nothing at the pointer."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, pointer: str | None) -> str | None:
        """What stands at a pointer."""
        found = None if pointer is None else place(self.text, pointer)
        return None if found is None else self.text[found.start : found.end]

    def replaced(self, pointer: str | None, value: str) -> Edit | None:
        """Another value at a pointer."""
        found = None if pointer is None else place(self.text, pointer)
        return None if found is None else Edit(found.start, found.end, value)

    def member(self, pointer: str | None, key: str, value: str) -> Edit | None:
        """A member put last into the object at a pointer, or another value for the member that is there."""
        if pointer is None or (found := place(self.text, pointer)) is None or self.text[found.start] != "{":
            return None
        inside = members(self.text, pointer)
        for name, where in inside:
            if name == key:
                return Edit(where.start, where.end, value)
        colon = self._colon(inside[-1][1]) if inside else ": "
        return self._appended(found, [where for _, where in inside], f"{quoted(key)}{colon}{value}")

    def item(self, pointer: str | None, value: str) -> Edit | None:
        """An item put last into the list at a pointer."""
        if pointer is None or (found := place(self.text, pointer)) is None or self.text[found.start] != "[":
            return None
        return self._appended(found, [where for _, where in members(self.text, pointer)], value)

    def without(self, pointer: str | None) -> Edit | None:
        """The item at a pointer gone, with the comma that parted it from the others."""
        if pointer is None:
            return None
        parent, _, index = pointer.rpartition("/")
        inside = [where for _, where in members(self.text, parent)]
        if not index.isdigit() or int(index) >= len(inside):
            return None
        at = int(index)
        if at > 0:
            return Edit(inside[at - 1].end, inside[at].end, "")
        return Edit(inside[0].start, inside[1].start if len(inside) > 1 else inside[0].end, "")

    def _appended(self, whole: Place, inside: list[Place], value: str) -> Edit:
        """Put a value behind the last one, parted as the others are."""
        if not inside:
            return Edit(whole.start + 1, whole.start + 1, value)
        starts = [where.start if where.key is None else where.key for where in inside]
        before = inside[-2].end if len(inside) > 1 else whole.start + 1
        plain = without_comments(self.text)
        between = plain[before : starts[-1]]
        if "\n" in between:
            gap = between[between.rindex("\n") :]
        elif len(inside) > 1:
            gap = between.replace(",", "")
        else:
            gap = " " if ", " in plain or ": " in plain else ""
        return Edit(inside[-1].end, inside[-1].end, f",{gap}{value}")

    def _colon(self, where: Place) -> str:
        """What parts keys from values here."""
        assert where.key is not None
        between = self.text[where.key : where.start]
        return between[between.rindex(":") :] if "\n" not in between else ": "
