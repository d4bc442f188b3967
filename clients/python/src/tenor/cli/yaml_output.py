"""Documents as YAML that reads the same in every reader of it.

Members stay in their order, nothing is an alias, texts of several lines are blocks, and what some reader would take for
a number, a date or a truth value is in quotes.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

# PyYAML quotes what YAML 1.1 misreads; these are misread by readers of YAML 1.2, or by older ones that know y and n.
_MISREAD: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0[oOxXbB][0-9a-fA-F_]+|[yYnN]")


class _Dumper(yaml.SafeDumper):
    """Plain, as the module says."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)  # items of a list stand further in than its name


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _MISREAD.fullmatch(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dumped(document: Any, *, ascii_only: bool = False) -> str:
    """What JSON can say, as YAML."""
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=not ascii_only, default_flow_style=False, width=100
    )
    return text.removesuffix("...\n")  # the end that PyYAML puts behind a single word
