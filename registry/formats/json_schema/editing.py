"""Edits of a JSON text that leave everything else as it is written: spaces, order, number texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry.formats.base import Edit
from registry.formats.json_schema.text import quoted, spans

_SPACES = " \t\n\r"


@dataclass(slots=True)
class Editor:
    """Finds where to edit one text."""

    text: str
    _spans: dict[tuple[str, ...], tuple[int, int, int]] = field(init=False)
    """Path → start and end of the value, start of the member's name."""

    def __post_init__(self) -> None:
        self._spans = {path: (start, end, named) for path, start, end, named in spans(self.text)}

    def has(self, path: tuple[str, ...]) -> bool:
        """Whether something stands at a path."""
        return path in self._spans

    def written(self, path: tuple[str, ...]) -> str:
        """What stands at a path, as it is written."""
        start, end, _ = self._spans[path]
        return self.text[start:end]

    def replace(self, path: tuple[str, ...], value: str) -> Edit:
        """Put another value at a path."""
        start, end, _ = self._spans[path]
        return Edit(start, end, value)

    def remove(self, path: tuple[str, ...]) -> Edit:
        """Take a member or an item out, with the comma and the space that belong to it."""
        _, end, start = self._spans[path]
        after = self._skip(end)
        if self.text[after] == ",":
            # The next one moves up to where this one stood.
            return Edit(start, self._skip(after + 1), "")
        before = start
        while self.text[before - 1] in _SPACES:
            before -= 1
        return Edit(before - 1, end, "") if self.text[before - 1] == "," else Edit(start, end, "")

    def insert(self, path: tuple[str, ...], name: str | None, value: str) -> Edit:
        """Add a last member (or item, without a name) to the object (or array) at a path, in its own style."""
        start, end, _ = self._spans[path]
        inside = [found for key, found in self._spans.items() if key[:-1] == path and key]
        member = value if name is None else f"{quoted(name)}{self._colon(inside)}{value}"
        if not inside:
            return Edit(start + 1, end - 1, member)
        inside.sort()
        last_end = inside[-1][1]
        first = inside[0][2]
        lead = self.text[start + 1 : first]
        if len(inside) > 1:
            comma = self.text.index(",", inside[0][1])
            lead = self.text[comma + 1 : inside[1][2]]
        elif "\n" not in lead:
            lead = " " if self._spaced(inside) else ""
        return Edit(last_end, last_end, f",{lead}{member}")

    def _skip(self, position: int) -> int:
        while position < len(self.text) and self.text[position] in _SPACES:
            position += 1
        return position

    def _colon(self, inside: list[tuple[int, int, int]]) -> str:
        for start, _, named in inside:
            if start != named:
                between = self.text[named:start]
                return between[between.rindex('"') + 1 :]
        return ": " if '": ' in self.text else ":"

    def _spaced(self, inside: list[tuple[int, int, int]]) -> bool:
        return self._colon(inside).endswith(" ")
