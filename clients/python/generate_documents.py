"""Writes the schemas of registries' answers that `tenor.cli.documents` builds on, from the OpenAPI descriptions.

python clients/python/generate_documents.py            write
python clients/python/generate_documents.py --check    exit 1 if the file is stale
"""

import json
import sys
from pathlib import Path

from tenor.cli.documents.schema import names_of_answers, referred

HERE = Path(__file__).resolve().parent
FILE = HERE / "src" / "tenor" / "cli" / "documents" / "answers.json"
DESCRIPTIONS = ("v1", "broker", "confluent")
"""In openapi/. A name that several know is taken from the first."""


def generated() -> str:
    """The file as it is to be: what the shapes name, and what that refers to."""
    known: dict[str, object] = {}
    for description in reversed(DESCRIPTIONS):
        text = (HERE.parents[1] / "openapi" / f"{description}.json").read_text(encoding="utf-8")
        known |= json.loads(text.replace("#/components/schemas/", "#/$defs/"))["components"]["schemas"]
    found: dict[str, object] = {}
    waiting = sorted(names_of_answers())
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            waiting += referred(found[name])
    return json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    text = generated()
    if sys.argv[1:] == ["--check"]:
        sys.exit(FILE.read_text(encoding="utf-8") != text)
    FILE.write_text(text, encoding="utf-8")
