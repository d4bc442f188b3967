"""Pacts as values: HTTP pacts of the specification 1 to 4, message pacts 3 and 4. Pure.

    Pact
    └── interactions: HttpInteraction(request, response)
                      AsyncMessage(message)
                      SyncMessage(request, responses)        all with description, states, key, comments, plug-ins

`parse` reads every pact a Pact tool wrote. What it can't understand it names: a document that is no pact raises
InvalidPact; an interaction or a rule that cannot be read becomes a `Problem` and the rest stays usable, because a
broker stores, and other tools understand, more than this module does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from contracts import documents, paths
from contracts.documents import Document
from contracts.errors import ContractError, InvalidPact, InvalidPath, InvalidRule
from contracts.rules import RuleSet, rule_set


class Presence(StrEnum):
    """Whether contents are there: a key that is missing, an explicit null, or a value."""

    MISSING = "missing"
    NULL = "null"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Contents:
    """A body or the contents of a message.

    `value` is JSON where the contents are JSON, text where they are text, bytes where they are neither.
    """

    presence: Presence
    value: Any = None
    content_type: str | None = None

    @property
    def is_json(self) -> bool:
        return self.presence is not Presence.MISSING and not isinstance(self.value, bytes)


ABSENT = Contents(Presence.MISSING)


@dataclass(frozen=True, slots=True)
class State:
    """A provider state with its parameters."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a pact that can't be understood. `path` is a JSON pointer into the document."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: Contents = ABSENT
    rules: Mapping[str, RuleSet] = field(default_factory=dict)
    generators: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: Contents = ABSENT
    rules: Mapping[str, RuleSet] = field(default_factory=dict)
    generators: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What one message holds. `rules` has the categories `body` and `metadata`."""

    contents: Contents
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, RuleSet] = field(default_factory=dict)
    generators: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body_rules(self) -> RuleSet:
        return self.rules.get("body", RuleSet())

    @property
    def metadata_rules(self) -> RuleSet:
        return self.rules.get("metadata", RuleSet())


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What all kinds share. `id` is the `_id` under which results refer to it, `where` its JSON pointer."""

    id: str
    where: str
    description: str
    states: tuple[State, ...] = ()
    key: str | None = None
    pending: bool = False
    comments: Mapping[str, Any] = field(default_factory=dict)
    plugins: Mapping[str, Any] = field(default_factory=dict)

    @property
    def references(self) -> Mapping[str, Mapping[str, Any]]:
        """External references of v4: `{"SchemaRegistry": {"subject": "orders-value"}}`."""
        groups = self.comments.get("references")
        if not isinstance(groups, Mapping):
            return {}
        return {name: group for name, group in groups.items() if isinstance(group, Mapping)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpInteraction(Interaction):
    request: Request
    response: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncMessage(Interaction):
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncMessage(Interaction):
    request: Message
    responses: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in that wrote part of a pact."""

    name: str
    version: str
    configuration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pact:
    """A pact with everything in it that could be understood."""

    consumer: str
    provider: str
    specification: int
    interactions: tuple[Interaction, ...]
    metadata: Mapping[str, Any]
    plugins: tuple[Plugin, ...]
    problems: tuple[Problem, ...]

    @property
    def messages(self) -> tuple[AsyncMessage, ...]:
        return tuple(one for one in self.interactions if isinstance(one, AsyncMessage))


_HTTP, _ASYNC, _SYNC = "Synchronous/HTTP", "Asynchronous/Messages", "Synchronous/Messages"


def parse(document: Document | bytes | str) -> Pact:
    """Read a pact. Raises InvalidPact for what is no pact at all; everything less lands in `problems`."""
    if not isinstance(document, Document):
        document = documents.read(document)
    body = document.body
    for side, name in (("consumer", document.consumer), ("provider", document.provider)):
        if not name:
            raise InvalidPact(f"the {side} has no name", f"/{side}/name")
    reader = _Reader(_major(body))
    entries: list[Interaction] = []
    for list_name in documents.VERIFIABLE:
        listed = body.get(list_name)
        if listed is None:
            continue
        if not isinstance(listed, list):
            raise InvalidPact("it must be a list", f"/{list_name}")
        for index, entry in enumerate(listed):
            read = reader.interaction(entry, f"/{list_name}/{index}", is_message=list_name == "messages")
            if read is not None:
                entries.append(read)
    metadata = _mapping(body.get("metadata"))
    return Pact(
        consumer=document.consumer,
        provider=document.provider,
        specification=reader.specification,
        interactions=tuple(entries),
        metadata=metadata,
        plugins=_plugins(metadata),
        problems=tuple(reader.problems),
    )


def _major(body: Mapping[str, Any]) -> int:
    """The specification's major version; without a statement what the document looks like."""
    stated = documents.specification(body)
    if stated is not None:
        digits = stated.strip().lstrip("vV").split(".")[0]
        if digits.isascii() and digits.isdigit() and 1 <= len(digits) < 4:
            return int(digits)
    if body.get("messages") is not None:
        return 3
    entries = body.get("interactions")
    typed = isinstance(entries, list) and any(isinstance(entry, Mapping) and "type" in entry for entry in entries)
    return 4 if typed else 2


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plugins(metadata: Mapping[str, Any]) -> tuple[Plugin, ...]:
    listed = metadata.get("plugins")
    return tuple(
        Plugin(str(entry["name"]), str(entry.get("version", "")), _mapping(entry.get("configuration")))
        for entry in (listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ())
        if isinstance(entry, Mapping) and "name" in entry
    )


class _Reader:
    """Reads interactions and collects what it could not understand."""

    def __init__(self, specification: int) -> None:
        self.specification = specification
        self.problems: list[Problem] = []

    def interaction(self, entry: object, where: str, *, is_message: bool) -> Interaction | None:
        if not isinstance(entry, Mapping):
            self.problems.append(Problem(where, "an interaction must be an object"))
            return None
        kind = entry.get("type") if self.specification >= 4 else None
        if kind is None:
            kind = _ASYNC if is_message else _HTTP
        read = {_HTTP: self._http, _ASYNC: self._async, _SYNC: self._sync}.get(str(kind))
        if read is None:
            self.problems.append(Problem(f"{where}/type", f"the interaction type '{kind}' is not known"))
            return None
        try:
            return read(entry, where, self._shared(entry, where))
        except ContractError as problem:
            self.problems.append(Problem(where, str(problem)))
            return None

    def _shared(self, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
        key = entry.get("key")
        return {
            "id": documents.interaction_id(entry),
            "where": where,
            "description": str(entry.get("description") or ""),
            "states": self._states(entry, where),
            "key": key if isinstance(key, str) else None,
            "pending": entry.get("pending") is True,
            "comments": _mapping(entry.get("comments")),
            "plugins": _mapping(entry.get("pluginConfiguration")),
        }

    def _states(self, entry: Mapping[str, Any], where: str) -> tuple[State, ...]:
        listed = entry.get("providerStates")
        if listed is None:  # v1, v2: one state by name, in two spellings
            name = entry.get("providerState") or entry.get("provider_state")
            return (State(str(name)),) if name else ()
        if isinstance(listed, str):
            return (State(listed),)
        states: list[State] = []
        for index, state in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(state, Mapping) and state.get("name") is not None:
                states.append(State(str(state["name"]), _mapping(state.get("params"))))
            elif isinstance(state, str):
                states.append(State(state))
            else:
                self.problems.append(Problem(f"{where}/providerStates/{index}", "a provider state needs a name"))
        return tuple(states)

    # HTTP

    def _http(self, entry: Mapping[str, Any], where: str, shared: dict[str, Any]) -> HttpInteraction:
        request, response = entry.get("request"), entry.get("response")
        if not isinstance(request, Mapping) or not isinstance(response, Mapping):
            raise InvalidPact("an HTTP interaction needs a request and a response", where)
        return HttpInteraction(
            **shared,
            request=Request(
                method=str(request.get("method") or "GET").upper(),
                path=str(request.get("path") or "/"),
                query=_query(request.get("query")),
                headers=_headers(request.get("headers")),
                body=self._body(request, f"{where}/request"),
                rules=self._http_rules(request, f"{where}/request"),
                generators=_mapping(request.get("generators")),
            ),
            response=Response(
                status=_status(response.get("status"), where),
                headers=_headers(response.get("headers")),
                body=self._body(response, f"{where}/response"),
                rules=self._http_rules(response, f"{where}/response"),
                generators=_mapping(response.get("generators")),
            ),
        )

    def _body(self, part: Mapping[str, Any], where: str) -> Contents:
        if "body" not in part:
            return ABSENT
        body = part["body"]
        if self.specification >= 4:
            return self._v4_contents(body, f"{where}/body")
        media = next(iter(_headers(part.get("headers")).get("content-type", ())), None)
        return _plain_contents(body, media)

    def _http_rules(self, part: Mapping[str, Any], where: str) -> Mapping[str, RuleSet]:
        rules, here = _mapping(part.get("matchingRules")), f"{where}/matchingRules"
        if self.specification >= 3:
            return self._categories(rules, here)
        return self._flat_rules(rules, here)

    def _flat_rules(self, rules: Mapping[str, Any], where: str) -> Mapping[str, RuleSet]:
        """Rules of v2: `{"$.body.items[*]": {"match": "type"}}`, the category being the first name of the path."""
        categories: dict[str, dict[str, Any]] = {}
        for text, rule in rules.items():
            try:
                tokens = paths.parse(text).tokens
            except InvalidPath as problem:
                self.problems.append(Problem(f"{where}{paths.pointer((text,))}", str(problem)))
                continue
            category = {"headers": "header"}.get(str(tokens[0]), str(tokens[0])) if tokens else "body"
            rest = tokens[1:]
            named = category in ("header", "query") and rest
            expression = str(rest[0]) if named else _without_first(text)
            categories.setdefault(category, {})[expression] = rule
        return {
            category: self._noted(rule_set(listed, where, names_only=category != "body", single=True))
            for category, listed in categories.items()
        }

    # messages

    def _async(self, entry: Mapping[str, Any], where: str, shared: dict[str, Any]) -> AsyncMessage:
        return AsyncMessage(**shared, message=self._message(entry, where))

    def _sync(self, entry: Mapping[str, Any], where: str, shared: dict[str, Any]) -> SyncMessage:
        request, responses = entry.get("request"), entry.get("response")
        if not isinstance(request, Mapping) or not isinstance(responses, list):
            raise InvalidPact("a synchronous message needs a request and a list of responses", where)
        return SyncMessage(
            **shared,
            request=self._message(request, f"{where}/request"),
            responses=tuple(
                self._message(_mapping(response), f"{where}/response/{index}")
                for index, response in enumerate(responses)
            ),
        )

    def _message(self, entry: Mapping[str, Any], where: str) -> Message:
        metadata = _mapping(entry.get("metadata", entry.get("metaData")))
        if "contents" not in entry:
            contents = ABSENT
        elif self.specification >= 4:
            contents = self._v4_contents(entry["contents"], f"{where}/contents")
        else:
            media = metadata.get("contentType", metadata.get("content-type"))
            contents = _plain_contents(entry["contents"], media if isinstance(media, str) else None)
        return Message(
            contents=contents,
            metadata=metadata,
            rules=self._message_rules(_mapping(entry.get("matchingRules")), f"{where}/matchingRules"),
            generators=_mapping(entry.get("generators")),
        )

    def _message_rules(self, rules: Mapping[str, Any], where: str) -> Mapping[str, RuleSet]:
        """`body` and `metadata`; any other category means the body, whatever it calls itself (content, contents)."""
        read = self._categories(rules, where)
        body = [rule_set for name, rule_set in read.items() if name != "metadata"]
        found = {"metadata": read["metadata"]} if "metadata" in read else {}
        if body:
            found["body"] = RuleSet(tuple(rule for one in body for rule in one.rules))
        return found

    def _categories(self, rules: Mapping[str, Any], where: str) -> Mapping[str, RuleSet]:
        found: dict[str, RuleSet] = {}
        for name, category in rules.items():
            here = f"{where}{paths.pointer((name,))}"
            if name in ("path", "status", "method") and "matchers" in _mapping(category):
                found[name] = self._noted(rule_set({paths.ROOT: category}, here))
            else:
                plain = name in ("metadata", "header", "headers", "query")
                found["header" if name == "headers" else name] = self._noted(rule_set(category, here, names_only=plain))
        return found

    def _noted(self, rules: RuleSet) -> RuleSet:
        self.problems.extend(_rule_problem(problem) for problem in rules.problems)
        return rules

    def _v4_contents(self, entry: object, where: str) -> Contents:
        """Contents of v4: `{content, contentType, encoded: false | "base64" | "JSON"}`."""
        if entry is None:
            return Contents(Presence.NULL)
        if not isinstance(entry, Mapping) or "content" not in entry:
            # An empty object is an empty body; contents without the wrapper are taken as they are.
            return ABSENT if entry == {} else Contents(Presence.PRESENT, entry)
        content, encoded = entry["content"], entry.get("encoded")
        media = entry.get("contentType")
        media = media if isinstance(media, str) else None
        if content is None:
            return Contents(Presence.NULL, None, media)
        if encoded in (False, None, ""):
            return Contents(Presence.PRESENT, content, media)
        if str(encoded).lower() == "json":
            return Contents(Presence.PRESENT, self._json(content, where), media)
        try:
            decoded = base64.b64decode(str(content), validate=True)
        except (binascii.Error, ValueError):
            self.problems.append(Problem(where, f"the content is not {encoded} as it says"))
            return Contents(Presence.PRESENT, content, media)
        return _decoded(decoded, media)

    def _json(self, content: object, where: str) -> Any:
        if not isinstance(content, str):
            return content
        try:
            return documents.read_json(content)
        except InvalidPact as problem:
            self.problems.append(Problem(where, str(problem)))
            return content


def _rule_problem(problem: InvalidRule) -> Problem:
    return Problem(str(problem.data["path"]), str(problem.data["reason"]))


def _without_first(expression: str) -> str:
    """The expression below its first name: `$.body.a[0]` → `$.a[0]`, `$['body']` → `$`."""
    tokens = paths.parse(expression).tokens[1:]
    return paths.ROOT + "".join(paths.printed_token(token) for token in tokens)


def _plain_contents(value: Any, media: str | None) -> Contents:
    """Contents up to v3: JSON as is, everything else as a text."""
    if value is None:
        return Contents(Presence.NULL, None, media)
    if isinstance(value, str) and media is not None and is_json_type(media):
        # Some libraries write a JSON body as its text.
        try:
            return Contents(Presence.PRESENT, json.loads(value), media)
        except (ValueError, RecursionError):
            pass
    return Contents(Presence.PRESENT, value, media)


def _decoded(content: bytes, media: str | None) -> Contents:
    """Contents that came as base64: JSON where they say so or read so, else bytes."""
    if media is None or is_json_type(media):
        try:
            return Contents(Presence.PRESENT, documents.read_json(content), media)
        except InvalidPact:
            pass
    return Contents(Presence.PRESENT, content, media)


def is_json_type(media: str) -> bool:
    """Whether a media type means JSON: `application/json`, anything with `+json`."""
    base = media.split(";", maxsplit=1)[0].strip().lower()
    return base in ("application/json", "text/json") or base.endswith("+json")


def _query(query: object) -> Mapping[str, tuple[str, ...]]:
    """A query as v1 and v2 write it (`a=1&b=2`) or as later versions do (`{"a": ["1"]}`)."""
    found: dict[str, tuple[str, ...]] = {}
    if isinstance(query, str):
        for name, value in parse_qsl(query, keep_blank_values=True):
            found[name] = (*found.get(name, ()), value)
    for name, values in _mapping(query).items():
        found[name] = _texts(values)
    return found


def _headers(headers: object) -> Mapping[str, tuple[str, ...]]:
    """Headers by lower-case name; values are texts (to v3) or lists."""
    return {name.lower(): _texts(values) for name, values in _mapping(headers).items()}


def _texts(values: object) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(value if isinstance(value, str) else json.dumps(value) for value in listed)


def _status(status: object, where: str) -> int:
    if status is None:
        return 200
    try:
        return int(str(status))
    except ValueError:
        raise InvalidPact("the status must be a number", f"{where}/response/status") from None
