"""What an operator may set about contract testing, as the use cases see it. Made from the settings by the root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.matrix import Soundness
from contracts.webhooks import Rules


@dataclass(frozen=True, slots=True)
class Options:
    """`changes`: a version's pact content may change. `similar_names`: refuse names that read like existing ones.

    `tags_as_branches`: a version's first tag, right after it, becomes its branch. `tags_deploy`: a tag named like an
    environment records a deployment there, where `may_deploy` says that the caller may. `warnings_pass`: a consumer
    whose result only changes is no reason against a change.
    """

    soundness: Soundness = Soundness.SOUND
    changes: bool = False
    similar_names: bool = True
    tags_as_branches: bool = True
    tags_deploy: bool = True
    warnings_pass: bool = False
    may_deploy: Callable[[str], bool] = lambda environment: True
    webhooks: Rules = field(default_factory=Rules)
