"""A report of checks in the forms that other programs read: each a function from a report to a text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tenor.cli.checking import Report

FORMATS: Final[Mapping[str, str]] = {
    "junit": "tenor.cli.reports.junit",
    "sarif": "tenor.cli.reports.sarif",
    "github": "tenor.cli.reports.github",
    "gitlab": "tenor.cli.reports.gitlab",
    "markdown": "tenor.cli.reports.markdown",
}


def render(format: str, report: Report) -> str:
    """A report in one of the forms, with a line end."""
    function: Callable[[Report], str] = import_module(FORMATS[format]).render
    return function(report)
