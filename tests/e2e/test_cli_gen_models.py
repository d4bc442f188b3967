"""Models of a served registry's subjects, in three formats with references, carry events through the client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenor import Registry
from tenor.schemas import AVRO, JSON, PROTOBUF, Reference, Schema
from tenor.testing.samples import unpacking

TENOR = str(Path(sys.executable).with_name("tenor"))
SUBJECTS: dict[str, tuple[str, str, str, str]] = {
    # format: the name of what is referred to, its text, the text that refers to it, and a line of the module
    AVRO: (
        "shop.Money",
        '{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}',
        (
            '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"total","type":"shop.Money"},'
            '{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"raw","type":"bytes"}]}'
        ),
        "    at: AwareDatetime",
    ),
    JSON: (
        "money.json",
        '{"title":"Money","type":"object","properties":{"cents":{"type":"integer","minimum":-9,"maximum":9}},"required":["cents"]}',
        (
            '{"title":"Order","type":"object","properties":{"total":{"$ref":"money.json"},"rate":{"type":"number","minimum":0}},'
            '"required":["total"],"additionalProperties":false}'
        ),
        "    rate: Annotated[int | float | None, Field(ge=0.0)] = None",
    ),
    PROTOBUF: (
        "shop/money.proto",
        'syntax = "proto3";\npackage shop;\nmessage Money { int64 cents = 1; }\n',
        (
            'syntax = "proto3";\npackage shop;\nimport "shop/money.proto";\n'
            "message Order { Money total = 1; map<int32, Money> parts = 2; bytes raw = 3; }\n"
        ),
        "    parts: dict[int, Money] = Field(default_factory=dict)",
    ),
}


@pytest.mark.parametrize("format", SUBJECTS)
def test_models_of_a_subject_carry_its_events(format: str, registry: httpx.Client, tmp_path: Path) -> None:
    name, money, order, line = SUBJECTS[format]
    subject = f"models-{format.lower()}-value"
    url = str(registry.base_url)
    with Registry(url) as client:
        client.register(f"{subject}-money", Schema(money, format))
        referring = Schema(order, format, (Reference(name, f"{subject}-money", 1),))
        client.register(subject, referring)
        command = [TENOR, "gen", "models", f"{subject}@1", "--out", "events.py", "--registry", url]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "events.py\n", "")
        text = (tmp_path / "events.py").read_text()
        assert text.startswith(f"# Subject {subject}, version 1\n")
        assert line in text.splitlines()
        module: dict[str, Any] = {"__name__": f"models_{format.lower()}"}
        sys.modules[module["__name__"]] = type(os)(module["__name__"])
        exec(compile(text, "events.py", "exec"), sys.modules[module["__name__"]].__dict__)
        model = sys.modules[module["__name__"]].Order
        codec = client.events(subject)
        body = {"schema": referring.body(), "count": 40, "seed": 1}
        answer = registry.post("/api/v1/sample", json=body).raise_for_status().json()
        body_of: Any = codec._writing.body
        unpack = unpacking(getattr(body_of, "logical", body_of))
        for sample in answer["samples"]:
            message = codec.encode(unpack(sample["event"]))
            assert message.value is not None
            read = codec.decode(message.value).data
            again = codec.encode(model.model_validate(read).model_dump(by_alias=True, exclude_unset=True))
            assert again.value is not None
            same = again.value == message.value or codec.decode(again.value).data == read
            assert same, json.dumps(sample)
        assert len(answer["samples"]) > 10
        assert subprocess.run([*command, "--check"], cwd=tmp_path, check=False).returncode == 0
        del sys.modules[module["__name__"]]
