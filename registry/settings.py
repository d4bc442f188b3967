"""The server's settings: frozen, read once from `TENOR_…` environment variables.

Each field is one variable in upper case (`TENOR_DATABASE_URL`), or the file named by the same variable with `_FILE`
(for secrets), or an option of `tenor-server serve` (`--database-url`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path

import msgspec

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class InvalidSetting(Exception):
    """A setting that cannot be read; the sentence names the variable and what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can set. Sizes in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: int = 8081
    workers: int = 1
    database_url: str = "sqlite:///tenor.db"
    public_url: str = ""
    compatibility_level: str = "BACKWARD"
    mode_mutable: bool = True
    reject_empty_subject: bool = False
    incompatible_code: int = 409
    cache_headers: bool = False
    body_limit: int = 10_000_000
    hot_cache: int = 64_000_000
    request_timeout: float = 60.0
    access_log: bool = False
    log_level: str = "info"
    otel: bool = False
    kms: str = ""
    key_quota: int = 20_000
    shred_folder: str = ""
    shred_days: int = 35
    secret_key: str = ""
    authentication: str = "auto"
    anonymous: str = ""
    admin_token: str = ""
    proxies: str = ""
    certificate_header: str = ""
    jwt_keys: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_algorithms: str = "RS256,PS256,ES256,EdDSA"
    jwt_leeway: int = 30
    jwt_name: str = "sub"
    jwt_groups: str = "groups"
    jwt_private: bool = False
    rate_limit: int = 0
    cors_origins: str = ""
    audit_key: str = ""
    pact_soundness: str = "sound"
    pact_changes: bool = False
    pact_similar_names: bool = True
    pact_tags_as_branches: bool = True
    pact_tags_deploy: bool = True
    impact_warnings: str = "fail"
    webhook_schemes: str = "https"
    webhook_methods: str = "POST"
    webhook_hosts: str = ""
    webhook_private: bool = False

    def kms_configuration(self) -> dict[str, dict[str, str]]:
        """`kms` by type. Raises InvalidSetting."""
        try:
            return msgspec.json.decode(self.kms or "{}", type=dict[str, dict[str, str]])
        except msgspec.MsgspecError:
            # What is wrong with it may repeat a secret.
            raise InvalidSetting("TENOR_KMS is a JSON object of objects of strings, by KMS type") from None

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")

    def checked(self) -> Settings:
        """The same, once what cannot work is refused. Raises InvalidSetting."""
        if self.is_sqlite and self.workers != 1:
            raise InvalidSetting(
                f"TENOR_WORKERS is {self.workers}, but an SQLite file takes exactly one process that writes: "
                "use one worker, or a postgresql:// TENOR_DATABASE_URL"
            )
        if self.workers < 1:
            raise InvalidSetting("TENOR_WORKERS must be at least 1")
        if self.incompatible_code not in (409, 40901):
            raise InvalidSetting("TENOR_INCOMPATIBLE_CODE is 409 or 40901")
        self.kms_configuration()
        if self.otel and not _has_otel():
            raise InvalidSetting("TENOR_OTEL needs OpenTelemetry: install tenor-server[otel]")
        if self.shred_folder and not os.path.isdir(self.shred_folder):
            raise InvalidSetting("TENOR_SHRED_FOLDER is no folder")
        for name, words in WORDS.items():
            if getattr(self, name).lower() not in words:
                raise InvalidSetting(f"TENOR_{name.upper()} is {', '.join(words[:-1])} or {words[-1]}")
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidSetting(f"TENOR_{name.upper()} is a number from {low} to {high}")
        return self


WORDS = {
    "compatibility_level": (
        "none",
        "backward",
        "backward_transitive",
        "forward",
        "forward_transitive",
        "full",
        "full_transitive",
    ),
    "log_level": ("debug", "info", "warning", "error"),
    "authentication": ("auto", "on", "off"),
    "pact_soundness": ("sound", "reference"),
    "impact_warnings": ("fail", "pass"),
}
"""Settings that are one of a few words, in any case."""

RANGES = {
    "key_quota": (0, 2**31),
    "shred_days": (0, 3_650),
    "port": (0, 65_535),
    "body_limit": (1, 2**40),
    "hot_cache": (0, 2**40),
    "request_timeout": (0.001, 86_400.0),
    "jwt_leeway": (0, 300),
    "rate_limit": (0, 10_000_000),
}
"""Settings that are numbers within bounds."""


DOCS = {
    "host": "address to listen on",
    "port": "port to listen on; 0 takes a free one",
    "workers": "server processes; more than one needs PostgreSQL",
    "database_url": "sqlite:///file or postgresql://…",
    "public_url": "base URL clients see, for absolute links; empty: the request's own",
    "compatibility_level": "level where nothing is configured",
    "mode_mutable": "whether modes may be changed",
    "reject_empty_subject": "refuse the empty subject name",
    "incompatible_code": "error_code of an incompatible schema: 409, or 40901",
    "cache_headers": "send ETag and Cache-Control with immutable answers",
    "body_limit": "largest request body",
    "hot_cache": "memory for ready answers",
    "request_timeout": "longest time a request may take",
    "access_log": "log every request, not only failed ones",
    "log_level": "debug, info, warning or error",
    "otel": "send OpenTelemetry traces over OTLP/HTTP (extra `otel`); the OTEL_* variables say where to and which",
    "kms": "key systems that the server uses for shared KEKs, as JSON by KMS type (registry/keyring.py)",
    "key_quota": "most KEKs and DEKs together, persons' keys apart; 0: any number",
    "shred_folder": "folder outside backups for epoch keys and the journal of erasures; empty: none",
    "shred_days": "how long the key of a past month is kept, so that a backup can be restored",
    "secret_key": "key that secrets of webhooks are encrypted with; empty on SQLite: one in a file beside the database",
    "authentication": "on: callers say who they are; off: whoever reaches the server may do everything; auto: off, but "
    "only on loopback",
    "anonymous": "grants of callers without credentials, such as reader@*; empty: none",
    "admin_token": "a token with admin@*, to begin with; 32 characters at least",
    "proxies": "addresses and networks of proxies whose X-Forwarded-For and certificate header count",
    "certificate_header": "header in which a proxy passes the subject of a verified client certificate",
    "jwt_keys": "where the keys of JWTs are: an https URL of a JWKS, or a file",
    "jwt_issuer": "issuer (iss) that JWTs must have",
    "jwt_audience": "audience (aud) that JWTs must have",
    "jwt_algorithms": "algorithms that JWTs may be signed with; never a symmetric one",
    "jwt_leeway": "seconds that clocks may differ",
    "jwt_name": "claim with the caller's name",
    "jwt_groups": "claim with the caller's groups",
    "jwt_private": "whether the JWKS may be on a private address, and over http",
    "rate_limit": "requests a minute of one caller in one process; 0: no limit",
    "cors_origins": "origins whose pages may call the APIs, separated by commas, or *; empty: none",
    "audit_key": "Ed25519 seed (64 hex digits) that checkpoints of the audit log are signed with; empty on SQLite: one "
    "in a file beside the database",
    "pact_soundness": "sound, or reference: answer can-i-deploy as the Pact Broker does, unsound cases included",
    "pact_changes": "whether the pact of a version may change (overwrite, merge)",
    "pact_similar_names": "refuse a new pacticipant whose name reads like an existing one's",
    "pact_tags_as_branches": "take the first tag of a new version for its branch",
    "pact_tags_deploy": "record a deployment when a version is tagged like an environment",
    "impact_warnings": "whether a consumer whose result only changes makes a change unsafe (fail), or not (pass)",
    "webhook_schemes": "schemes that webhooks may use, separated by commas",
    "webhook_methods": "methods that webhooks may use, separated by commas",
    "webhook_hosts": (
        "only hosts that webhooks may go to: names, *.domains, networks, /patterns/; empty: any public one"
    ),
    "webhook_private": "whether webhooks may go to private addresses",
}
"""What each setting is, in a few words; a test compares it with the fields."""


def _has_otel() -> bool:
    """Whether what the extra `otel` installs is there, without importing it."""
    try:
        return find_spec("opentelemetry.sdk") is not None and find_spec("opentelemetry.exporter.otlp") is not None
    except ModuleNotFoundError:  # not even the package above
        return False


def _convert(name: str, kind: object, text: str) -> object:
    variable = f"TENOR_{name.upper()}"
    try:
        if kind in (bool, "bool"):
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        if kind in (int, "int"):
            return int(text)
        if kind in (float, "float"):
            return float(text)
    except (ValueError, KeyError):
        raise InvalidSetting(f"{variable} must be a {kind}, not '{text}'") from None
    return text


def load(environment: Mapping[str, str] = os.environ, **options: object) -> Settings:
    """Settings from the environment, options (given and not None) winning. Raises InvalidSetting."""
    values: dict[str, object] = {}
    for each in fields(Settings):
        variable = f"TENOR_{each.name.upper()}"
        if (text := environment.get(variable)) is None and (path := environment.get(f"{variable}_FILE")):
            try:
                text = Path(path).read_text().strip()
            except OSError as error:
                raise InvalidSetting(f"{variable}_FILE: {error}") from None
        if text is not None:
            values[each.name] = _convert(each.name, each.type, text)
        if (option := options.get(each.name)) is not None:
            values[each.name] = _convert(each.name, each.type, option) if isinstance(option, str) else option
    return Settings(**values).checked()  # type: ignore[arg-type] # converted by the field's own type


def documentation() -> list[tuple[str, str, str]]:
    """(variable, default, what it is) of every setting, for the README and `--help`."""
    return [(f"TENOR_{each.name.upper()}", str(each.default), DOCS[each.name]) for each in fields(Settings)]
