"""Key systems without a cloud: moto, a transit engine in process, Azure's local RSA, Google's client over loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import grpc
import httpx
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.keyvault.keys import JsonWebKey
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm
from confluent_kafka.schema_registry.rules.encryption.azurekms.azure_aead import AzureKmsAead
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_cloud_kms import FakeCloudKms, serving
from fake_transit import FakeTransit
from moto import mock_aws
from tink.integration import awskms

from tenor.errors import AuthenticationFailed, KeyNotFound, KmsError, KmsRefused, KmsUnavailable
from tenor.keys import kms
from tenor.keys.algorithms import AES256_GCM, new_key
from tenor.keys.kms.aws import AwsKms
from tenor.keys.kms.azure import AzureKms
from tenor.keys.kms.gcp import GcpKms, crc32c
from tenor.keys.kms.vault import VaultKms

DEK = new_key(AES256_GCM)
PLACE = {"tenant": "t", "kek": "k", "subject": "orders-value", "version": "1"}


def keeps_its_word(system: kms.Kms) -> None:
    """What every driver does."""
    system.health()
    blob = system.wrap(DEK)
    assert DEK[2:] not in blob
    assert system.unwrap(blob) == DEK
    assert system.unwrap(system.rewrap(blob)) == DEK
    for altered in (blob[:-1], blob[:-1] + bytes([blob[-1] ^ 1]), b"x"):
        with pytest.raises(AuthenticationFailed):
            system.unwrap(altered)
    if not system.capabilities.context:
        with pytest.raises(KmsRefused, match="context"):
            system.wrap(DEK, PLACE)
        return
    bound = system.wrap(DEK, PLACE)
    assert system.unwrap(bound, PLACE) == DEK
    assert system.unwrap(system.rewrap(bound, PLACE), PLACE) == DEK
    for other in ({}, {**PLACE, "subject": "payments-value"}):
        with pytest.raises(AuthenticationFailed):
            system.unwrap(bound, other)


def says_no(system: kms.Kms, error: type[KmsError]) -> None:
    """The same class from both calls, with nothing of the key in it."""
    for ask in (lambda: system.wrap(DEK), lambda: system.unwrap(b"vault:v1:AAAA")):
        with pytest.raises(error) as caught:
            ask()
        assert DEK[2:].hex() not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.retryable == (error is KmsUnavailable)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("kms", region_name="eu-west-1")


def test_aws(aws: Any) -> None:
    arn = aws.create_key()["KeyMetadata"]["Arn"]
    keeps_its_word(kms.driver("aws-kms", arn.rsplit("/", 1)[1], config={"region": "eu-west-1"}))
    system = kms.driver("AWS", f"aws-kms://{arn}")
    keeps_its_word(system)
    theirs = awskms.new_client(boto3_client=aws, key_uri=f"aws-kms://{arn}").get_aead(f"aws-kms://{arn}")
    assert theirs.decrypt(system.wrap(DEK), b"") == DEK
    assert system.unwrap(theirs.encrypt(DEK, b"")) == DEK
    with pytest.raises(KeyNotFound):
        kms.driver("aws-kms", arn[:-4] + "0000").wrap(DEK)


def test_aws_with_keys_of_its_own_and_a_role(aws: Any) -> None:
    arn = aws.create_key()["KeyMetadata"]["Arn"]
    config = {
        "access.key.id": "a",
        "secret.access.key": "b",
        "role.arn": "arn:aws:iam::123456789012:role/keys",
        "role.external.id": "tenor",
    }
    assert kms.driver("aws-kms", arn).unwrap(kms.driver("aws-kms", arn, config).wrap(DEK)) == DEK


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 400, KmsUnavailable),
        ("KMSInternalException", 500, KmsUnavailable),
        ("SomethingNew", 503, KmsUnavailable),
        ("AccessDeniedException", 400, KmsRefused),
        ("KMSInvalidStateException", 400, KmsRefused),
        ("NotFoundException", 400, KeyNotFound),
    ],
)
def test_what_aws_says_is_told(code: str, status: int, error: type[KmsError]) -> None:
    from botocore.exceptions import ClientError

    def fail(**_: object) -> None:
        answer: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "Encrypt")

    says_no(AwsKms("key", {}, client=SimpleNamespace(encrypt=fail, decrypt=fail)), error)


def test_aws_out_of_reach() -> None:
    config = {"region": "eu-west-1", "endpoint": "http://127.0.0.1:9", "access.key.id": "a", "secret.access.key": "b"}
    with pytest.raises(KmsUnavailable):
        kms.driver("aws-kms", "key", config=config).wrap(DEK)


def transit(fake: FakeTransit, key: str = "http://vault/transit/keys/orders", **config: str) -> VaultKms:
    return VaultKms(key, config, transport=httpx.MockTransport(fake))


def test_vault() -> None:
    fake = FakeTransit(keys={"team/transit/orders": [bytes(32)]}, namespace="shop")
    system = transit(fake, "http://vault:8200/team/transit/keys/orders", **{"token.id": "root", "namespace": "shop"})
    keeps_its_word(system)
    before = system.wrap(DEK)
    fake.rotate("team/transit/orders")
    renewed = system.rewrap(before)
    assert before.startswith(b"vault:v1:")
    assert renewed.startswith(b"vault:v2:")
    assert fake.requests[-1].endswith("/rewrap/orders")
    assert system.unwrap(before) == system.unwrap(renewed) == DEK


def test_vault_logs_in_and_again_when_the_token_ended() -> None:
    fake = FakeTransit()
    system = transit(fake, **{"approle.role.id": "role", "approle.secret.id": "secret"})
    blob = system.wrap(DEK)
    fake.token = "ended"
    assert system.unwrap(blob) == DEK
    assert fake.logins == 2
    with pytest.raises(KmsRefused):
        transit(fake, **{"approle.role.id": "role", "approle.secret.id": "wrong"}).wrap(DEK)
    with pytest.raises(KmsRefused, match="neither a token"):
        transit(fake).wrap(DEK)


@pytest.mark.parametrize(
    ("fake", "error"),
    [
        (FakeTransit(down=503), KmsUnavailable),
        (FakeTransit(down=429), KmsUnavailable),
        (FakeTransit(token="other"), KmsRefused),
        (FakeTransit(keys={}), KeyNotFound),
    ],
)
def test_what_vault_says_is_told(fake: FakeTransit, error: type[KmsError]) -> None:
    says_no(transit(fake, **{"token.id": "root"}), error)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": None}),
        httpx.Response(200, json={"data": {"ciphertext": 1, "plaintext": "?"}}),
        httpx.Response(200, json={"data": {}}),
        httpx.Response(302, headers={"location": "http://elsewhere/"}),
    ],
)
def test_an_answer_of_something_else_is_no_key(answer: httpx.Response) -> None:
    system = VaultKms(
        "http://vault/transit/keys/orders", {"token.id": "t"}, transport=httpx.MockTransport(lambda _: answer)
    )
    for ask in (
        lambda: system.wrap(DEK),
        lambda: system.unwrap(b"vault:v1:AAAA"),
        lambda: system.rewrap(b"vault:v1:A"),
    ):
        with pytest.raises(KmsError):
            ask()


@pytest.mark.parametrize(
    ("kind", "key_id"),
    [
        ("hcvault", "vault/keys/x"),
        ("hcvault", "http://u:p@vault/transit/keys/x"),
        ("hcvault", "http://vault/a/../sys/keys/x"),
        ("hcvault", "http://vault/transit/keys/../../x"),
        ("azure-kms", "https://vault/secrets/x"),
        ("azure-kms", "https://vault/keys/x/not-a-version"),
        ("gcp-kms", "projects/p"),
        ("aws-kms", ""),
        ("pkcs11", "token=x"),
        ("pkcs11", "pkcs11:token=x"),
    ],
)
def test_a_key_id_that_names_no_key_is_refused(kind: str, key_id: str) -> None:
    with pytest.raises(KmsRefused):
        kms.driver(kind, key_id, config={"module": "/nowhere.so"})


class Azure:
    """A vault with one key in three versions, whose RSA Azure's own client does itself."""

    url = "https://vault.example/keys/orders"

    def __init__(self) -> None:
        self.clients = {}
        for version in ("a" * 32, "b" * 32, "c" * 32):
            key = JsonWebKey(**rsa_jwk(), key_ops=["encrypt", "decrypt"])
            self.clients[f"{self.url}/{version}"] = CryptographyClient.from_jwk(key)
        self.newest = f"{self.url}/{'a' * 32}"

    def client_of(self, key_id: str) -> CryptographyClient:
        return self.clients[self.newest if key_id == self.url else key_id]

    def kms(self, key_id: str, **config: str) -> AzureKms:
        return AzureKms(key_id, config, client_of=self.client_of, newest=lambda vault, name: self.newest)


def rsa_jwk() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()

    def octets(number: int) -> bytes:
        return number.to_bytes((number.bit_length() + 7) // 8, "big")

    public = numbers.public_numbers
    private = {name: octets(getattr(numbers, name)) for name in ("d", "p", "q")}
    more = {"dp": octets(numbers.dmp1), "dq": octets(numbers.dmq1), "qi": octets(numbers.iqmp)}
    return {"kty": "RSA", "n": octets(public.n), "e": octets(public.e), **private, **more}


@pytest.fixture(scope="module")
def azure() -> Azure:
    return Azure()


def test_azure(azure: Azure) -> None:
    keeps_its_word(azure.kms(azure.newest))
    assert len(azure.kms(azure.newest).wrap(DEK)) == 256
    saving = {"encrypt.azure.key.version.save": "true"}
    system = azure.kms(azure.url, **saving)
    keeps_its_word(system)
    before = system.wrap(DEK)
    assert before.startswith(b"azure:v1:" + b"a" * 32 + b":")
    assert len(before) == 42 + 256
    azure.newest = f"{azure.url}/{'b' * 32}"
    assert system.rewrap(before).startswith(b"azure:v1:" + b"b" * 32 + b":")
    assert azure.kms(azure.url).unwrap(before) == DEK  # also when it is saved no more
    pinned = azure.kms(f"{azure.url}/{'c' * 32}", **saving).wrap(DEK)
    assert pinned.startswith(b"azure:v1:" + b"c" * 32)


def test_azure_as_confluents_client_does_it(azure: Azure) -> None:
    def client_of(version: str) -> CryptographyClient:
        return azure.client_of(f"{azure.url}/{version}")

    version = "c" * 32
    saving = {"encrypt.azure.key.version.save": "true"}
    for target in (None, lambda: (client_of(version), version)):
        theirs = AzureKmsAead(client_of(version), EncryptionAlgorithm.rsa_oaep_256, target, client_of)
        ours = azure.kms(f"{azure.url}/{version}", **(saving if target else {}))
        assert ours.unwrap(theirs.encrypt(DEK, b"")) == DEK
        assert theirs.decrypt(ours.wrap(DEK), b"") == DEK


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (ServiceRequestError("no route"), KmsUnavailable),
        (ResourceNotFoundError("none"), KeyNotFound),
        (ClientAuthenticationError("who"), KmsRefused),
        (403, KmsRefused),
        (429, KmsUnavailable),
        (503, KmsUnavailable),
    ],
)
def test_what_azure_says_is_told(raised: Any, error: type[KmsError]) -> None:
    if isinstance(raised, int):
        raised = HttpResponseError("said", response=None)
        raised.status_code = {KmsRefused: 403, KmsUnavailable: 429}[error]

    def fail(*_: object) -> None:
        raise raised

    client = SimpleNamespace(encrypt=fail, decrypt=fail)
    says_no(AzureKms(Azure.url, {}, client_of=lambda _: client, newest=lambda *_: ""), error)


GCP_KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/orders"


def test_gcp() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    fake = FakeCloudKms(GCP_KEY)
    with serving(fake) as client:
        system = GcpKms(f"{GCP_KEY}/cryptoKeyVersions/1", {}, client=client)
        keeps_its_word(system)
        with pytest.raises(KeyNotFound):
            GcpKms(GCP_KEY + "x", {}, client=client).wrap(DEK)
        blob = system.wrap(DEK)
        fake.lie = True
        for ask in (lambda: system.wrap(DEK), lambda: system.unwrap(blob)):
            with pytest.raises(KmsUnavailable, match="altered on the way"):
                ask()
        for status, error in (
            (grpc.StatusCode.PERMISSION_DENIED, KmsRefused),
            (grpc.StatusCode.FAILED_PRECONDITION, KmsRefused),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, KmsUnavailable),
        ):
            fake.fail = status
            says_no(system, error)


def test_drivers_are_imported_when_they_are_used() -> None:
    code = """import sys
from tenor.keys import kms
kms.driver("local-kms", "x", config={"secret": "s"}).wrap(b"")
print(*sys.modules)"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"boto3", "google.cloud", "azure", "httpx", "pkcs11", "tink"} & set(loaded)
