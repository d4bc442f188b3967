"""JUnit XML, as Jenkins and its kin read it: a test case a schema."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from tenor.cli import told
from tenor.cli.checking import UNREADABLE, Checked, Report
from tenor.cli.reports.lines import problems

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """One suite. A schema that breaks is a failure, one that does not parse an error, an unknown verdict is skipped."""
    cases = "".join(map(_case, report.checked))
    failures = sum(each.verdict == told.UNSAFE for each in report.checked)
    errors = sum(each.status == UNREADABLE for each in report.checked)
    skipped = sum(each.verdict == told.UNKNOWN and each.status != UNREADABLE for each in report.checked)
    counts = f'tests="{len(report.checked)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    name = quoteattr(_clean(f"tenor check --against {report.against}"))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>\n'
        f"  <testsuite name={name} {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )


def _case(checked: Checked) -> str:
    named = f"name={quoteattr(_clean(checked.subject or checked.file))} classname={quoteattr(_clean(checked.file))}"
    found = list(problems(checked))
    if checked.verdict == told.SAFE:
        return f"    <testcase {named} file={quoteattr(_clean(checked.file))}/>\n"
    tag = "error" if checked.status == UNREADABLE else "failure" if checked.verdict == told.UNSAFE else "skipped"
    first = found[0].title if found else checked.verdict
    lines = []
    for each in found:
        lines.append(f"{each.file}:{each.line}:{each.column}: {each.severity}: {each.title} [{each.rule}]")
        lines.append(f"  {each.sentence}")
        if each.event:
            lines += [f"  event:  {each.event}", f"  reader: {each.reader}"]
        lines += [f"  fix:    {fix['sentence']}" for fix in each.fixes]
    kind = "" if tag == "skipped" else f" type={quoteattr(_clean(found[0].rule if found else tag))}"
    body = escape(_clean("\n".join(lines)))
    return (
        f"    <testcase {named} file={quoteattr(_clean(checked.file))}>\n"
        f"      <{tag} message={quoteattr(_clean(first))}{kind}>{body}</{tag}>\n    </testcase>\n"
    )


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
