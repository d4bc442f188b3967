"""Schemas and events of the sealing tests."""

from __future__ import annotations

import json
from typing import Any

SECRET = "mysecret"
KMS = {"local-kms": {"secret": SECRET}}
PARAMS = {"encrypt.kek.name": "kek1", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "mykey"}
PEPPER = b"pepper of sixteen bytes or more"


def rule(type: str = "ENCRYPT", *, tags: Any = ("PII",), mode: str = "WRITEREAD", **more: Any) -> dict[str, Any]:
    params = {**PARAMS, **{key.replace("__", "."): str(value) for key, value in more.pop("params", {}).items()}}
    return {
        "name": "seal",
        "kind": "TRANSFORM",
        "mode": mode,
        "type": type,
        "tags": list(tags),
        "params": params,
        "onFailure": "ERROR,ERROR",
        **more,
    }


def rules(*domain: Any, encoding: Any = ()) -> dict[str, Any]:
    return {"domainRules": list(domain), "encodingRules": list(encoding)}


def avro(*fields: Any, name: str = "demo.Customer") -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields)})


def pii(name: str, type: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, "confluent:tags": ["PII"], **more}


def plain(name: str, type: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, **more}


CUSTOMER = avro(
    plain("id", "long"),
    pii("email", "string"),
    pii("token", "bytes"),
    pii("phone", ["null", "string"]),
    pii("nicknames", {"type": "array", "items": "string"}),
    pii("labels", {"type": "map", "values": "string"}),
    plain("city", "string"),
)
ADA = {
    "id": 42,
    "email": "ada@example.org",
    "token": bytes(range(16)),
    "phone": "+44 20 7946 0000",
    "nicknames": ["Ada", "Countess"],
    "labels": {"k": "v"},
    "city": "London",
}


def secrets() -> list[bytes]:
    """What must never be found in bytes that go out."""
    return [b"ada@example.org", bytes(range(16)), b"+44 20 7946 0000", b"Countess"]
