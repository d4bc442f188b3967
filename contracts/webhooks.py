"""Webhooks: what one is, which an event fires, what it sends, where it may send to. Pure.

Templates may use `${pactbroker.consumerName}` and its kin (`PARAMETERS`) in the URL's path and query, in headers and
in the body; in URLs they are escaped, and the host is never a template. What is secret in a
webhook (its password, headers that look like tokens) is shown as stars and kept encrypted by the store.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from contracts.errors import InvalidWebhook
from registry.outgoing import is_public


class Event(StrEnum):
    """What happened to a contract."""

    CONTRACT_PUBLISHED = "contract_published"
    CONTENT_CHANGED = "contract_content_changed"
    REQUIRING_VERIFICATION = "contract_requiring_verification_published"
    VERIFICATION_PUBLISHED = "provider_verification_published"
    VERIFICATION_SUCCEEDED = "provider_verification_succeeded"
    VERIFICATION_FAILED = "provider_verification_failed"
    SCHEMA_REGISTERED = "schema_registered"
    SCHEMA_REFUSED = "schema_refused"
    IMPACT_FOUND = "impact_found"
    WAIVER_EXPIRING = "waiver_expiring"
    WINDOW_CLOSING = "window_closing"
    PROOF_FAILED = "proof_failed"


NOTICES = frozenset(
    {
        Event.SCHEMA_REGISTERED,
        Event.SCHEMA_REFUSED,
        Event.IMPACT_FOUND,
        Event.WAIVER_EXPIRING,
        Event.WINDOW_CLOSING,
        Event.PROOF_FAILED,
    }
)
"""What is announced of schemas, in sentences for people: `subject`, `text` and `owner` are their parameters."""

CHAT = {"text": "${pactbroker.text}"}
"""What a webhook sends that has no body of its own: the shape that chats take (Slack, Mattermost, Google Chat)."""

MASK = "**********"
_SECRET_HEADERS = re.compile(r"authorization|token|secret|api-?key|password|cookie", re.IGNORECASE)
_UUID = re.compile(r"[A-Za-z0-9_-]{16,}")
LONGEST_HOST = 253
"""Characters of a host name (RFC 1035)."""
_TEMPLATE = re.compile(r"\$\{(?P<name>[A-Za-z0-9_.-]+)\}")


@dataclass(frozen=True, slots=True)
class Target:
    """Which applications a webhook is about: by name, by label, or (nothing) all."""

    name: str | None = None
    label: str | None = None

    def covers(self, application: str, labels: Iterable[str]) -> bool:
        if self.name is not None:
            return self.name == application
        return self.label is None or self.label in set(labels)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `body` is a text, or JSON data."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    username: str | None = None
    password: str | None = None
    secret: str | None = None
    """What the request is signed with (`signature`)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as its owner wrote it."""

    request: Request
    events: frozenset[Event] = frozenset({Event.CONTENT_CHANGED})
    consumer: Target = Target()
    provider: Target = Target()
    description: str = ""
    enabled: bool = True
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Where webhooks may go. `hosts`: `example.org`, `*.example.org`, `10.0.0.0/8`, or `/regular expression/`."""

    schemes: tuple[str, ...] = ("https",)
    methods: tuple[str, ...] = ("POST",)
    hosts: tuple[str, ...] = ()
    private: bool = False


# reading


def webhook(body: object, rules: Rules = Rules(), *, stored: Webhook | None = None) -> Webhook:
    """Read a webhook's body. Starred secrets keep the stored value. Raises InvalidWebhook with all faults."""
    if not isinstance(body, Mapping):
        raise InvalidWebhook({"body": ["must be a JSON object"]})
    faults: dict[str, list[str]] = {}
    events = _events(body.get("events"), faults)
    consumer, provider = (_target(body.get(side), side, faults) for side in ("consumer", "provider"))
    request = _request(body.get("request"), rules, stored.request if stored else None, faults)
    uuid, enabled = body.get("uuid"), body.get("enabled", True)
    if uuid is not None and not (isinstance(uuid, str) and _UUID.fullmatch(uuid)):
        faults["uuid"] = ["must be at least 16 letters, digits, dashes or underscores"]
    if not isinstance(enabled, bool):
        faults["enabled"] = ["must be a boolean"]
    if faults or request is None:
        raise InvalidWebhook(faults)
    return Webhook(request, events, consumer, provider, str(body.get("description") or ""), enabled, uuid)


def _events(listed: object, faults: dict[str, list[str]]) -> frozenset[Event]:
    if listed is None:
        return frozenset({Event.CONTENT_CHANGED})
    names = [
        entry.get("name") if isinstance(entry, Mapping) else entry
        for entry in (listed if isinstance(listed, list) else [])
    ]
    if not names:
        faults["events"] = ["must be a list of {name} with at least one event"]
        return frozenset()
    known = {event.value: event for event in Event} | {"provider_verification": Event.VERIFICATION_PUBLISHED}
    unknown = [str(name) for name in names if name not in known]
    if unknown:
        faults["events"] = [f"{', '.join(unknown)}: must be one of {', '.join(event.value for event in Event)}"]
    return frozenset(known[str(name)] for name in names if name in known)


def _target(entry: object, side: str, faults: dict[str, list[str]]) -> Target:
    if entry is None:
        return Target()
    name = entry.get("name") if isinstance(entry, Mapping) else None
    label = entry.get("label") if isinstance(entry, Mapping) else None
    if (name is None) == (label is None) or not isinstance(name or label, str):
        faults[side] = ["must have a name or a label, not both"]
        return Target()
    return Target(name, label)


def _request(entry: object, rules: Rules, stored: Request | None, faults: dict[str, list[str]]) -> Request | None:
    if not isinstance(entry, Mapping):
        faults["request"] = ["is missing"]
        return None
    method, url = str(entry.get("method") or "").upper(), entry.get("url")
    if method not in rules.methods:
        faults["request.method"] = [f"must be one of {', '.join(rules.methods)}"]
    sentences = list(_url_faults(url, rules))
    if sentences:
        faults["request.url"] = sentences
    headers = entry.get("headers") or {}
    if not isinstance(headers, Mapping) or any(_breaks_line(name) or _breaks_line(headers[name]) for name in headers):
        faults["request.headers"] = ["must be an object of texts on one line each"]
        headers = {}
    return Request(
        method=method,
        url=str(url),
        headers={str(name): _kept(value, _stored_header(stored, str(name))) for name, value in headers.items()},
        body=entry.get("body"),
        username=_text(entry.get("username")),
        password=_kept(entry.get("password"), stored.password if stored else None) or None,
        secret=_kept(entry.get("secret"), stored.secret if stored else None) or None,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _breaks_line(value: object) -> bool:
    return any(letter in str(value) for letter in "\r\n\0")


def _kept(value: object, stored: str | None) -> str:
    """A value as written, or the stored one where it came back as stars."""
    text = _text(value) or ""
    return stored if text == MASK and stored is not None else text


def _stored_header(stored: Request | None, name: str) -> str | None:
    if stored is None:
        return None
    return next((value for known, value in stored.headers.items() if known.lower() == name.lower()), None)


def _url_faults(url: object, rules: Rules) -> Iterator[str]:
    if not isinstance(url, str) or not url:
        yield "is missing"
        return
    # Templates are blanked first: their braces are no URL characters.
    authority = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)", url)
    if authority and "${" in authority[1]:
        yield "can't have a template parameter in the host"
        return
    try:
        parts = urlsplit(_TEMPLATE.sub("x", url))
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield "is not a URL"
        return
    if not parts.scheme or not host:
        yield "is not a URL with a scheme and a host"
    elif len(host) > LONGEST_HOST:
        yield f"has a host name of more than {LONGEST_HOST} characters"
    elif parts.scheme not in rules.schemes:
        yield f"must begin with {' or '.join(f'{scheme}://' for scheme in rules.schemes)}"
    elif rules.hosts and not listed_host(host, rules.hosts):
        yield f"the host {host} is not in the list of allowed hosts"
    elif parts.username or parts.password:
        yield "can't hold credentials: use username and password, or a secret in a header"
    unknown = [name for name in parameters_in(url) if not _known(name)]
    if unknown:
        yield f"has unknown template parameters: {', '.join(unknown)}"


# choosing


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event between a consumer and a provider, with their labels."""

    event: Event
    consumer: str
    provider: str
    consumer_labels: tuple[str, ...] = ()
    provider_labels: tuple[str, ...] = ()


def fires(webhook: Webhook, occasion: Occasion) -> bool:
    """Whether an event fires a webhook."""
    return (
        webhook.enabled
        and occasion.event in webhook.events
        and webhook.consumer.covers(occasion.consumer, occasion.consumer_labels)
        and webhook.provider.covers(occasion.provider, occasion.provider_labels)
    )


def publication_events(*, changed: bool) -> tuple[Event, ...]:
    """The events of a published pact, the ones per provider version aside (`versions_requiring`)."""
    return (Event.CONTRACT_PUBLISHED, Event.CONTENT_CHANGED) if changed else (Event.CONTRACT_PUBLISHED,)


def verification_events(*, success: bool) -> tuple[Event, ...]:
    """The events of a verification result."""
    outcome = Event.VERIFICATION_SUCCEEDED if success else Event.VERIFICATION_FAILED
    return (Event.VERIFICATION_PUBLISHED, outcome)


@dataclass(frozen=True, slots=True)
class ProviderVersion:
    """A provider version that counts today: head of the main branch, deployed or released. `why` names it."""

    number: str
    why: str
    has_result: bool


def versions_requiring(versions: Iterable[ProviderVersion]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The provider versions that owe a result for a new content, each once, with all reasons why they count."""
    found: dict[str, list[str]] = {}
    for version in versions:
        if not version.has_result:
            found.setdefault(version.number, []).append(version.why)
    return tuple((number, tuple(dict.fromkeys(reasons))) for number, reasons in found.items())


# rendering

_STATUSES: dict[str, tuple[str, str, str]] = {
    # success, failure, not known yet
    "githubVerificationStatus": ("success", "failure", "pending"),
    "bitbucketVerificationStatus": ("SUCCESSFUL", "FAILED", "INPROGRESS"),
    "azureDevOpsVerificationStatus": ("succeeded", "failed", "pending"),
    "gitlabVerificationStatus": ("success", "failed", "pending"),
}
PARAMETERS = (
    "consumerName",
    "providerName",
    "consumerVersionNumber",
    "providerVersionNumber",
    "consumerVersionTags",
    "providerVersionTags",
    "consumerVersionBranch",
    "providerVersionBranch",
    "providerVersionDescriptions",
    "consumerLabels",
    "providerLabels",
    "pactUrl",
    "verificationResultUrl",
    "eventName",
    "buildUrl",
    "currentlyDeployedProviderVersionNumber",
    "subject",
    "schemaVersion",
    "text",
    "owner",
    *_STATUSES,
)
"""Everything that may follow `pactbroker.` in a template."""


def _known(name: str) -> bool:
    scope, _, member = name.partition(".")
    return scope == "pactbroker" and member in PARAMETERS


def parameters_in(text: str) -> tuple[str, ...]:
    """The names of the template parameters in a text."""
    return tuple(found["name"] for found in _TEMPLATE.finditer(text))


def statuses(success: bool | None) -> dict[str, str]:
    """The status words of the code hosts for a result, or for the lack of one."""
    at = {True: 0, False: 1, None: 2}[success]
    return {name: words[at] for name, words in _STATUSES.items()}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    username: str | None = None
    password: str | None = None
    id: str = ""
    secret: str | None = None


def signature(id: str, seconds: int, body: str, secret: str) -> str:
    """The signature of a request, as Standard Webhooks writes it: `v1,` and the base64 of an HMAC-SHA256.

    Its key is the secret's text, or what a secret of the form `whsec_…` holds in base64.
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        with suppress(binascii.Error, ValueError):
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    mac = hmac.new(key, f"{id}.{seconds}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def prepare(request: Request, values: Mapping[str, str]) -> Prepared:
    """Fill in the templates; `values` by parameter name. Unknown parameters become empty; the host is left as it is."""
    named = {f"pactbroker.{name}": value for name, value in values.items()}
    start = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", request.url)
    cut = start.end() if start else 0
    url = request.url[:cut] + _filled(request.url[cut:], named, lambda value: quote(value, safe=""))
    headers = {name: _one_line(_filled(value, named)) for name, value in request.headers.items()}
    if not isinstance(request.body, str | None) and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    body = _body(request.body, named)
    return Prepared(request.method, url, headers, body, request.username, request.password, secret=request.secret)


def _body(body: Any, values: Mapping[str, str]) -> str:
    if body is None:
        return ""
    if isinstance(body, str):
        return _filled(body, values)
    # Filled in before it becomes text, so that a quote in a value can't break the JSON.
    return json.dumps(_filled_data(body, values), ensure_ascii=False)


def _filled_data(data: Any, values: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        return _filled(data, values)
    if isinstance(data, Mapping):
        return {_filled(key, values): _filled_data(value, values) for key, value in data.items()}
    return [_filled_data(entry, values) for entry in data] if isinstance(data, list) else data


def _filled(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    return _TEMPLATE.sub(lambda found: escape(values.get(found["name"], "")), text)


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n\0]+", " ", text)


def masked(request: Request) -> Request:
    """The request as it is shown: headers that look like secrets, and the password, starred."""
    return Request(
        method=request.method,
        url=request.url,
        headers={name: MASK if _SECRET_HEADERS.search(name) else value for name, value in request.headers.items()},
        body=request.body,
        username=request.username,
        password=None if request.password is None else MASK,
        secret=None if request.secret is None else MASK,
    )


# sending

FIRST_ATTEMPT = timedelta(seconds=5)
RETRIES = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 120, 300, 600, 1200))


def delivered(status: int) -> bool:
    """Whether an answer's status means that the webhook arrived."""
    return 200 <= status <= 206


def next_attempt(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up."""
    return RETRIES[attempts - 1] if 1 <= attempts <= len(RETRIES) else None


def listed_host(host: str, hosts: Sequence[str]) -> bool:
    """Whether a list of hosts names a host: exactly, as `*.domain`, as a network, or by `/regular expression/`."""
    name = host.lower().rstrip(".")
    return any(_host_fits(name, entry.strip().lower()) for entry in hosts)


def _host_fits(host: str, entry: str) -> bool:
    if len(entry) > 2 and entry.startswith("/") and entry.endswith("/"):
        return re.fullmatch(entry[1:-1], host) is not None
    if entry.startswith("*."):
        return host.endswith(entry[1:])
    if "/" in entry:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    return host == entry


def forbidden(host: str, addresses: Sequence[str], rules: Rules) -> str | None:
    """Why a webhook may not go to a host that resolved to these addresses; None when it may.

    Every address must be public, unless the host or the address is listed or private addresses are allowed. The caller
    connects to one of the very addresses checked, and asks again for each redirect.
    """
    if rules.hosts and not listed_host(host, rules.hosts):
        return f"the host {host} is not in the list of allowed hosts"
    if rules.private:
        return None
    if not addresses:
        return f"the host {host} has no address"
    for address in addresses:
        if not is_public(address) and not listed_host(address, rules.hosts) and not listed_host(host, rules.hosts):
            return f"{host} leads to {address}, which is not a public address"
    return None
