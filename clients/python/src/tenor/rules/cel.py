"""CEL: conditions and values over a message, or over each tagged field of it.

    expr         → the result
    guard ; expr → the result where the guard holds; elsewhere a condition is kept and a transform changes nothing

Values are what they are in the event, save for those that CEL does not have: a date is its days since 1970, a UUID its
text. `now` is the time of the evaluation. The functions are CEL's own and isEmail, isHostname, isIpv4, isIpv6, isUri,
isUriRef and isUuid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from tenor.errors import MissingExtra

Evaluate = Callable[[dict[str, Any]], Any]
"""Variables → result. Raises whatever the engine raises."""

UNGUARDED: Final = object()
"""The result of an expression whose guard does not hold."""


def compile(text: str) -> Evaluate:
    """Compile an expression with its guard, if it has one. Raises ValueError, and MissingExtra without the engine."""
    guard, expression = split(text)
    if not expression.strip():
        raise ValueError("there is no expression")
    result = _program(expression)
    if not guard.strip():
        return result
    holds = _program(guard)
    return lambda variables: result(variables) if holds(variables) else UNGUARDED


def split(text: str) -> tuple[str, str]:
    """Guard and expression: a semicolon stands between them, unless it is in quotes."""
    for found in re.finditer(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|;", text, re.DOTALL):
        if found.group() == ";":
            return text[: found.start()], text[found.end() :]
    return "", text


def _program(expression: str) -> Evaluate:
    try:
        import cel
    except ImportError:
        raise MissingExtra(purpose="CEL", package="common-expression-language", extra="rules") from None
    execute = cel.compile(expression).execute
    functions = {name: function for name, function in FUNCTIONS.items() if name in expression}
    timed = re.search(r"\bnow\b", expression) is not None

    def evaluate(variables: dict[str, Any]) -> Any:
        if functions or timed:
            variables = {**functions, **variables}
            if timed:
                variables.setdefault("now", datetime.now(UTC))
        try:
            return execute(variables)
        except ValueError as error:
            if "onversion" not in str(error):  # the engine's word for a value that it does not have
                raise
        return execute({name: value if callable(value) else plain(value) for name, value in variables.items()})

    return evaluate


def plain(value: Any) -> Any:
    """A value in the types that CEL has."""
    match value:
        case datetime():
            return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        case date():
            return value.toordinal() - _EPOCH
        case UUID():
            return str(value)
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case tuple() if len(value) == 2 and isinstance(value[0], str):  # a named branch of an Avro union
            return plain(value[1])
        case list() | tuple():
            return [plain(item) for item in value]
    return value


_EPOCH: Final = date(1970, 1, 1).toordinal()
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LOCAL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
_URI_REF: Final = re.compile(r"[^\s<>\"{}|\\^`]*")


def _is_hostname(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def _is_email(text: str) -> bool:
    local, _, host = text.rpartition("@")
    return _LOCAL.fullmatch(local) is not None and _is_hostname(host)


def _made_by(kind: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            kind(text)
        except (ValueError, TypeError):
            return False
        return True

    return check


def _is_uri_ref(text: str) -> bool:
    return _URI_REF.fullmatch(text) is not None and _made_by(urlsplit)(text)


FUNCTIONS: Final[Mapping[str, Callable[[str], bool]]] = {
    "isEmail": _is_email,
    "isHostname": _is_hostname,
    "isIpv4": _made_by(IPv4Address),
    "isIpv6": _made_by(IPv6Address),
    "isUri": lambda text: _URI.fullmatch(text) is not None and _made_by(urlsplit)(text),
    "isUriRef": _is_uri_ref,
    "isUuid": _made_by(UUID),
}
