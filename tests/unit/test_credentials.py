"""What requests show of themselves, where they come from, how many they are, and which pages may send them."""

from __future__ import annotations

import base64
import random

import pytest

from registry.errors import InvalidRequest
from registry.security import passwords, tokens
from registry.security.addresses import Proxies, networks
from registry.security.cors import cors
from registry.security.credentials import INVALID, Shown, shown
from registry.security.limits import Limits
from registry.security.refusals import MOST_IDENTITIES, OTHERS, Refusals

TOKEN = tokens.mint()


def _basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


SHOWN = [
    (f"Bearer {TOKEN}".encode(), Shown("token", TOKEN)),
    (f"bearer   {TOKEN} ".encode(), Shown("token", TOKEN)),
    (b"Bearer a.b.c", Shown("jwt", "a.b.c")),
    (b"Bearer abc", Shown("token", "abc")),
    (_basic("user:pass:word"), Shown("password", "pass:word", "user")),
    (_basic(f"anybody:{TOKEN}"), Shown("token", TOKEN, "anybody")),
    (_basic(f"{TOKEN}:"), Shown("token", TOKEN)),
    (_basic("ü:ß"), Shown("password", "ß", "ü")),
    (_basic("user"), INVALID),
    (_basic(":"), INVALID),
    (_basic("user:"), INVALID),
    (b"Basic \xff", INVALID),
    (b"Basic dXNlcjpw*", INVALID),
    (b"Basic /w==", INVALID),  # not UTF-8
    (b"Bearer \xff", INVALID),
    (b"", INVALID),
    (b"Negotiate abc", INVALID),
    (b"Bearer " + b"a" * 20_000, INVALID),
]


@pytest.mark.parametrize(("header", "expected"), SHOWN, ids=range(len(SHOWN)))
def test_a_header_is_read_as_one_credential(header: bytes, expected: Shown) -> None:
    assert shown(header) == expected


def test_a_token_has_256_bits_and_says_when_it_was_mistyped() -> None:
    assert len({tokens.mint() for _ in range(100)}) == 100
    assert len(base64.urlsafe_b64decode(TOKEN[4:47] + "=")) == 32
    assert tokens.hashed(TOKEN) not in (None, tokens.hashed(tokens.mint()))
    dice = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    for _ in range(10_000):
        place = dice.randrange(len(TOKEN))
        mutated = TOKEN[:place] + dice.choice(letters) + TOKEN[place + 1 :]
        assert mutated == TOKEN or tokens.hashed(mutated) is None
    for wrong in (TOKEN + "0", TOKEN[:-1], f" {TOKEN}", TOKEN.upper(), f"{TOKEN}\n", "tnr_"):
        assert tokens.hashed(wrong) is None


def test_a_password_is_kept_as_a_hash() -> None:
    kept = passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert "correct" not in kept
    assert passwords.holds("correct horse battery", kept)
    nobodys = "what nobody has as a password"
    for wrong, where in (("correct horse", kept), ("", kept), ("x" * 5000, kept), (nobodys, None), ("x", "no hash")):
        assert not passwords.holds(wrong, where)
    for bad in ("short", "x" * 1001):
        with pytest.raises(InvalidRequest):
            passwords.hashed(bad)


# peer, X-Forwarded-For, the address that counts; 10.0.0.0/8 and ::1 are trusted
ADDRESSES = [
    ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
    ("10.0.0.1", ["9.9.9.9, 1.2.3.4"], "1.2.3.4"),  # what the client wrote before does not count
    ("10.0.0.1", ["9.9.9.9", "1.2.3.4, 10.0.0.2"], "1.2.3.4"),
    ("::1", ["2001:db8::1"], "2001:db8::1"),
    ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("10.0.0.1", ["10.0.0.2"], "10.0.0.1"),
    ("10.0.0.1", ["evil, not an address"], "10.0.0.1"),
    ("8.8.8.8", ["1.2.3.4"], "8.8.8.8"),  # nobody's proxy
    ("not an address", ["1.2.3.4"], "not an address"),
]


@pytest.mark.parametrize(("peer", "forwarded", "expected"), ADDRESSES)
def test_only_trusted_proxies_say_where_a_request_comes_from(peer: str, forwarded: list[str], expected: str) -> None:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    assert Proxies(networks("10.0.0.0/8, ::1")).client(peer, headers) == expected
    assert Proxies().client(peer, headers) == peer


def test_a_caller_has_so_many_requests_a_minute() -> None:
    now = [0.0]
    limits = Limits(3, lambda: now[0])
    assert [limits.take("a").left for _ in range(3)] == [2, 1, 0]
    refused = limits.take("a")
    assert not refused.allowed
    assert (b"retry-after", b"60") in refused.headers()
    assert limits.take("b").allowed
    now[0] = 59.5
    assert limits.take("a").seconds == 1
    now[0] = 60
    assert limits.take("a").headers() == [
        (b"ratelimit-limit", b"3"), (b"ratelimit-remaining", b"2"), (b"ratelimit-reset", b"60"),
    ]  # fmt: skip


def test_counting_callers_is_bounded() -> None:
    limits = Limits(3, lambda: 0.0)
    allowed = [limits.take(str(number)).allowed for number in range(10_010)]
    assert len(limits._windows) <= 10_001
    assert allowed.count(False) == 10_010 - 10_000 - 3  # those past the bound share one window


def test_pages_of_listed_origins_may_call() -> None:
    assert cors("") is None
    rules = cors("https://app.example, https://b.example")
    assert rules is not None
    origin = (b"origin", b"https://app.example")
    assert (b"access-control-allow-origin", b"https://app.example") in rules.answer([origin])
    for headers in ([], [(b"origin", b"https://evil.example")], [(b"origin", b"null")]):
        assert rules.answer(headers) == [(b"vary", b"origin")]
    asked = [origin, (b"access-control-request-method", b"PUT")]
    granted = rules.preflight("OPTIONS", asked)
    assert granted is not None
    assert b"access-control-allow-methods" in dict(granted)
    assert b"access-control-allow-credentials" not in dict(granted)
    assert rules.preflight("GET", asked) is None
    assert rules.preflight("OPTIONS", [origin]) is None
    other = rules.preflight("OPTIONS", [(b"origin", b"https://evil.example"), *asked[1:]])
    assert other == [(b"vary", b"origin")]
    anybody = cors("*")
    assert anybody is not None
    assert (b"access-control-allow-origin", b"*") in anybody.answer([origin])


def test_refused_attempts_are_counted_by_identity_and_minute_and_bounded() -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for number in range(1000):
        refusals.note("mallory", f"GET /x{number}", 403, f"10.0.0.{number}")
    refusals.note("eve", "GET /", 401, None)
    assert refusals.taken() == []  # the minute is not over
    now[0] = 61
    mallory, eve = refusals.taken()
    assert (mallory.actor, mallory.count, mallory.minute) == ("mallory", 1000, 0)
    assert len(mallory.routes) == len(mallory.origins) == 21
    assert mallory.routes[OTHERS] == 980
    assert dict(eve.routes) == {"401 GET /": 1}
    for number in range(1000):
        refusals.note(f"robot{number}", "GET /", 403, "10.0.0.1")
    taken = refusals.taken(all=True)
    assert len(taken) == MOST_IDENTITIES + 1
    assert sum(each.count for each in taken) == 1000
    refusals.give_back(taken)
    assert len(refusals.taken(all=True)) == len(taken)
