"""Which bundles are trusted."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bundles import KEY, PUBLIC, bytes_of, key_pair
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fake_registry import FakeRegistry
from hypothesis import given
from hypothesis import strategies as st

from tenor import calls
from tenor.bundle import FORMAT, Bundle, private_key, public_key, row_of, signed, signer
from tenor.errors import BadBundle
from tenor.schemas import Registered, Schema

FAKE = FakeRegistry()
FAKE.add("orders", '{"type": "string"}')
DATA = bytes_of(FAKE)
MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_bundle_is_what_was_signed() -> None:
    for trusted in (PUBLIC, KEY, public_key(PUBLIC).public_bytes_raw()):
        bundle = Bundle.parse(DATA, trusted)
        assert [row["subject"] for row in bundle.rows] == ["orders"]
    assert (bundle.registry, bundle.created) == ("http://registry.test", "2026-01-02T00:00:00+00:00")
    assert signer(DATA) is not None
    assert signer(b"other") is None


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_no_byte_of_it_can_change(at: int, by: int) -> None:
    changed = bytearray(DATA)
    changed[at] ^= by
    public = (signer(DATA) or b"", signer(bytes(changed)) or b"")
    try:
        Bundle.parse(bytes(changed), PUBLIC)
    except BadBundle:
        return
    # The name of the signer proves nothing and is not what was signed; nothing else may pass.
    assert public[0] != public[1]
    assert bytes(changed).partition(b"\n")[2] == DATA.partition(b"\n")[2]


NOT_BUNDLES = [
    b"",
    b"\n",
    FORMAT,
    FORMAT + b" a b\n{}",
    b"tenor-bundle/2" + DATA[14:],
    DATA[:-1],
    DATA + b" ",
    b"x" * 99,
]


@pytest.mark.parametrize("data", NOT_BUNDLES, ids=lambda data: repr(data)[:30])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(BadBundle):
        Bundle.parse(data, PUBLIC)


def test_another_key_is_not_trusted() -> None:
    other, public = key_pair(2)
    with pytest.raises(BadBundle, match="not that of the trusted key"):
        Bundle.parse(DATA, public)
    Bundle.parse(bytes_of(FAKE, key=other), public)


def signed_as(payload: str) -> bytes:
    """These very words, signed."""
    signature = private_key(KEY).sign(FORMAT + b"\n" + payload.encode())
    return FORMAT + b" x " + base64.b64encode(signature) + b"\n" + payload.encode()


SIGNED_NONSENSE = [
    "[]",
    "{}",
    '{"schemas": [{}], "associations": []}',
    '{"schemas": 1, "associations": []}',
    '{"schemas": [], "associations": [], "upcasts": 1}',
    '{"schemas": [], "associations": [], "upcasts": [{}]}',
    '{"schemas": [], "associations": [], "upcasts": [{"subject": "s", "old": 1, "new": "2", "plan": {}}]}',
    '{"schemas": [], "associations": [], "upcasts": [{"subject": "s", "old": 1, "new": 2, "plan": "x"}]}',
    "{",
    "[" * 10**5,
]


@pytest.mark.parametrize("payload", SIGNED_NONSENSE, ids=lambda text: text[:30])
def test_signed_nonsense_is_told_apart(payload: str) -> None:
    with pytest.raises(BadBundle, match="signed, and holds something else"):
        Bundle.parse(signed_as(payload), PUBLIC)


def test_a_bundle_may_grow_old(tmp_path: Path) -> None:
    path = tmp_path / "x.bundle"
    path.write_bytes(bytes_of(FAKE, expires=MOMENT + timedelta(days=1)))
    assert Bundle.read(path, PUBLIC, now=MOMENT).expires
    with pytest.raises(BadBundle, match="expired at 2026-01-03"):
        Bundle.read(path, PUBLIC, now=MOMENT + timedelta(days=2))


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_keys_of_another_kind_are_refused() -> None:
    private, public = pem(ec.generate_private_key(ec.SECP256R1()))
    for wrong in (private, b"", b"nonsense", PUBLIC):
        with pytest.raises(BadBundle):
            signed([], {}, wrong, registry="", created=MOMENT)
    for wrong in (public, private, b"", b"nonsense", b"x" * 31):
        with pytest.raises(BadBundle):
            Bundle.parse(DATA, wrong)


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"),
    [
        (
            "AVRO",
            '{"type":"record","name":"a.B","fields":[]}',
            '{"type": "record", "name": "B", "namespace": "a", "fields": []}',
            True,
        ),
        ("AVRO", '{"type":"record","name":"a.B","fields":[]}', '{"type":"record","name":"B","fields":[]}', False),
        ("AVRO", "nonsense", "nonsense", True),
        ("AVRO", "nonsense", "other nonsense", False),
        ("JSON", '{"a": 1}', '{ "a":1 }', True),
        ("JSON", '{"a": 1}', '{"a": 2}', False),
        ("PROTOBUF", 'syntax="proto3"; // hi\nmessage A{}', 'syntax = "proto3";\n/* ho */ message A { }', True),
        ("PROTOBUF", 'option a = "x//y";', 'option a = "x";', False),
        ("PROTOBUF", 'option a = "x y";', 'option a = "x  y";', False),
    ],
)
def test_a_schema_is_known_however_it_is_written(kind: str, one: str, other: str, same: bool) -> None:
    row = {"subject": "s", "version": 1, "id": 7, "schema": one, "schemaType": kind}
    bundle = Bundle((row,), {})
    found = bundle.answer(calls.register("s", Schema(other, kind)))
    assert (found is not None and found.id == 7) is same


def test_a_plan_is_answered_as_the_registry_would() -> None:
    rows = [{"subject": "s", "version": n, "id": n + 6, "guid": f"g{n}", "schema": "{}"} for n in (1, 2, 3)]
    bundle = Bundle(tuple(rows), {}, upcasts={("s", 1, 3): {"root": 1}})
    there = {"subject": "s", "old": 1, "new": 3, "plan": {"root": 1}, "proven": True}
    for call in (
        calls.upcast("s", id=7, to=3),
        calls.upcast("s", guid="g1", to=3),
        calls.upcast("s", old=1, to=3),
        calls.upcast("s", id=7, to=-1),
    ):
        assert bundle.answer(call) == there
        assert bundle.answer(call, lasting=True) is None  # another plan may have been proven since
    assert bundle.answer(calls.upcast("s", id=9, to=2)) == {"subject": "s", "old": 3, "new": 2}
    for call in (
        calls.upcast("s", id=7, to=2),
        calls.upcast("s", id=8, to=3),
        calls.upcast("s", id=99, to=3),
        calls.upcast("s", id=7, to=4),
        calls.upcast("other", id=7, to=3),
        calls.upcast("other", id=7, to=-1),
    ):
        assert bundle.answer(call) is None


def test_a_bundle_of_before_there_were_plans_and_keys_is_read() -> None:
    document = json.loads(DATA.partition(b"\n")[2])
    for name in ("upcasts", "keks", "deks"):
        del document[name]
    older = Bundle.parse(signed_as(json.dumps(document)), PUBLIC)
    assert (older.upcasts, len(older.keys)) == ({}, 0)


def test_a_row_says_where_a_schema_stands() -> None:
    schema = Schema('{"type": "string"}', metadata={"properties": {"a": "b"}})
    row = row_of(Registered(schema, 7, "g", "orders", 2), "orders", current=False)
    assert json.loads(json.dumps(row)) == {
        "subject": "orders",
        "version": 2,
        "id": 7,
        "guid": "g",
        "current": False,
        "schema": '{"type": "string"}',
        "schemaType": "AVRO",
        "metadata": {"properties": {"a": "b"}},
    }
    with pytest.raises(BadBundle, match="neither id nor version"):
        row_of(Registered(schema), "orders")
