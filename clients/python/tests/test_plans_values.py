"""Constants read back as they were; conversions go back where they claim to, and refuse what they do not take."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenor.plans.conversions import CONVERSIONS
from tenor.plans.values import TYPES, decode, encode, key, same, type_name

INT64 = [-(2**63), 2**63 - 1]
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
EXAMPLES: list[Any] = [
    *(None, True, 0, -1, 2**63, -(2**70), 1.0, -0.0, 1e300, math.inf, -math.inf, "", "é", "\x00", b"", b"\xff"),
    *(WHEN, WHEN.replace(tzinfo=None), date(2026, 1, 2), time(1, 2, 3, 4), Decimal("1.50"), UUID(int=5)),
    *([], [1, [2.5]], {}, {"a": {"b": b"x"}}, {"$bytes": "x"}, {"$object": {}, "a": 1}),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=repr)
def test_a_constant_reads_back_as_it_was(value: Any) -> None:
    written = encode(value)
    for again in (written, json.loads(json.dumps(written)), msgspec.json.decode(msgspec.json.encode(written))):
        found = decode(again)
        assert found == value
        assert type(found) is type(value)
        assert repr(found) == repr(value)


def test_a_constant_is_made_fresh() -> None:
    written = encode({"a": [1]})
    decode(written)["a"].append(2)
    assert decode(written) == {"a": [1]}
    assert math.isnan(decode(encode(math.nan)))
    with pytest.raises(TypeError):
        encode(object())


def test_types_and_sameness() -> None:
    names = {type_name(value) for value in EXAMPLES}
    assert names == set(TYPES) - {"number"}
    assert not same(True, 1)
    assert same(1, 1.0)
    assert key([1]) is None
    assert key(True) != key(1)


CASES: dict[tuple[str, Any], st.SearchStrategy[Any]] = {
    ("float", None): st.integers(-(2**53), 2**53),
    ("boolean_to_int", None): st.booleans(),
    ("text_to_bytes", None): st.text(st.characters(exclude_categories=["Cs"])),
    ("date_to_datetime", None): st.dates(),
    ("without_zone", None): st.datetimes(timezones=st.just(UTC)),
    ("in_utc", None): st.datetimes(),
    ("datetime", "micros"): st.integers(-(10**15), 10**15),
    ("datetime", "millis"): st.integers(-(10**12), 10**12),
    ("from_datetime", "micros"): st.datetimes(timezones=st.just(UTC)),
}


@pytest.mark.parametrize(("name", "by"), CASES)
def test_a_conversion_goes_back(name: str, by: Any) -> None:
    row = CONVERSIONS[name]
    assert row.argument(by)
    assert row.back is not None
    back = CONVERSIONS[row.back]

    @given(CASES[name, by])
    def goes_back(value: Any) -> None:
        there = row.apply(value, by)
        assert row.apply(value, by) == there
        again = back.apply(there, row.back_by(by))
        assert again == value
        assert type(again) is type(value)

    goes_back()


def test_every_way_back_is_a_conversion_that_takes_its_argument() -> None:
    arguments: dict[str, Any] = {"int": INT64, "text_to_int": INT64, "scale": [1, 100], "clamp": [0, None]}
    arguments |= dict.fromkeys(("datetime", "from_datetime"), "millis")
    arguments |= dict.fromkeys(("truncate", "decimal", "decimal_scale", "text_to_decimal"), 2)
    for name, row in CONVERSIONS.items():
        by = arguments.get(name)
        assert row.argument(by), name
        assert not row.argument(object()), name
        if row.back is not None:
            assert CONVERSIONS[row.back].argument(row.back_by(by)), name


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_fails_with_type_or_value_only(name: str) -> None:
    arguments: dict[str, list[Any]] = {
        **{each: [INT64, [0, 9]] for each in ("int", "text_to_int")},
        "scale": [[1, 100], [10**12, 1]],
        "clamp": [[0, None], [None, 1.5]],
        **{each: ["seconds", "millis", "micros", "nanos"] for each in ("datetime", "from_datetime")},
        **{each: [0, 2] for each in ("truncate", "decimal", "decimal_scale", "text_to_decimal")},
    }
    texts = ["1", "-7", "1e400", "1_0", "9" * 500, "nan", "Infinity", "2026-01-02", "2026-01-02T03:04:05Z", "12:00"]
    texts += ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "٣", str(UUID(int=1)), "1E+999999999"]
    odd = [math.nan, 5e-324, 10**400, Decimal("NaN"), Decimal("1E+300"), Decimal("-1E-300")]
    odd += [datetime.min, datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), datetime.min.replace(tzinfo=UTC)]
    worked = 0
    for by in arguments.get(name, [None]):
        for value in [*EXAMPLES, *texts, *odd]:
            try:
                CONVERSIONS[name].apply(value, by)
            except (TypeError, ValueError):
                continue
            worked += 1
    assert worked


@pytest.mark.parametrize(
    ("name", "by", "value", "made"),
    [
        ("int", INT64, 2.5, 2),
        ("int", INT64, math.nan, 0),
        ("int", INT64, math.inf, 2**63 - 1),
        ("int", [0, 9], -5, 0),
        ("clamp", [0, 9], 10, 9),
        ("clamp", [None, 9], 5, 5),
        ("scale", [100, 1], 19.99, 1998.9999999999998),
        ("scale", [1, 100], 500, 5),
        ("scale", [1, 100], 5, 0.05),
        ("scale", [1, 100], Decimal("1.50"), Decimal("0.015")),
        ("float32", None, 1e300, math.inf),
        ("float32", None, 0.1, 0.10000000149011612),
        ("text", None, True, "true"),
        ("text", None, Decimal("1E+2"), "100"),
        ("text", None, WHEN, "2026-01-02T03:04:05.678901Z"),
        ("text_to_datetime", None, "2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("datetime", "seconds", 10**18, datetime.max.replace(tzinfo=UTC)),
        ("datetime", "millis", 1.5, datetime(1970, 1, 1, 0, 0, 0, 1500, tzinfo=UTC)),
        ("bytes_to_text", None, b"a\xff", "a\ufffd"),
        ("decimal_scale", 1, Decimal("0.25"), Decimal("0.2")),
    ],
)
def test_what_conversions_make(name: str, by: Any, value: Any, made: Any) -> None:
    found = CONVERSIONS[name].apply(value, by)
    assert found == made
    assert type(found) is type(made)
