"""Which key a rule seals with. Pure.

encrypt.kek.name          required
encrypt.kms.type, encrypt.kms.key.id   where the KEK is made if the registry does not have it; must agree if it has
encrypt.dek.algorithm     AES256_GCM (default), AES128_GCM, AES256_SIV
encrypt.dek.expiry.days   age after which the key is renewed; with ENCRYPT also says that ciphertext names its key
tenor.dek.max.uses        count of all clients after which it is renewed; 2^28 unless given (a process alone, where
                          the registry leases no uses)
tenor.key.domain          subjects that share keys; each its own unless given
tenor.dataSubject         whose key it is: `$.customer_id` from the event, `@.id` from the record around the field,
                          `header:customer-id`, `key` (the text of the record's key) or `key:$.id` from what it holds
tenor.dataSubject.kind    what that id counts: `person` unless given
tenor.erased              what a reader gets once that key is destroyed: null, sentinel, drop or raise
tenor.suite               SEAL: 01 to 04
tenor.searchable          SEAL suite 02 is deterministic, which must be asked for with `true`
tenor.compress            SEAL_PAYLOAD: zstd
tenor.bind                SEAL: `key` binds to the record's key, so that nothing opens in another record
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tenor import schemas
from tenor.keys.algorithms import AES256_GCM, AES256_SIV, ALGORITHMS, DEFAULT
from tenor.keys.kms import normalised
from tenor.rules.model import Rule

PERSONS: Final = schemas.PERSONS
MAX_USES: Final = 2**28
HARD_LIMIT: Final = 2**32
"""Random nonces of 96 bits allow no more uses of a key (NIST SP 800-38D)."""
SEAL_MAX_DAYS: Final = 30.0
ERASED_POLICIES: Final = ("null", "sentinel", "drop", "raise")
SUITES: Final = {"01": AES256_GCM, "02": AES256_SIV, "03": AES256_GCM, "04": AES256_GCM}
OURS: Final = frozenset(
    {
        *("tenor.dek.max.uses", "tenor.key.domain", "tenor.dataSubject", "tenor.dataSubject.kind", "tenor.erased"),
        *("tenor.suite", "tenor.searchable", "tenor.compress", "tenor.bind"),
    }
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,255}")
_SUBJECT: Final = re.compile(r"[$@](\.[^.\[\]*]+)+|header:[!-~]+|key(:\$(\.[^.\[\]*]+)+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """A stream of keys: the registry numbers them by KEK, domain and algorithm.

    `days`: 0 = age does not renew it. `versioned`: ciphertext of ENCRYPT says which key it needs.
    """

    kek: str
    domain: str
    algorithm: str
    kms_type: str = ""
    kms_key_id: str = ""
    days: float = 0.0
    uses: int = MAX_USES
    versioned: bool = False
    native: bool = False

    def __str__(self) -> str:
        return f"{self.kek}/{self.domain}/{self.algorithm}"


@dataclass(frozen=True, slots=True)
class Key:
    """The name of one key."""

    kek: str
    domain: str
    algorithm: str
    version: int

    def __str__(self) -> str:
        return f"{self.kek}/{self.domain}/{self.algorithm}/{self.version}"


def source(rule: Rule, subject: str) -> Source:
    """The source a rule names. Raises UnusableRule."""
    params = rule.params
    native = rule.type.startswith("SEAL")
    kek = params.get("encrypt.kek.name", "")
    if not _NAME.fullmatch(kek):
        raise rule.refused(f"'{kek}' is not the name of a KEK" if kek else "it names no KEK (encrypt.kek.name)")
    algorithm = SUITES[suite(rule)] if native else params.get("encrypt.dek.algorithm") or DEFAULT
    if algorithm not in ALGORITHMS:
        raise rule.refused(f"there is no algorithm {algorithm}, only {', '.join(ALGORITHMS)}")
    days = _number(rule, "encrypt.dek.expiry.days", SEAL_MAX_DAYS if native else 0.0)
    uses = int(_number(rule, "tenor.dek.max.uses", MAX_USES))
    if not 0 < uses <= MAX_USES * 8:
        raise rule.refused(f"tenor.dek.max.uses is from 1 to {MAX_USES * 8}")
    versioned = native or days > 0
    if person(rule) and not versioned:
        raise rule.refused("persons' keys need encrypt.dek.expiry.days: else the ciphertext does not name its key")
    kms_type = params.get("encrypt.kms.type", "")
    return Source(
        kek,
        (params.get("tenor.key.domain") or subject).removeprefix(":.:"),  # the default context has two names
        algorithm,
        normalised(kms_type) if kms_type else "",
        params.get("encrypt.kms.key.id", ""),
        days,
        uses,
        versioned,
        native,
    )


def context_of(domain: str) -> str:
    """`.dev` of `:.dev:orders`; empty for the default context."""
    return domain[1 : domain.find(":", 1)] if domain.startswith(":.") else ""


def require_known(rule: Rule) -> None:
    """Refuse to seal by a setting of ours that there is none of. Raises UnusableRule.

    With `tenor.datasubject` for `tenor.dataSubject`, a person's data would lie under the key of all.
    """
    if unknown := sorted(name for name in rule.own if name.startswith("tenor.") and name not in OURS):
        raise rule.refused(f"there is no setting {', '.join(unknown)}, only {', '.join(sorted(OURS))}")
    if rule.params.get("tenor.bind") and not rule.type.startswith("SEAL"):
        raise rule.refused(f"{rule.type} cannot bind to the record's key (tenor.bind), SEAL can")


def suite(rule: Rule) -> str:
    """The suite of a SEAL rule. Raises UnusableRule."""
    name = rule.params.get("tenor.suite", "01").zfill(2)
    if name not in SUITES:
        raise rule.refused(f"there is no suite {name}, only {', '.join(SUITES)}")
    if name == "02" and rule.params.get("tenor.searchable", "").lower() != "true":
        reason = "suite 02 shows which values are equal: say tenor.searchable=true if that is wanted"
        raise rule.refused(reason)
    return name


def person(rule: Rule) -> str:
    """The path to the id of the person whose key it is; empty if nobody's. Raises UnusableRule."""
    return subject(rule, rule.params.get("tenor.dataSubject", ""))


def subject(rule: Rule, path: str) -> str:
    """A place to find a person's id at, if it is one; a field may have its own. Raises UnusableRule."""
    if path and not _SUBJECT.fullmatch(path):
        places = "header:customer-id, key, or key:$.customer.id"
        raise rule.refused(f"tenor.dataSubject is a path like $.customer.id, {places}, not '{path}'")
    return path


def binds(rule: Rule) -> bool:
    """Whether a rule binds what it seals to the record's key. Raises UnusableRule."""
    to = rule.params.get("tenor.bind", "")
    if to not in ("", "key"):
        raise rule.refused(f"tenor.bind is key, not '{to}'")
    return bool(to) and rule.type.startswith("SEAL")


def erased(rule: Rule) -> str:
    """What becomes of a value whose key was erased. Raises UnusableRule."""
    policy = rule.params.get("tenor.erased", "") or "null"
    if policy not in ERASED_POLICIES:
        raise rule.refused(f"tenor.erased is one of {', '.join(ERASED_POLICIES)}, not '{policy}'")
    return policy


def _number(rule: Rule, name: str, default: float) -> float:
    text = rule.params.get(name)
    if text is None or not text.strip():
        return default
    try:
        number = int(text)
    except ValueError:
        raise rule.refused(f"{name} is a whole number, not '{text}'") from None
    if number < 0:
        raise rule.refused(f"{name} is negative")
    return number
