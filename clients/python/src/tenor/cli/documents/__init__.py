"""What verbs print with --output json or yaml: each document names its JSON Schema, which carries a version.

A document begins with `"$schema": "urn:tenor:output:can-i-deploy:1"`, and `tenor output-schema can-i-deploy` shows that
schema. Within a version members are only added; what changes or takes away a member makes the next version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ERROR: Final = "error"
"""The document of every verb that fails."""

VERSIONS: Final[Mapping[str, int]] = {}
"""Of the verbs whose document is past its first version."""


def identifier(name: str) -> str:
    """The `$id` of the schema of a verb's document, or of ERROR."""
    return f"urn:tenor:output:{name.replace(' ', '-')}:{VERSIONS.get(name, 1)}"
