"""Badges: what they say, in which colour, and the image itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from html import escape
from urllib.parse import quote


class Colour(StrEnum):
    """Shields.io's names of colours."""

    GREEN = "brightgreen"
    RED = "red"
    GREY = "lightgrey"


_HEX = {Colour.GREEN: "#4c1", Colour.RED: "#e05d44", Colour.GREY: "#9f9f9f"}
_NARROW, _WIDE = frozenset("iljtf.,:;!'| ()[]1"), frozenset("mwMW@")


@dataclass(frozen=True, slots=True)
class Badge:
    """Left text, right text, colour."""

    label: str
    message: str
    colour: Colour

    @property
    def redirect(self) -> str:
        """The path and query of the same badge at shields.io: `/badge/label-message-colour.svg`."""
        return f"/badge/{_dashed(self.label)}-{_dashed(self.message)}-{self.colour}.svg"

    def svg(self) -> str:
        """The image, drawn here: nothing leaves the host."""
        left, right = _width(self.label), _width(self.message)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
            f'aria-label="{escape(self.label)}: {escape(self.message)}">'
            f'<rect width="{left}" height="20" fill="#555"/>'
            f'<rect x="{left}" width="{right}" height="20" fill="{_HEX[self.colour]}"/>'
            '<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,sans-serif" font-size="11">'
            f'<text x="{left / 2:g}" y="14">{escape(self.label)}</text>'
            f'<text x="{left + right / 2:g}" y="14">{escape(self.message)}</text>'
            "</g></svg>"
        )


def _dashed(text: str) -> str:
    """A part of a shields.io path, whose own dashes and underscores are doubled."""
    return quote(text.replace("-", "--").replace("_", "__"), safe="")


def _width(text: str) -> int:
    return 10 + sum(4 if letter in _NARROW else 10 if letter in _WIDE else 7 for letter in text)


def _called(name: str, detail: str | None, initials: bool) -> str:
    shown = "".join(word[:1] for word in name.replace("-", " ").replace("_", " ").split()) if initials else name
    return f"{shown} ({detail})" if detail else shown


def verification(
    consumer: str,
    provider: str,
    success: bool | None,
    *,
    consumer_tag: str | None = None,
    provider_tag: str | None = None,
    stale: bool = False,
    initials: bool = False,
) -> Badge:
    """The state of a pact: verified, failed, changed since it was last verified (`stale`), or unknown."""
    label = f"{_called(consumer, consumer_tag, initials)}/{_called(provider, provider_tag, initials)}"
    if success is None:
        return Badge(label, "unknown", Colour.GREY)
    if stale:
        return Badge(label, "changed", Colour.GREY)
    return Badge(label, "verified", Colour.GREEN) if success else Badge(label, "failed", Colour.RED)


def no_pact(label: str = "pact") -> Badge:
    """There is no pact to speak of."""
    return Badge(label, "not found", Colour.GREY)


def can_i_deploy(
    application: str, deployable: bool | None, *, to: str | None = None, label: str | None = None
) -> Badge:
    """Can the latest version go there? `to` None: can it be merged."""
    shown = label or ("can-i-merge" if to is None else f"can-i-deploy to {to}")
    text = f"{application} {shown}" if label is None else shown
    if deployable is None:
        return Badge(text, "unknown", Colour.GREY)
    return Badge(text, "yes", Colour.GREEN) if deployable else Badge(text, "no", Colour.RED)
