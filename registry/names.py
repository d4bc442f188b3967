"""Names of subjects and contexts, and which version is meant. Pure: parse and print.

A subject lives in a context. The default context `.` is never printed:

    orders-value          → context ".",    subject "orders-value"
    :.dev:orders-value    → context ".dev", subject "orders-value"
    :.dev:                → the context ".dev" itself (empty subject)
    :.:orders-value       → "orders-value"
    :*:                   → every context (prefixes only)
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import InvalidContext, InvalidSubject, InvalidVersion

DEFAULT_CONTEXT = "."
GLOBAL_CONTEXT = ".__GLOBAL"
ANY_CONTEXT = "*"
MAX_VERSION = 2**31 - 1
LATEST = -1
LONGEST = 2000
"""Bytes of the longest name: a few more, and an index of PostgreSQL could not hold it."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A subject name together with its context."""

    context: str
    name: str

    def __str__(self) -> str:
        """The name as answers print it: qualified unless in the default context."""
        return self.name if self.context == DEFAULT_CONTEXT else f":{self.context}:{self.name}"

    @property
    def is_context(self) -> bool:
        """Whether this names a whole context (`:.dev:`, or nothing at all for the default one)."""
        return self.name == ""

    @classmethod
    def parse(cls, text: str, context: str = DEFAULT_CONTEXT) -> Subject:
        """Split a possibly qualified name; an unqualified one belongs to `context`. Any text parses."""
        if not text.startswith((":.", ":*:")):
            return cls(context, text)
        end = text.find(":", 1)
        if end < 0:
            return cls(text[1:], "")
        return cls(text[1:end], text[end + 1 :])


def subject(text: str, *, reject_empty: bool = False, for_settings: bool = False) -> Subject:
    """A subject a client may write to.

    Raises InvalidSubject for control characters, for the reserved names `__GLOBAL` and `__EMPTY`, for the wildcard
    context, for context `.__GLOBAL` unless `for_settings` (config and mode accept it), and for more than LONGEST bytes.
    """
    parsed = Subject.parse(text)
    if (
        any(ord(letter) < 32 or ord(letter) == 127 for letter in text)
        or len(text.encode()) > LONGEST
        or parsed.name in ("__GLOBAL", "__EMPTY")
        or parsed.context == ANY_CONTEXT
        or (parsed.context == GLOBAL_CONTEXT and not for_settings)
        or (reject_empty and parsed.name in ("", "*"))
    ):
        raise InvalidSubject(text)
    return parsed


def context(text: str) -> str:
    """A context name from a URL: outer colons go, a leading dot is added. `dev`, `.dev` and `:.dev:` are one.

    Raises InvalidContext when a colon remains inside.
    """
    bare = text.strip(":")
    if ":" in bare:
        raise InvalidContext(f"The context '{text}' must not contain a colon.")
    return bare if bare.startswith(".") else f".{bare}"


def qualify(text: str, context_name: str) -> str:
    """A name as found below `/contexts/{context_name}/`: qualified unless it names a context already."""
    if context_name == DEFAULT_CONTEXT or text.startswith((":.", ":*:")):
        return text
    return f":{context_name}:{text}"


def version(text: str) -> int:
    """A version selector of a URL: 1 … 2^31-1, or LATEST for `latest` and `-1`. Raises InvalidVersion."""
    word = text.strip()
    if word.lower() == "latest":
        return LATEST
    # int() would also take "1_0", "+1" and digits of other scripts.
    if not (word.removeprefix("-").isascii() and word.removeprefix("-").isdigit()):
        raise InvalidVersion(text)
    number = int(word) if len(word) < 12 else MAX_VERSION + 1
    if number == LATEST or 1 <= number <= MAX_VERSION:
        return number
    raise InvalidVersion(text)
