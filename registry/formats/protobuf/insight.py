"""What Protobuf says beyond the parity verdict (`registry.formats.base.Insight`)."""

from registry.formats.protobuf.changes import changes
from registry.formats.protobuf.fixing import fixes
from registry.formats.protobuf.linting import LINT, lint
from registry.formats.protobuf.locations import locate
from registry.formats.protobuf.rules import RULES
from registry.formats.protobuf.sampling import samples
from registry.formats.protobuf.semantic import semantic, witness

__all__ = ["LINT", "RULES", "changes", "fixes", "lint", "locate", "samples", "semantic", "witness"]
