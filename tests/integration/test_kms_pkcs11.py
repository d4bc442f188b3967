"""A key that never leaves its token: SoftHSM2 in a folder of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pkcs11
import pytest

from tenor.errors import AuthenticationFailed, KeyNotFound, KmsRefused
from tenor.keys import algorithms, kms
from tests.legs import softhsm

pytestmark = pytest.mark.softhsm

DEK = algorithms.new_key(algorithms.AES256_GCM)
PLACE = {"kek": "k", "subject": "orders-value"}
KEY = "pkcs11:token=tenor%20test;object=orders"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(settings))
        command = [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            "tenor test",
            "--so-pin",
            "0000",
            "--pin",
            "1234",
        ]
        subprocess.run(command, check=True, capture_output=True)
        module = softhsm()
        assert module
        with pkcs11.lib(module).get_token(token_label="tenor test").open(user_pin="1234", rw=True) as session:
            session.generate_key(pkcs11.KeyType.AES, 256, label="orders", store=True)
        yield {"module": module, "pin": "1234"}


def test_a_token_wraps_and_binds(config: dict[str, str]) -> None:
    system = kms.driver("pkcs11", KEY, config=config)
    system.health()
    blob = system.wrap(DEK, PLACE)
    assert len(blob) == 12 + len(DEK) + 16
    assert system.unwrap(blob, PLACE) == system.unwrap(system.rewrap(blob, PLACE), PLACE) == DEK
    assert system.unwrap(system.wrap(DEK)) == DEK
    for altered, place in ((blob, {}), (blob[:-1], PLACE), (blob[:12], PLACE), (b"\0" + blob[1:], PLACE)):
        with pytest.raises(AuthenticationFailed):
            system.unwrap(altered, place)
    second = kms.driver("pkcs11", KEY, config=config)  # of the same token, which is logged in already
    assert second.unwrap(system.wrap(DEK, PLACE), PLACE) == DEK


def test_threads_share_a_token(config: dict[str, str]) -> None:
    system = kms.driver("pkcs11", KEY, config=config)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: system.unwrap(system.wrap(DEK)), range(64))) == {DEK}


def test_a_session_that_was_lost_is_opened_again(config: dict[str, str]) -> None:
    system = kms.driver("pkcs11", KEY, config=config)
    blob = system.wrap(DEK)
    system._session.close()  # type: ignore[attr-defined] # as a token does that was taken out
    assert system.unwrap(blob) == DEK


@pytest.mark.parametrize(
    ("key_id", "changed", "error"),
    [
        ("pkcs11:token=tenor%20test;object=payments", {}, KeyNotFound),
        ("pkcs11:token=nowhere;object=orders", {}, KeyNotFound),
        (KEY, {"module": "/nowhere/lib.so"}, KmsRefused),
    ],
)
def test_what_is_not_there_is_told(
    config: dict[str, str], key_id: str, changed: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        kms.driver("pkcs11", key_id, config=config | changed).wrap(DEK)
