"""Rows of the table that `./do bench` prints: ratios to a floor of the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One measurement. `target` as the project states it, such as `>= 0.85`."""

    what: str
    value: float
    unit: str
    target: str
    note: str = ""

    @property
    def verdict(self) -> str:
        """ok, or short of the target; empty without one."""
        if not self.target:
            return ""
        sign, bound = self.target.split(" ", 1)
        holds = self.value >= float(bound) if sign == ">=" else self.value <= float(bound)
        return "ok" if holds else "SHORT"


def paired(pairs: int, floor: Callable[[], float], measured: Callable[[], float]) -> float:
    """The median of floor/measured over adjacent slices, the order alternating: noise hits both alike."""
    ratios = []
    for number in range(pairs):
        first, second = (floor, measured) if number % 2 == 0 else (measured, floor)
        one, two = first(), second()
        base, own = (one, two) if number % 2 == 0 else (two, one)
        ratios.append(base / own)
    return median(ratios)


def show(rows: list[Row]) -> str:
    """A table in aligned columns."""
    lines = [("", "value", "target", "", "")]
    lines += [(row.what, f"{row.value:.2f} {row.unit}", row.target, row.verdict, row.note) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
