"""Lays out the text of a Protobuf schema: a statement a line, indented by braces. Pure.

Tokens and comments stay as they are and in their order; only the white space between them is made anew. A comment stays
with the token that it stands beside, so that it documents what it documented. Inside of brackets and of option values
lines break where they are broken; a body in braces always breaks. Blank lines stay, at most one at a time, and at the
top level one stands around what has a body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

INDENT: Final = "  "
CONTINUED: Final = INDENT * 2
"""Before a statement's second line."""

_TOKEN: Final = re.compile(
    r"(?P<space>\s+)|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<number>\.?\d(?:[eE][+-]|[\w.])*)"
    r"|(?P<word>\.?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<sign>[^\s\"'\w])",
    re.DOTALL,
)
_BLOCK: Final = "block"
_LITERAL: Final = frozenset("{[<")
_CLOSING: Final = {"}": "{", "]": "[", ")": "(", ">": "<"}
_NONE_BEFORE: Final = frozenset(";,:)]>}/")
_NONE_AFTER: Final = frozenset("([</-+")


class Token(NamedTuple):
    """A token or a comment, how many line ends were before it, and the line it is on."""

    kind: str
    text: str
    breaks: int
    line: int

    @property
    def comment(self) -> bool:
        return self.kind in ("line", "block")


def laid_out(text: str) -> str:
    """The text as it is to be. Raises ValueError, with the line, for what is no Protobuf schema."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    tokens = list(_tokens(text))
    out = _Writer(tokens).written()
    if [each[:2] for each in _tokens(out)] != [each[:2] for each in tokens]:  # a guard: nothing may be lost
        raise ValueError("the text cannot be laid out without changing it: line 1")
    return out


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    breaks, line, at = 0, 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None and text[at] not in "\"'":
            raise ValueError(f"{text[at]!r} is no token: line {line}")
        if match is None or (match["sign"] == "/" and text.startswith("/*", at)):
            raise ValueError(f"a text or a comment does not end: line {line}")
        kind, own, at = str(match.lastgroup), match[0], match.end()
        if kind == "space":
            breaks += own.count("\n")
        else:
            found.append(Token(kind, own.rstrip() if kind == "line" else own, breaks, line))
            breaks = 0
        line += own.count("\n")
    return found


def _broken(tokens: list[Token]) -> Iterator[int]:
    """Before which tokens a line begins as a bracket holds a line end: the first inside of it, and the one behind."""
    opened: list[int] = []
    ends = list(accumulate(token.breaks for token in tokens))
    for at, token in enumerate(tokens):
        if token.text in ("{", "["):
            opened.append(at)
        elif token.text in ("}", "]") and opened and ends[at] > ends[start := opened.pop()]:
            yield from (start + 1, at)


class _Writer:
    """Writes tokens one after the other. `nested`: what is open, _BLOCK for a body, else the sign."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.lines: list[str] = []
        self.line = ""
        self.nested: list[str] = []
        self.statement: list[Token] = []
        self.after_body = False
        """Whether the last statement of the top level had a body."""
        self.broken = set(_broken(tokens))
        self.leads = [-1] * len(tokens)
        """For each token, the first of the declaration that it begins, or that it is a comment right before."""
        for at in reversed(range(len(tokens))):
            if not tokens[at].comment:
                self.leads[at] = at
            elif at + 1 < len(tokens) and tokens[at + 1].breaks <= 1:
                self.leads[at] = self.leads[at + 1]

    def written(self) -> str:
        """The whole text. Raises ValueError for braces that do not match."""
        for at, token in enumerate(self.tokens):
            if token.comment:
                self._comment(at, token)
            else:
                self._code(at, token)
        self._flush()
        if self.nested:
            raise ValueError(f"a brace is not closed: line {self.tokens[-1].line}")
        return "\n".join(self.lines).strip("\n") + "\n"

    # comments

    def _comment(self, at: int, token: Token) -> None:
        follows = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        alone = follows is None or follows.breaks > 0 or token.kind == "line"
        if token.breaks or not at:  # it begins a line
            self._flush()
            self._begin(at, token)
            self.line += token.text
        elif self.line:
            self.line += f" {token.text}"
        elif alone:
            self.lines[-1] += f" {token.text}"
            return
        else:
            self._begin(at, token)
            self.line += token.text
        if alone:
            self._flush()

    # code

    def _code(self, at: int, token: Token) -> None:
        inside = bool(self.nested) and self.nested[-1] in _LITERAL
        if not inside and token.text == "}":
            self._close_body(at, token)
        elif not inside and token.text == "{" and not self._is_value():
            self._add(at, token, at_break=False)
            self._flush()
            self.nested.append(_BLOCK)
            self.statement = []
        elif not inside and token.text == ";":
            self._end(at, token)
        else:
            strings = token.kind == "string" and self.statement and self.statement[-1].kind == "string"
            at_break = at in self.broken or (bool(token.breaks) and (inside or bool(strings)))
            self._nest(at, token, at_break=at_break)

    def _is_value(self) -> bool:
        """Whether a brace opens the value of an option, not a body."""
        return bool(self.statement) and self.statement[0].text == "option"

    def _nest(self, at: int, token: Token, *, at_break: bool) -> None:
        if (opening := _CLOSING.get(token.text)) and (not self.nested or self.nested.pop() != opening):
            raise ValueError(f"a bracket does not match: line {token.line}")
        self._add(at, token, at_break=at_break)
        if token.text in _CLOSING.values():
            self.nested.append(token.text)

    def _close_body(self, at: int, token: Token) -> None:
        if not self.nested or self.nested.pop() != _BLOCK:
            raise ValueError(f"a brace does not match: line {token.line}")
        self._flush()
        before = self.tokens[at - 1]
        if before.text == "{" and self.lines[-1].endswith("{"):
            self.lines[-1] += "}"
        else:
            self.lines.append(INDENT * len(self.nested) + "}")
        self.statement = []
        self.after_body = not self.nested

    def _end(self, at: int, token: Token) -> None:
        if not self.statement and not self.line and not token.breaks and self.lines and self.lines[-1].endswith("}"):
            self.lines[-1] += ";"
            return
        self._add(at, token, at_break=False)
        self._flush()
        self.statement = []
        self.after_body = False

    def _add(self, at: int, token: Token, *, at_break: bool) -> None:
        if at_break:
            self._flush()
        if not self.line:
            self._begin(at, token)
            self.line += token.text
        else:
            self.line += (" " if self._space_before(at, token) else "") + token.text
        self.statement.append(token)

    def _space_before(self, at: int, token: Token) -> bool:
        before = self.tokens[at - 1]
        if before.comment:
            return True
        if token.text[0] in _NONE_BEFORE and token.kind == "sign":
            return False
        if before.kind == "sign" and before.text in _NONE_AFTER:
            return False
        if token.kind == "word" and token.text[0] == "." and before.text == ")":
            return False
        if before.text == ".":  # in a name that holds an extension's: a.(b.c)
            return token.text != "("
        if token.text == ".":
            return [each.text for each in self.tokens[at + 1 : at + 2]] != ["("]
        if token.text == "(":
            return not (len(self.statement) == 2 and self.statement[0].text == "rpc")
        if token.text == "<":
            return before.text != "map"
        return before.text != "{"

    # lines

    def _flush(self) -> None:
        if self.line:
            self.lines.append(self.line)
            self.line = ""

    def _begin(self, at: int, token: Token) -> None:
        """Begin a line before a token."""
        deep = [each for each in self.nested if each != "("]
        first = not self.statement or token.text in _CLOSING  # what closes stands below what opened
        continued = not first and (not self.nested or self.nested[-1] == _BLOCK)
        self.line = INDENT * len(deep) + (CONTINUED if continued else "")
        if not self.lines or not self.lines[-1]:
            return
        opened = self.lines[-1].endswith("{") and not token.comment
        if (token.breaks > 1 and not opened) or self._set_apart(at, token):
            self.lines.append("")

    def _set_apart(self, at: int, token: Token) -> bool:
        """Whether a declaration of the top level begins here, its comments included, and is set apart by a blank."""
        if (
            self.nested
            or self.statement
            or (at and self.tokens[at - 1].comment and self.leads[at - 1] == self.leads[at])
        ):
            return False
        leads = self.leads[at]  # a comment that leads to nothing stands for itself, or belongs to what is before it
        return leads >= 0 and (self.after_body or self._has_body(leads))

    def _has_body(self, at: int) -> bool:
        if self.tokens[at].text == "option":
            return False
        depth = 0
        for each in self.tokens[at:]:
            if each.kind == "sign":
                if depth == 0 and each.text in "{;":
                    return each.text == "{"
                depth += (each.text in "[(") - (each.text in "])")
        return False
