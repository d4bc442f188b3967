"""What typed models rely on, library by library, and the verb that writes it down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

from tenor.cli import SAFE, UNKNOWN, UNSAFE, USAGE, main
from tenor.testing import models, pacts

Status = Literal["PAID", "OPEN"]


class OfPydantic(pydantic.BaseModel):
    id: str
    status: Status
    count: int = 1
    note: str | None = None


class OfMsgspec(msgspec.Struct):
    id: str
    status: Status
    count: int = 1
    note: str | None = None


@dataclass
class OfDataclass:
    id: str
    status: Status
    count: int = 1
    note: str | None = None


@pydantic.dataclasses.dataclass
class OfPydanticDataclass:
    id: str
    status: Status
    count: int = 1
    note: str | None = None


@attrs.define
class OfAttrs:
    id: str
    status: Status
    count: int = 1
    note: str | None = None


class OfTypedDict(TypedDict):
    id: str
    status: Status
    count: NotRequired[int]
    note: NotRequired[str | None]


ORDER = {
    "": ("required", ["object"]),
    "/id": ("required", ["string"]),
    "/status": ("required", ["string"]),
    "/count": ("optional", ["integer"]),
    "/note": ("optional", ["null", "string"]),
}


@pytest.mark.parametrize(
    "model",
    [OfPydantic, OfMsgspec, OfDataclass, OfPydanticDataclass, OfAttrs, OfTypedDict],
    ids=lambda each: each.__name__,
)
def test_each_library_says_the_same(model: Any) -> None:
    one = models.interaction("an order", "orders-value", models.json_schema(model))
    comment = one["comments"]["tenor"]
    assert {need["path"]: (need["presence"], need["types"]) for need in comment["needs"]} == ORDER
    (status,) = [need for need in comment["needs"] if need["path"] == "/status"]
    assert (sorted(status["values"]), status["fallback"]) == (["OPEN", "PAID"], False)
    assert (comment["evidence"], comment["subject"], comment["reasons"]) == ("model", "orders-value", [])
    assert one["contents"]["content"].keys() == {"id", "status"}


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Line(msgspec.Struct):
    sku: str
    price: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Tree(msgspec.Struct):
    name: str
    below: list["Tree"] = []  # noqa: UP037 # it is not defined yet


class Timed(msgspec.Struct):
    at: list[datetime]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    id: str


class Email(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)
    sent_to: str = pydantic.Field(alias="to", pattern=r"^[a-z]+$")
    of: Annotated[int, pydantic.Field(gt=0)]


class Basket(msgspec.Struct):
    lines: list[Line]
    prices: dict[str, float]
    colour: Colour | None
    made: Annotated[datetime, msgspec.Meta(tz=True)]
    by: UUID | None = None


def needs(model: Any) -> tuple[dict[str, Any], list[str]]:
    read = models.read_schema(models.json_schema(model))
    return {need.pop("path"): need for need in read.needs}, read.reasons


REFUSED = {"when": {"erased": "fails"}}
"""What the model refuses, it also refuses as the placeholder of an erased value."""


def test_what_is_inside_is_needed_where_it_is() -> None:
    found, reasons = needs(Basket)
    assert found["/lines/*/sku"] == {"presence": "required", "types": ["string"]}
    assert found["/lines/*/price"] == {"presence": "optional", "types": ["number"], "minimum": 0}
    assert found["/prices"] == {"presence": "required", "types": ["object"]}
    assert found["/prices/*"] == {"presence": "required", "types": ["number"]}
    assert sorted(found["/colour"].pop("values"), key=str) == [None, "blue", "red"]
    assert found["/colour"] == {"presence": "required", "types": ["null", "string"], "fallback": False, **REFUSED}
    assert found["/made"]["pattern"].startswith("[0-9]{4}-")
    assert found["/by"]["types"] == ["null", "string"]
    assert reasons == []


def test_names_on_the_wire_and_limits_count() -> None:
    found, reasons = needs(Email)
    assert found["/to"] == {"presence": "required", "types": ["string"], "pattern": "[a-z]+", **REFUSED}
    assert found["/of"] == {"presence": "required", "types": ["integer"], "minimum": 1, **REFUSED}
    assert reasons == []


UNSAID: list[tuple[Mapping[str, Any], str]] = [
    ({"type": "object", "additionalProperties": False}, "refuses members that it does not know"),
    ({"type": "array", "items": {}, "minItems": 1}, "limits the number of items"),
    ({"type": "string", "format": "email"}, "texts of the format 'email'"),
    ({"type": "string", "pattern": "a"}, "does not say all of the text"),
    ({"type": "string", "pattern": "^a$", "maxLength": 3}, "in several ways"),
    ({"type": "number", "exclusiveMinimum": 0}, "'exclusiveMinimum'"),
    ({"type": "integer", "multipleOf": 2}, "'multipleOf'"),
    ({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}, "listed values beside others"),
    ({"oneOf": [{"type": "object", "title": "A"}, {"type": "object", "title": "B"}]}, "several kinds of objects"),
    ({"type": "string", "contentEncoding": "base64"}, "'contentEncoding'"),
    ({"allOf": [{"type": "string"}, {"minLength": 1}]}, "'allOf'"),
]


@pytest.mark.parametrize(("schema", "reason"), UNSAID, ids=lambda each: each if isinstance(each, str) else "")
def test_what_needs_cannot_say_is_a_reason(schema: Mapping[str, Any], reason: str) -> None:
    found = models.read_schema({"type": "object", "properties": {"x": dict(schema)}}).reasons
    assert len(found) == 1
    assert reason in found[0]
    assert "/x" in found[0]


class Erasable(pydantic.BaseModel):
    email: str | Literal["[erased]"]
    state: Literal["PAID", "[erased]"]
    phone: str | None
    name: str
    nick: Annotated[str | None, pydantic.Field(json_schema_extra={"x-tenor-erased": "handled"})]
    age: int
    by: UUID
    born: datetime


class ErasableStruct(msgspec.Struct):
    email: Annotated[str, msgspec.Meta(extra_json_schema={"x-tenor-erased": "handled"})]
    state: Literal["PAID", "[erased]"]
    phone: str | None
    name: str
    nick: Annotated[str, msgspec.Meta(extra_json_schema={"x-tenor-erased": "changes"})] | None
    age: int
    by: UUID
    born: datetime


ERASED = {
    "/email": "handled", "/state": "handled", "/phone": None, "/name": None, "/nick": "handled", "/age": None,
    "/by": "fails", "/born": "fails",
}  # fmt: skip


def test_a_model_says_what_it_makes_of_erased_values() -> None:
    found, reasons = needs(Erasable)
    assert {path: need.get("when", {}).get("erased") for path, need in found.items() if path} == ERASED
    assert reasons == []
    assert (found["/email"]["types"], "values" in found["/email"]) == (["string"], False)
    assert (found["/state"]["values"], found["/state"]["fallback"]) == (["PAID"], False)
    struct = {path: need.get("when", {}).get("erased") for path, need in needs(ErasableStruct)[0].items() if path}
    # Of its times msgspec does not say that they are times.
    assert struct == {**ERASED, "/nick": "changes", "/born": None}
    read = models.read_schema(models.json_schema(Erasable), "AVRO")
    (born,) = [need for need in read.needs if need["path"] == "/born"]
    assert "when" not in born, "Avro's decoders make a time of it, and a time is what is left"


def test_a_type_inside_itself_ends() -> None:
    found, reasons = needs(Tree)
    assert found.keys() == {"", "/name", "/below", "/below/*"}
    assert len(reasons) == 1
    assert needs(Timed)[1] == [
        "some texts are dates and times of any zone or none, which the model's schema does not say"
    ]
    assert needs(Strict)[1] == ["at '' the model refuses members that it does not know"]


# The verbs


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"shop_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text("import msgspec\nclass Order(msgspec.Struct):\n    id: str\n    n: int = 0\n")
    (tmp_path / "name").write_text(name)
    return tmp_path


def test_the_contract_of_a_model_is_written_beside_the_others(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = f"{(shop / 'name').read_text()}:Order"
    ask = ("contracts", "from-model", model, "--subject", "orders-value", "--application", "billing")
    assert main(ask) == SAFE
    path = shop / "contracts" / "billing-orders-value.json"
    assert capsys.readouterr().out == f"contracts/{path.name}: billing needs 3 places of orders-value\n"
    first = path.read_bytes()
    assert main([*ask, "--description", "another"]) == SAFE
    assert main([*ask, "--output", "json"]) == SAFE
    pact = json.loads(path.read_bytes())
    assert [each["description"] for each in pact["interactions"]] == ["Order", "another"]
    path.write_text(json.dumps({**pact, "interactions": pact["interactions"][:1]}, indent=2) + "\n")
    assert path.read_bytes() == first, "the same model gives the same file"


def test_the_application_is_the_one_of_the_project(shop: Path) -> None:
    (shop / "tenor.yaml").write_text("application: ledger\nschemas: []\n")
    model = f"{(shop / 'name').read_text()}:Order"
    assert main(["contracts", "from-model", model, "--subject", "o", "--provider", "shop", "--folder", "p"]) == SAFE
    assert [each.name for each in (shop / "p").iterdir()] == ["ledger-shop.json"]
    (shop / "tenor.yaml").unlink()
    assert main(["contracts", "from-model", model, "--subject", "o", "--folder", "q"]) == SAFE
    assert [each.name for each in (shop / "q").iterdir()] == [f"{model.partition(':')[0]}-o.json"]


@pytest.mark.parametrize("model", ["shop", "no.such:Order", "json:Nothing", "json:dumps", "builtins:complex"])
def test_what_is_no_model_is_told(model: str, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contracts", "from-model", model, "--subject", "orders-value"]) == USAGE
    assert capsys.readouterr().err.startswith("error: ")
    assert not (shop / "contracts").exists()


TESTED = """
def test_orders(tenor_events):
    tenor_events("orders-value", lambda order: order["id"], samples=[{"id": "A1"}], application="billing")
"""
RECORDS: list[tuple[str, tuple[str, ...], int]] = [
    (TESTED, (), SAFE),
    (TESTED + "    assert False", (), UNSAFE),
    (TESTED, ("-k", "nothing"), UNKNOWN),
    (TESTED, ("--no-such-option",), USAGE),
    ("import no_such_module", (), USAGE),
]


@pytest.mark.parametrize(("text", "arguments", "code"), RECORDS)
def test_record_is_pytest_that_records(shop: Path, text: str, arguments: tuple[str, ...], code: int) -> None:
    (shop / "test_orders.py").write_text(text)
    given = ["-q", "-p", "tenor.testing.plugin", "-p", "no:cacheprovider", *arguments, "test_orders.py"]
    assert main(["contracts", "record", *given, "--output", "json"]) == code
    path = shop / "contracts" / "billing-orders-value.json"
    assert (path.exists(), code) in ((True, SAFE), (True, UNSAFE), (False, UNKNOWN), (False, USAGE))
    if code == SAFE:
        pact = pacts.read(path)
        assert pact is not None
        assert [need["path"] for need in pact["interactions"][0]["comments"]["tenor"]["needs"]] == ["", "/id"]


def test_other_verbs_refuse_what_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contracts", "list", "--none"]) == USAGE
    assert "unrecognized arguments: --none" in capsys.readouterr().err
