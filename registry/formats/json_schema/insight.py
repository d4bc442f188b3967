"""What JSON Schema says beyond the parity verdict (`registry.formats.base.Insight`)."""

from registry.formats.json_schema.changes import changes
from registry.formats.json_schema.fixing import fixes
from registry.formats.json_schema.linting import LINT, lint
from registry.formats.json_schema.locations import locate
from registry.formats.json_schema.rules import RULES
from registry.formats.json_schema.sampling import samples
from registry.formats.json_schema.semantics import semantic, witness

__all__ = ["LINT", "RULES", "changes", "fixes", "lint", "locate", "samples", "semantic", "witness"]
