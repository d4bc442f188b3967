"""Data keys and the key systems of this process: byte for byte what Confluent's clients and Tink make."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
import tink
from hypothesis import given
from hypothesis import strategies as st
from tink import aead, daead, secret_key_access
from tink.proto import aes_gcm_pb2, aes_siv_pb2, tink_pb2

from tenor.errors import AuthenticationFailed, InvalidKey, KmsError, KmsRefused, KmsUnavailable, UnknownKms
from tenor.keys import algorithms, kms

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "csfle.json").read_text())
SEALED = [*VECTORS["vectors"], *VECTORS["extra"]]
NAMES = list(algorithms.ALGORITHMS)


def unversioned(vector: dict[str, Any]) -> bytes:
    ciphertext = bytes.fromhex(vector["ciphertext_hex"])
    return ciphertext[5:] if vector["rotation"] else ciphertext


@pytest.mark.parametrize("vector", SEALED, ids=lambda vector: vector["id"])
def test_every_vector_opens_and_is_made_again(vector: dict[str, Any]) -> None:
    local = kms.driver("local-kms", "mykey", config={"secret": vector["secret"]})
    serialised = local.unwrap(base64.b64decode(vector["wrapped_dek_base64"]))
    assert serialised.hex() == vector["key_proto_hex"]
    cipher = algorithms.cipher(vector["algorithm"], algorithms.raw(vector["algorithm"], serialised))
    plaintext, sealed = bytes.fromhex(vector["plaintext_hex"]), unversioned(vector)
    assert cipher.open(sealed) == plaintext
    nonce = None if vector["deterministic"] else sealed[: algorithms.NONCE]
    assert cipher.seal(plaintext, nonce=nonce) == sealed


@pytest.mark.parametrize("vector", VECTORS["must_fail"], ids=lambda vector: vector["id"])
def test_what_was_altered_does_not_open(vector: dict[str, Any]) -> None:
    cipher = algorithms.cipher(
        vector["algorithm"], algorithms.raw(vector["algorithm"], bytes.fromhex(vector["key_proto_hex"]))
    )
    with pytest.raises(AuthenticationFailed):
        cipher.open(bytes.fromhex(vector["ciphertext_hex"]))


def tinks(name: str, serialised: bytes) -> Any:
    """Tink's primitive of a serialised key, without a prefix."""
    siv = name == algorithms.AES256_SIV
    type_url = f"type.googleapis.com/google.crypto.tink.{'AesSivKey' if siv else 'AesGcmKey'}"
    data = tink_pb2.KeyData(type_url=type_url, value=serialised, key_material_type=tink_pb2.KeyData.SYMMETRIC)
    key = tink_pb2.Keyset.Key(
        key_data=data, status=tink_pb2.ENABLED, key_id=1, output_prefix_type=tink_pb2.OutputPrefixType.RAW
    )
    keyset = tink_pb2.Keyset(primary_key_id=1, key=[key]).SerializeToString()
    (daead if siv else aead).register()
    handle = tink.proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
    return handle.primitive(daead.DeterministicAead if siv else aead.Aead)


@pytest.mark.parametrize("name", NAMES)
@given(plaintext=st.binary(max_size=80), aad=st.binary(max_size=20))
def test_tink_opens_what_is_sealed_and_seals_what_opens(name: str, plaintext: bytes, aad: bytes) -> None:
    serialised = algorithms.new_key(name)
    ours = algorithms.cipher(name, algorithms.raw(name, serialised))
    theirs = tinks(name, serialised)
    sealed = ours.seal(plaintext, aad)
    assert len(sealed) == len(plaintext) + algorithms.ALGORITHMS[name].overhead
    if algorithms.ALGORITHMS[name].deterministic:
        assert theirs.encrypt_deterministically(plaintext, aad) == sealed
        assert theirs.decrypt_deterministically(sealed, aad) == plaintext
    else:
        assert theirs.decrypt(sealed, aad) == plaintext
        assert ours.open(theirs.encrypt(plaintext, aad), aad) == plaintext
    with pytest.raises(AuthenticationFailed):
        ours.open(sealed, aad + b"x")


@pytest.mark.parametrize("name", NAMES)
def test_a_new_key_is_tinks_protobuf(name: str) -> None:
    serialised = algorithms.new_key(name)
    message = aes_siv_pb2.AesSivKey if name == algorithms.AES256_SIV else aes_gcm_pb2.AesGcmKey
    parsed = message.FromString(serialised)
    assert parsed.version == 0
    assert parsed.key_value == algorithms.raw(name, serialised)
    assert algorithms.new_key(name) != serialised
    assert algorithms.raw(name, b"\x08\x00" + serialised) == parsed.key_value  # the version, said though it is 0


@pytest.mark.parametrize(
    "serialised",
    [
        b"",
        b"\x1a",
        b"\x1a\x20",
        b"\x1a\x20" + bytes(31),
        b"\x1a\x20" + bytes(33),
        b"\x12\x20" + bytes(32),
        b"\x1a\x10" + bytes(16),
        b"\x08\x01\x1a\x20" + bytes(32),
        b"\x1a\x20" + bytes(32) + b"\x1a\x20" + bytes(32),
        b"\x1a\xff\xff\xff\xff\xff\xff" + bytes(32),
        b"\x1b\x20" + bytes(32),
    ],
    ids=bytes.hex,
)
def test_what_is_no_key_is_refused(serialised: bytes) -> None:
    with pytest.raises(InvalidKey) as caught:
        algorithms.raw(algorithms.AES256_GCM, serialised)
    assert bytes(8).hex() not in str(caught.value)


@given(serialised=st.binary(max_size=70))
def test_any_bytes_are_a_key_or_refused(serialised: bytes) -> None:
    for name, kind in algorithms.ALGORITHMS.items():
        with contextlib.suppress(InvalidKey):
            assert len(algorithms.raw(name, serialised)) == kind.size


def test_a_cipher_refuses_keys_and_nonces_of_another_size() -> None:
    with pytest.raises(InvalidKey):
        algorithms.cipher(algorithms.AES256_GCM, bytes(16))
    with pytest.raises(InvalidKey):
        algorithms.new_key("ROT13")
    with pytest.raises(ValueError, match="12 bytes"):
        algorithms.cipher(algorithms.AES256_GCM, bytes(32)).seal(b"", nonce=bytes(11))
    with pytest.raises(ValueError, match="no nonce"):
        algorithms.cipher(algorithms.AES256_SIV, bytes(range(64))).seal(b"", nonce=bytes(12))


def test_a_commitment_names_a_key_without_telling_it() -> None:
    key = bytes(range(32))
    extracted = hmac.digest(bytes(32), key, "sha256")
    assert algorithms.commitment(key) == hmac.digest(extracted, b"tenor-seal-commit-1\x01", "sha256")  # RFC 5869
    assert algorithms.commitment(key) != algorithms.commitment(bytes(32))


LOCAL = [
    ("local-kms", "anything", {"secret": "s3cret"}),
    ("env", "TENOR_KEY_TEST", {}),
    ("passphrase", "orders", {"passphrase.file": "passphrase"}),
]


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOCAL_SECRET", raising=False)
    monkeypatch.setenv("TENOR_KEY_TEST", base64.b64encode(bytes(range(32))).decode())
    Path("passphrase").write_text("correct horse battery\n")


@pytest.mark.parametrize(("kind", "key_id", "config"), LOCAL, ids=str)
def test_a_key_of_this_process_wraps_and_binds(kind: str, key_id: str, config: dict[str, str]) -> None:
    system = kms.driver(kind, key_id, config=config)
    system.health()
    dek = algorithms.new_key(algorithms.AES256_GCM)
    assert kms.driver(kind, key_id, config=config).unwrap(system.wrap(dek)) == dek
    assert system.unwrap(system.rewrap(system.wrap(dek))) == dek
    place = {"kek": "k", "subject": "orders-value"}
    blob = system.wrap(dek, place)
    assert system.unwrap(blob, dict(reversed(place.items()))) == dek
    for other in ({}, {"kek": "korders-value"}, {**place, "version": "1"}):
        with pytest.raises(AuthenticationFailed):
            system.unwrap(blob, other)
    for altered in (b"", blob[:-1], blob[:5], bytes([blob[0] ^ 1]) + blob[1:]):
        with pytest.raises(AuthenticationFailed):
            system.unwrap(altered, place)


@pytest.mark.parametrize(
    ("kind", "key_id", "config", "said"),
    [
        ("local-kms", "", {}, "LOCAL_SECRET"),
        ("env", "PATH", {}, "TENOR_KEY_"),
        ("env", "TENOR_KEY_NONE", {}, "not set"),
        ("env", "TENOR_KEY_SHORT", {}, "holds 3 bytes"),
        ("env", "TENOR_KEY_WORDS", {}, "not base64"),
        ("passphrase", "", {}, "TENOR_PASSPHRASE_FILE"),
        ("passphrase", "", {"passphrase.file": "nowhere"}, "cannot be read"),
        ("passphrase", "", {"passphrase.file": "short"}, "shorter than"),
    ],
)
def test_what_is_not_configured_is_refused(
    kind: str, key_id: str, config: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENOR_KEY_SHORT", base64.b64encode(b"abc").decode())
    monkeypatch.setenv("TENOR_KEY_WORDS", "not base64!")
    Path("short").write_text("hunter2")
    with pytest.raises(KmsRefused, match=said) as caught:
        kms.driver(kind, key_id, config=config).wrap(b"key")
    assert "hunter2" not in str(caught.value)


def test_two_secrets_live_in_one_process() -> None:
    one, other = (kms.driver("local-kms", "k", config={"secret": secret}) for secret in ("one", "other"))
    with pytest.raises(AuthenticationFailed):
        other.unwrap(one.wrap(b"key"))


def test_the_props_of_a_kek_win_but_do_not_reach_into_the_machine() -> None:
    ours = kms.driver("local-kms", "k", {"secret": "kek's"}, {"secret": "process's"})
    assert kms.driver("local-kms", "k", config={"secret": "kek's"}).unwrap(ours.wrap(b"key")) == b"key"
    seen: list[dict[str, str]] = []

    def made(key_id: str, config: Any) -> kms.Kms:
        seen.append(dict(config))
        return Down(key_id)

    kms.driver("pkcs11", "k", dict.fromkeys(kms.LOCAL_ONLY, "theirs"), {"module": "ours"}, factory=made)
    assert seen == [{"module": "ours"}]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("AWS", "aws-kms"), ("aws-kms", "aws-kms"), ("GcpKms", "gcp-kms"), ("azure", "azure-kms"), ("HCVault", "hcvault")],
)
def test_kms_types_are_normalised(written: str, meant: str) -> None:
    assert kms.normalised(written) == meant


def test_an_unknown_kms_names_the_known() -> None:
    with pytest.raises(UnknownKms, match=r"abacus.*local-kms"):
        kms.driver("abacus", "k")


class Down:
    """A key that fails as it is told."""

    capabilities = kms.Capabilities(context=False)

    def __init__(self, key_id: str, error: KmsError | None = None) -> None:
        self.error = error or KmsUnavailable(kms=key_id, action="answer", reason="down")
        self.asked = 0

    def fail(self, *_: object) -> bytes:
        self.asked += 1
        raise self.error

    wrap = unwrap = rewrap = fail

    def health(self) -> None:
        self.fail()


def test_other_keys_are_tried_in_order() -> None:
    made: list[str] = []
    down = Down("eu")

    def each(key_id: str, config: Any) -> kms.Kms:
        made.append(key_id)
        return down if key_id == "eu" else kms.driver("local-kms", key_id, config={"secret": key_id})

    both = kms.driver("local-kms", "eu", {kms.ALTERNATES: " us , local-kms://asia,"}, factory=each)
    assert made == ["eu", "us", "asia"]
    assert not both.capabilities.context
    blob = both.wrap(b"key")
    assert kms.driver("local-kms", "", config={"secret": "us"}).unwrap(blob) == b"key"
    assert both.unwrap(kms.driver("local-kms", "", config={"secret": "asia"}).wrap(b"other")) == b"other"
    assert both.unwrap(both.rewrap(blob)) == b"key"
    assert down.asked == 5
    with pytest.raises(KmsUnavailable):
        both.health()
    with pytest.raises(KmsUnavailable):  # eu may still know it
        both.unwrap(b"nobody's")
    refused = KmsRefused(kms="eu", action="unwrap", reason="no")
    with pytest.raises(KmsRefused):
        kms.FirstThatWorks([Down("eu", refused), kms.driver("env", "TENOR_KEY_TEST")]).unwrap(b"nobody's")
