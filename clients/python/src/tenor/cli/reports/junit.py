"""JUnit XML, as Jenkins and its kin read it."""

from __future__ import annotations

import re
from collections import Counter
from xml.sax.saxutils import escape, quoteattr

from tenor.cli.reports.outcome import FAILED, PASSED, UNDECIDED, UNREADABLE, Case, Outcome

_TAGS = {FAILED: "failure", UNREADABLE: "error", UNDECIDED: "skipped"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(outcome: Outcome) -> str:
    """One suite. What fails is a failure, what cannot be read an error, what is not known is skipped."""
    cases = "".join(map(_case, outcome.cases))
    states = Counter(each.state for each in outcome.cases)
    said = {"tests": len(outcome.cases), "failures": states[FAILED], "errors": states[UNREADABLE]}
    counts = " ".join(f'{name}="{count}"' for name, count in {**said, "skipped": states[UNDECIDED]}.items())
    name = quoteattr(_clean(outcome.about))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>\n'
        f"  <testsuite name={name} {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )


def _case(case: Case) -> str:
    named = f"name={quoteattr(_clean(case.name))} classname={quoteattr(_clean(case.file or case.name))}"
    named += f" file={quoteattr(_clean(case.file))}" if case.file else ""
    if case.state == PASSED:
        return f"    <testcase {named}/>\n"
    tag, found = _TAGS[case.state], case.problems
    first = found[0].title if found else case.said
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
        f"    <testcase {named}>\n"
        f"      <{tag} message={quoteattr(_clean(first))}{kind}>{body}</{tag}>\n    </testcase>\n"
    )


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
