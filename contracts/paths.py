"""Path expressions of matching rules and generators: parse, print, weigh. Pure.

    $.order.items[*].sku   →  root, name, name, any index, name
    $['a b'].*             →  root, name, any

A rule reaches a place when each of its tokens matches the place's fragment of the same position; the place may be
longer (the rule then cascades). Grammar and weights as observed in the Rust core of pact-python 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from contracts.errors import InvalidPath

ROOT = "$"
_PLAIN = "_-:@#"
_EXACT, _WILD, _NO = 2, 1, 0


class Wildcard(Enum):
    """Wildcards: `.*` (any name or index) and `[*]` (any index)."""

    STAR = auto()
    INDEX = auto()


Token = str | int | Wildcard
Place = tuple[str | int, ...]
"""Where a value stands, without the root: `("order", "items", 0, "sku")`."""


@dataclass(frozen=True, slots=True)
class Weight:
    """How well an expression fits a place: the product of its tokens' weights, and how many tokens it has."""

    product: int
    tokens: int

    @property
    def rank(self) -> int:
        return self.product * self.tokens


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed path expression; `tokens` without the root."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def literal(self) -> Place | None:
        """The one place that it names, or None if it has wildcards."""
        found = tuple(token for token in self.tokens if not isinstance(token, Wildcard))
        return found if len(found) == len(self.tokens) else None

    def weigh(self, place: Place) -> Weight:
        """The weight at `place`; a product of 0 means that it does not reach it."""
        if len(place) < len(self.tokens):
            return Weight(_NO, len(self.tokens) + 1)
        product = _EXACT
        for token, fragment in zip(self.tokens, place, strict=False):
            product *= _token_weight(token, fragment)
        return Weight(product, len(self.tokens) + 1)


def _token_weight(token: Token, fragment: str | int) -> int:
    if token is Wildcard.STAR:
        return _WILD
    text = str(fragment)
    if token is Wildcard.INDEX:
        return _WILD if text.isascii() and text.isdigit() else _NO
    return _EXACT if str(token) == text else _NO


def parse(text: str) -> Expression:
    """Read an expression. The leading `$` may be missing, an empty text is the root. Raises InvalidPath.

    Refused because the Rust core refuses to load such pacts: negative indexes, slices, `..`, empty names, double
    quotes, escapes, and bare names with anything but letters, digits and `_ - : @ #`.
    """
    if text == "":
        return Expression(text, ())
    if text.startswith(ROOT):
        return Expression(text, _tokens(text, 1))
    name, at = _bare_name(text, 0)
    return Expression(text, (name, *_tokens(text, at)))


def _tokens(text: str, at: int) -> tuple[Token, ...]:
    tokens: list[Token] = []
    while at < len(text):
        if text[at] == ".":
            if text[at + 1 : at + 2] == "*":
                tokens.append(Wildcard.STAR)
                at += 2
            else:
                name, at = _bare_name(text, at + 1)
                tokens.append(name)
        elif text[at] == "[":
            token, at = _bracket(text, at + 1)
            tokens.append(token)
        else:
            raise InvalidPath(text, at, "a '.' or '[' must stand here")
    return tuple(tokens)


def _bare_name(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and (text[end].isalnum() or text[end] in _PLAIN):
        end += 1
    if end == at:
        raise InvalidPath(text, at, "a name must stand here")
    return text[at:end], end


def _bracket(text: str, at: int) -> tuple[Token, int]:
    close = text.find("]", at)
    if text[at : at + 1] == "'":
        quote = text.find("'", at + 1)
        if quote <= at + 1 or text[quote + 1 : quote + 2] != "]":
            raise InvalidPath(text, at, "a name in single quotes must end with ']")
        return text[at + 1 : quote], quote + 2
    inner = text[at:close] if close >= 0 else ""
    if inner == "*":
        return Wildcard.INDEX, close + 1
    if inner.isascii() and inner.isdigit():
        return int(inner), close + 1
    raise InvalidPath(text, at, "brackets hold an index, '*' or a name in single quotes")


def pointer(place: Place) -> str:
    """The place as a JSON pointer: `/order/items/0/sku`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def printed(place: Place) -> str:
    """The place as an expression that names it, for people: `$.order.items[0].sku`."""
    return ROOT + "".join(printed_token(part) for part in place)


def printed_token(part: Token) -> str:
    """One token as it stands in an expression."""
    if isinstance(part, Wildcard):
        return ".*" if part is Wildcard.STAR else "[*]"
    if isinstance(part, int):
        return f"[{part}]"
    plain = part != "" and all(letter.isalnum() or letter in _PLAIN for letter in part)
    return f".{part}" if plain else f"['{part}']"
