"""What a verb found, in the forms that other programs read: each a function from an outcome to a text. Pure."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tenor.cli.reports.outcome import Outcome

MARKDOWN: Final = "markdown"
FORMATS: Final = ("junit", "sarif", "github", "gitlab", MARKDOWN)
"""MARKDOWN is the verb's own comment, the others are modules of this package."""


def render(format: str, outcome: Outcome) -> str:
    """An outcome in one of the forms, with a line end."""
    if format == MARKDOWN:
        return outcome.comment()
    function: Callable[[Outcome], str] = import_module(f"tenor.cli.reports.{format}").render
    return function(outcome)
