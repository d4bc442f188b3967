"""Fixes: small edits of a schema's text that make a finding go away, each tried by checking again.

Backward, the new schema reads, and its text is edited. Forward, the new schema writes, and again its text is edited:
the old one is history. An edit is offered when the finding is gone with it and no other error came instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from registry.errors import InvalidSchema
from registry.formats.base import Edit, Finding, Fix, Policy, Severity, Source
from registry.formats.json_schema.building import Builder, Hints
from registry.formats.json_schema.compare import CalledOff, Difference, differences
from registry.formats.json_schema.editing import Editor
from registry.formats.json_schema.facets import NoValue
from registry.formats.json_schema.model import Node
from registry.formats.json_schema.plain import TooLarge, plain
from registry.formats.json_schema.sampling import as_event
from registry.formats.json_schema.schema import FORMAT, JsonSchema

MAX_FIXES = 4
_DEPENDENCIES = ("dependencies", "dependentRequired", "dependentSchemas")
_MAPS = ("properties", "patternProperties", *_DEPENDENCIES)

Proposal: TypeAlias = tuple[str, str, tuple[Edit, ...]]


def fixes(reader: JsonSchema, writer: JsonSchema, finding: Finding, *, forward: bool = False) -> Sequence[Fix]:
    """Edits of the new schema's text (the reader's, or the writer's when `forward`) that remove a finding.

    Empty where none was found, where the finding lies in a referenced text, and where it is not one of this pair.
    """
    candidate = writer if forward else reader
    difference = _difference(reader, writer, finding)
    if difference is None:
        return ()
    own, other = (difference.old, difference.new) if forward else (difference.new, difference.old)
    if own.place.document is not candidate.document or type(own.place.value) is not dict:
        return ()
    policy = Policy.STRICT
    before = _keys(reader.findings(writer, policy))
    if before.get((finding.rule, finding.path)) != finding.severity:
        # An error of STRICT may be a warning of LENIENT, and then that is the policy it came from.
        policy = Policy.LENIENT
        before = _keys(reader.findings(writer, policy))
    found: list[Fix] = []
    workshop = _Workshop(_editor(own), _editor(other), own, other, difference.own.at)
    for name, sentence, edits in workshop.proposals():
        fix = Fix(name, sentence, edits)
        if len(found) < MAX_FIXES and fix.edits not in [each.edits for each in found]:
            try:
                fixed = FORMAT.parse(Source(fix.apply(candidate.source.text), candidate.source.references))
            except InvalidSchema:
                continue
            after = _keys(reader.findings(fixed, policy) if forward else fixed.findings(writer, policy))
            # A default brings a warning of its own, and its sentence says so.
            new = {
                key for key in after.keys() - before.keys() if fix.id != "add-default" or after[key] is Severity.ERROR
            }
            if (finding.rule, finding.path) not in after and not new:
                found.append(fix)
    return tuple(found)


def _keys(findings: Sequence[Finding]) -> dict[tuple[str, str], Severity]:
    return {(finding.rule, finding.path): finding.severity for finding in findings}


def _difference(reader: JsonSchema, writer: JsonSchema, finding: Finding) -> Difference | None:
    try:
        for each in differences(reader.graph, writer.graph):
            if (each.kind, each.path) == (finding.rule, finding.path):
                return each
    except CalledOff:
        pass
    return None


def _editor(node: Node) -> Editor:
    """An editor of the text a node stands in; it reads the text once for all findings."""
    key = f"editor {id(node.place.document)}"
    found: Editor | None = node.graph.memo.get(key)
    if found is None:
        found = node.graph.memo[key] = Editor(node.place.document.source.text)
    return found


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Proposals for one finding: `own` is the node of the text to edit, `other` what it is compared with."""

    editor: Editor
    others: Editor
    own: Node
    other: Node
    at: tuple[str, ...]

    def proposals(self) -> Iterator[Proposal]:
        """Edits worth trying, the ones that keep most of the intention first."""
        keyword = self.at[0] if self.at else ""
        name = self.at[1] if len(self.at) > 1 else ""
        if keyword == "required" and name:
            yield from self.required(name)
        elif keyword in _MAPS and name:
            for each in _DEPENDENCIES if keyword in _DEPENDENCIES else (keyword,):
                yield from self.member(each, name)
        elif keyword in ("items", "prefixItems") and name:
            yield from self.keyword(keyword)
        else:
            if keyword in ("type", "enum", "allOf", ""):
                yield from self.widened("type")
                yield from self.widened("enum")
            yield from self.keyword(keyword)
        yield from self.content_model()

    # ----------------------------------------------------------------------------------------- properties and names

    def required(self, name: str) -> Iterator[Proposal]:
        path = (*self.own.place.path, "required")
        listed = self.own.value.get("required", [])
        if name in listed:
            index = str(listed.index(name))
            whole = len(listed) == 1
            yield "make-optional", f"Do not require '{name}'.", (self.editor.remove(path if whole else (*path, index)),)
            yield from self.default(name)
        elif "required" in self.own.value:
            yield "keep-required", f"Go on requiring '{name}'.", (self.editor.insert(path, None, json.dumps(name)),)
        else:
            edit = self.editor.insert(self.own.place.path, "required", json.dumps([name]))
            yield "keep-required", f"Go on requiring '{name}'.", (edit,)

    def default(self, name: str) -> Iterator[Proposal]:
        """A default counts as satisfying `required` for the reference; the smallest valid value is proposed."""
        declared = self.own.value.get("properties", {}).get(name)
        if type(declared) is not dict or "default" in declared or "$ref" in declared:
            return
        value = _smallest(self.own, name)
        if value is not None:
            path = (*self.own.place.path, "properties", name)
            yield (
                "add-default",
                f"Give '{name}' a default. The reference counts that; validators still refuse events without it.",
                (self.editor.insert(path, "default", value),),
            )

    def member(self, keyword: str, name: str) -> Iterator[Proposal]:
        path = (*self.own.place.path, keyword)
        mine, theirs = self.own.value.get(keyword, {}), self.other.value.get(keyword, {})
        if name in mine and name in theirs:
            edits = (self.editor.replace((*path, name), self.theirs(keyword, name)),)
            yield "restore", f"Restore '{name}' as it was.", edits
        elif name in theirs:
            text = self.theirs(keyword, name)
            edit = (
                self.editor.insert(path, name, text)
                if keyword in self.own.value
                else self.editor.insert(self.own.place.path, keyword, f"{{{json.dumps(name)}: {text}}}")
            )
            yield "keep-property", f"Go on declaring '{name}' in {keyword}.", (edit,)
        elif name in mine:
            if keyword == "properties":
                required = self.own.value.get("required", [])
                if name in required:
                    yield from self.required(name)
                if type(mine[name]) is dict:
                    loose = {key: mine[name][key] for key in ("title", "description") if key in mine[name]}
                    edits = (self.editor.replace((*path, name), json.dumps(loose, ensure_ascii=False)),)
                    yield "accept-anything", f"Let '{name}' hold anything, as old events may.", edits
            whole = len(mine) == 1 and keyword != "properties"
            edits = (self.editor.remove(path if whole else (*path, name)),)
            yield "leave-out", f"Leave '{name}' out of {keyword}.", edits

    # --------------------------------------------------------------------------------------------------- one keyword

    def widened(self, keyword: str) -> Iterator[Proposal]:
        """Accept what both sides accept: both types, or all the listed values."""
        mine, theirs = self.own.value.get(keyword), self.other.value.get(keyword)
        if mine is None or theirs is None:
            return
        own, other = (value if type(value) is list else [value] for value in (mine, theirs))
        both = [*other, *(each for each in own if each not in other)]
        if len(both) > len(own) and all(type(each) in (str, int, bool, type(None)) for each in both):
            edits = (self.editor.replace((*self.own.place.path, keyword), json.dumps(both, ensure_ascii=False)),)
            what = "types" if keyword == "type" else "values"
            yield f"accept-both-{what}", f"Accept the old {what} as well.", edits

    def keyword(self, keyword: str) -> Iterator[Proposal]:
        path = self.own.place.path
        for each in (keyword,) if keyword else ():
            if each in self.own.value and each in self.other.value:
                edits = (self.editor.replace((*path, each), self.theirs(each)),)
                yield "restore", f"Restore {each} as it was.", edits
            elif each in self.own.value:
                yield "drop-constraint", f"Leave {each} out.", (self.editor.remove((*path, each)),)
            elif each in self.other.value:
                edits = (self.editor.insert(path, each, self.theirs(each)),)
                yield "restore", f"Restore {each} as it was.", edits
        if self.own.place.path or keyword:
            yield from self.whole()

    def whole(self) -> Iterator[Proposal]:
        """The whole subschema as it was, for what no single keyword explains."""
        mine, theirs = self.own.place, self.other.place
        if mine.path and self.editor.has(mine.path):
            text = self.others.written(theirs.path)
            either = f'{{"anyOf": [{text}, {self.editor.written(mine.path)}]}}'
            yield "accept-either", "Accept what either version accepts.", (self.editor.replace(mine.path, either),)
            yield "restore-schema", "Restore the subschema as it was.", (self.editor.replace(mine.path, text),)

    def content_model(self) -> Iterator[Proposal]:
        path = self.own.place.path
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if keyword in self.own.value:
                if self.own.value[keyword] is not True:
                    yield (
                        "open-content-model",
                        f"Leave {keyword} out: allow any other property.",
                        (self.editor.remove((*path, keyword)),),
                    )
            elif keyword in self.other.value and self.other.value[keyword] is not True:
                edits = (self.editor.insert(path, keyword, self.theirs(keyword)),)
                yield "close-content-model", f"Restrict other properties by {keyword}, as before.", edits
        if "properties" in self.own.value and "additionalProperties" not in self.own.value:
            edits = (self.editor.insert(path, "additionalProperties", "false"),)
            yield "close-content-model", "Forbid properties that are not declared.", edits

    def theirs(self, *steps: str) -> str:
        """What the other side writes, as it writes it."""
        return self.others.written((*self.other.place.path, *steps))


def _smallest(node: Node, name: str) -> str | None:
    """The smallest value of a property, as JSON."""
    try:
        form = plain(node.graph)
    except TooLarge:
        return None
    wanted = form.schemas.get(id(node.children("properties")[name].place))
    if wanted is None:
        return None
    try:
        value = Builder(form, Random(0), Hints()).value([wanted])  # noqa: S311 # one value, always the same
        return json.dumps(as_event(value), ensure_ascii=False)
    except NoValue:
        return None
