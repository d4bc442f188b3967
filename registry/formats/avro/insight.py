"""What Avro says beyond the parity verdict (`registry.formats.base.Insight`)."""

from registry.formats.avro.changes import changes
from registry.formats.avro.fixing import fixes
from registry.formats.avro.linting import LINT, lint
from registry.formats.avro.locations import locate
from registry.formats.avro.rules import RULES
from registry.formats.avro.sampling import samples
from registry.formats.avro.semantics import semantic, witness

__all__ = ["LINT", "RULES", "changes", "fixes", "lint", "locate", "samples", "semantic", "witness"]
