"""Enums: symbols that went away, came, were renamed, became texts or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry.evolution.upcasts.alternatives import equal
from registry.evolution.upcasts.making import ALIKE_SYMBOLS, Made, Where, constant_of
from registry.evolution.upcasts.similar import alike
from registry.evolution.upcasts.types import MISSING, Enum, Scalar, label
from tenor.plans.nodes import SCOPE, Candidate, Case, Certainty, Choose, Constant, Convert, Node, Table, Test
from tenor.plans.values import encode

if TYPE_CHECKING:
    from registry.evolution.upcasts.deriving import Deriver


def enums(deriver: Deriver, old: Enum, new: Enum, where: Where) -> Made | None:
    """Symbols to symbols. None if somebody said no to what was suggested."""
    if new.numbers and old.numbers:
        return _numbered(deriver, old, new, where)
    gone = [value for value in old.values if not any(equal(value, each) for each in new.values)]
    added = [value for value in new.values if not any(equal(value, each) for each in old.values)]
    entries: list[tuple[Any, Any]] = []
    guessed: list[str] = []
    left: list[Any] = []
    for value in gone:
        best = max(added, key=lambda each: alike(str(value), str(each)), default=None)
        if (
            best is not None
            and alike(str(value), str(best)) >= ALIKE_SYMBOLS
            and deriver.decisions.get(where.path) != "no"
        ):
            entries.append((value, best))
            guessed.append(f"{value} to {best}")
        else:
            left.append(value)
    fallback = new.default if new.default is not MISSING else constant_of(where.fallback)
    if left and fallback is MISSING:
        gone_names = ", ".join(map(str, left[:5]))
        reason = f"{gone_names} of {label(old)} went away, without a counterpart or a default"
        pairs = [(value, each) for value in left for each in added or new.values]
        likely = sorted(pairs, key=lambda pair: -alike(str(pair[0]), str(pair[1])))[:5]
        source = where.source or "/"
        return deriver.todo(
            where,
            reason,
            [Candidate(source, f"{one} may be {other}", alike(str(one), str(other))) for one, other in likely],
        )
    entries += [(value, fallback) for value in left]
    entries += [(value, value) for value in old.values if not any(value is each for each in gone)]
    node = Table(SCOPE, tuple((value, encode(to)) for value, to in entries), None)
    told = [*guessed, *([f"{', '.join(map(str, left[:5]))} to {fallback}, the default"] if left else [])]
    sentence = f"symbols changed: {'; '.join(told)}"
    if guessed or new.default is MISSING:
        return deriver.suggested(where, node, "enum", sentence)
    return Made(node, [deriver.step(where, "enum", "lossy", sentence)])


def _numbered(deriver: Deriver, old: Enum, new: Enum, where: Where) -> Made:
    """Symbols of Protobuf stand for numbers: the same number is the same symbol."""
    names = {number: name for name, number in reversed(new.numbers.items())}
    entries: list[tuple[Any, Any]] = []
    lost: list[str] = []
    for name, number in old.numbers.items():
        to = names.get(number)
        if to is None:
            entries.append((name, number if new.open else new.default))
            lost.append(name)
        elif to != name:
            entries.append((name, to))
    otherwise: Node = SCOPE
    if old.open and not new.open:
        known = tuple((name, names.get(number, new.default)) for name, number in old.numbers.items())
        entries, otherwise = list(known), Constant(new.default)
    elif old.open:
        # A number without a name may have got one.
        entries += [(number, name) for number, name in names.items() if number not in old.numbers.values()]
    if entries and otherwise == SCOPE:  # every symbol is listed, so that the way back is known
        listed = {entry for entry, _ in entries}
        entries += [(name, name) for name in old.numbers if name not in listed]
    node = Table(SCOPE, tuple(entries), otherwise) if entries else SCOPE
    renamed = ", ".join(
        f"{entry} is now {to}"
        for entry, to in entries
        if isinstance(entry, str) and isinstance(to, str) and entry != to
    )
    certainty: Certainty = "certain"
    sentence = renamed or "numbers without a name keep their number or get one"
    if lost:
        what = "keep their number" if new.open else f"become {new.default}"
        sentence = f"{', '.join(lost)} went away: such values {what}" + (f"; {renamed}" if renamed and new.open else "")
        certainty = "certain" if new.open else "lossy"
    elif old.open and not new.open:
        certainty, sentence = "lossy", f"the enum is closed now: unknown numbers become {new.default}"
    return Made(node, [deriver.step(where, "enum", certainty, sentence)])


def enum_to_scalar(deriver: Deriver, old: Enum, new: Scalar, where: Where) -> Made | None:
    """A symbol to its text or number. None if it has none of that kind."""
    if new.kind == "int" and old.numbers:
        entries = tuple(old.numbers.items())
        if (new.low or 0) > -(2**31):
            return None
        node = Table(SCOPE, entries, SCOPE)
        return Made(node, [deriver.step(where, "enum", "certain", "a symbol is read as its number")])
    if new.kind == "string" and not new.asks and old.open:
        named = Choose(SCOPE, (Case(Test("string")),), Convert(SCOPE, "text"))
        return deriver.suggested(where, named, "convert", "a symbol becomes its name, an unknown number its digits")
    return None


def scalar_to_enum(deriver: Deriver, old: Scalar, new: Enum, where: Where) -> Made | None:
    """A text or number to its symbol. None if others could come and nothing stands for them."""
    if old.kind == "int" and new.numbers:
        entries = tuple((number, name) for name, number in reversed(new.numbers.items()))
        if new.open and old.low == -(2**31) and old.high == 2**31 - 1:
            return Made(
                Table(SCOPE, entries, SCOPE),
                [deriver.step(where, "enum", "certain", "a number is read as its symbol")],
            )
        node = Table(SCOPE, entries, Constant(new.default))
        return deriver.suggested(where, node, "enum", f"a number becomes its symbol, others become {new.default}")
    fallback = new.default if new.default is not MISSING else constant_of(where.fallback)
    if old.kind == "string" and not new.numbers and fallback is not MISSING:
        node = Table(
            SCOPE,
            tuple((value, value) for value in new.values if isinstance(value, str)),
            Constant(encode(fallback)),
        )
        return deriver.suggested(where, node, "enum", f"texts that are symbols stay, others become {fallback}")
    return None
