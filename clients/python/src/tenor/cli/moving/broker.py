"""What a contract broker holds, read through its HAL API, and brought to another: by what is missing there.

    ("application", name)  ("number", application, number)      attributes; branches, tags, build
    ("pact", consumer, number, provider)                        the pact, without what the broker adds to it
    ("result", consumer, number, provider, provider's number)   the last one of two versions, once for each content
    ("environment", name)  ("deployed", environment, application, number, instance)  ("released", …)
    ("webhook", uuid)                                           without its secrets, which brokers show as stars

Results that a later one replaced are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from tenor import Registry
from tenor.broker import HEADERS
from tenor.calls import Call
from tenor.cli.moving import Difference, Document, Key, Records, webhooks
from tenor.cli.moving.reading import Tell
from tenor.errors import Denied, Rejected

APPLICATION, NUMBER, PACT, RESULT = "application", "number", "pact", "result"
ENVIRONMENT, DEPLOYED, RELEASED = "environment", "deployed", "released"
WEBHOOK = webhooks.WEBHOOK
KINDS: Final = (APPLICATION, NUMBER, PACT, RESULT, ENVIRONMENT, DEPLOYED, RELEASED, WEBHOOK)
PAGE: Final = 100

_ATTRIBUTES: Final = ("displayName", "mainBranch", "repositoryUrl", "repositoryName", "repositoryNamespace")
_PLACES: Final = {
    DEPLOYED: ("deployed-versions", "currently-deployed", "deployedVersions"),
    RELEASED: ("released-versions", "currently-supported", "releasedVersions"),
}
_RELATION: Final = "pb:publish-verification-results"

T = TypeVar("T")


class Broker:
    """A contract broker below an address, or below a mount of it."""

    def __init__(self, registry: Registry, mount: str = "") -> None:
        self._registry, self._mount = registry, mount
        self.url = f"{registry.url}{mount}"
        self._root = ""
        self.remarks: list[str] = []
        """What whoever copies it has to know: what was not permitted, or refused."""

    def get(self, here: str, read: Callable[[Any], T]) -> T:
        """Read a path below the broker's address."""
        return self._registry.send(Call("GET", self._mount + here, read, headers=HEADERS))

    def send(self, method: str, here: str, body: Document) -> None:
        """Change something."""
        self._registry.send(Call(method, self._mount + here, lambda _: None, body, headers=HEADERS))

    def below(self, href: str) -> str:
        """A link as a path below the broker's address: links name its public address, which may be another."""
        if not self._root:
            self._root = (
                self.get("/", lambda body: urlsplit(str(body["_links"]["self"]["href"])).path.rstrip("/")) or "/"
            )
        parts = urlsplit(href)
        here = parts.path.removeprefix(self._root.rstrip("/"))
        return f"{here}?{parts.query}" if parts.query else here

    def listed(self, here: str, read: Callable[[Any], list[T]]) -> Iterator[T]:
        """Every item of a list, part by part."""

        def part(body: Any) -> tuple[list[T], str | None]:
            following = body["_links"].get("next")
            return read(body["_embedded"]), None if following is None else str(following["href"])

        page: str | None = f"{here}?{urlencode({'page': 1, 'size': PAGE})}"
        seen: set[str] = set()
        while page is not None and page not in seen:
            seen.add(page)
            found, href = self.get(page, part)
            yield from found
            page = None if href is None else self.below(href)


def read(broker: Broker, tell: Tell) -> dict[Key, Document]:
    """Everything. Raises what `Registry.send` raises."""
    found: dict[Key, Document] = {}
    links: dict[tuple[str, str], list[str]] = {}
    for name, attributes in broker.listed("/pacticipants", _applications):
        found[APPLICATION, name] = attributes
        for href in reversed(list(broker.listed(_path(name, "versions"), _numbers))):
            number, document, links[name, number] = broker.get(broker.below(href), _number)  # lists tell no pacts
            found[NUMBER, name, number] = document
        tell(NUMBER, len(found))
    seen: set[str] = set()
    for (consumer, number), hrefs in links.items():
        for href in hrefs:
            provider, content = broker.get(broker.below(href), _pact)
            found[PACT, consumer, number, provider] = content
            for provider_number, result in broker.get(_matrix(consumer, number, provider), _results):
                if result not in seen:
                    seen.add(result)
                    key = (RESULT, consumer, number, provider, provider_number)
                    found[key] = broker.get(broker.below(result), _result)
        tell(PACT, len(found))
    for name, uuid, attributes in broker.get("/environments", _environments):
        found[ENVIRONMENT, name] = attributes
        for kind, (path, state, member) in _PLACES.items():
            here = f"/environments/{quote(uuid, safe='')}/{path}/{state}"
            for place in broker.get(here, lambda body, member=member: _placed(body, member)):  # type: ignore[misc] # mypy cannot infer a lambda with a default
                found[kind, name, *place] = {}
    for uuid, document in _webhooks(broker):
        found[WEBHOOK, uuid] = document
    return found


def _webhooks(broker: Broker) -> Iterator[tuple[str, Document]]:
    try:
        hrefs = broker.get("/webhooks", webhooks.listed)
        for href in hrefs:
            yield broker.get(broker.below(href), webhooks.read)
    except Denied as error:
        broker.remarks.append(f"webhooks are left out: {error}")


def differences(source: Records, target: Records) -> Iterator[Difference]:
    """What the target lacks. What it has more is its own: a broker may take tags for branches."""
    for key, document in source.items():
        there = target.get(key)
        if there is None:
            yield Difference(key, "missing")
        elif key[0] == WEBHOOK:
            if members := webhooks.differing(document, there):
                yield Difference(key, ", ".join(members))
        elif members := sorted(name for name in document if not _alike(name, document[name], there.get(name))):
            yield Difference(key, ", ".join(members))


def _alike(name: str, ours: Any, theirs: Any) -> bool:
    if name in ("branches", "tags", "labels"):
        return set(ours) <= set(theirs or ())
    return name == "created" or bool(ours == theirs)


def in_the_way(source: Records, target: Records) -> list[Difference]:
    """What is published there with other content."""
    return [each for each in differences(source, target) if each.key[0] in (PACT, RESULT) and each.what != "missing"]


def restore(broker: Broker, source: Records, target: Records, tell: Tell) -> list[Key]:
    """Bring a broker what it lacks; what that was. Raises what `Registry.send` raises."""
    wanted = {each.key for each in differences(source, target)}
    done: list[Key] = []

    def of(kind: str) -> Iterator[Key]:
        for key in source:
            if key[0] == kind and key in wanted:
                yield key
                done.append(key)
                tell(kind, len(done))

    for key in of(APPLICATION):
        attributes = {name: value for name, value in source[key].items() if name != "labels"}
        broker.send("PUT", _path(key[1]), {"name": key[1], **attributes})
        for label in source[key].get("labels", ()):
            broker.send("PUT", _path(key[1], "labels", label), {})
    # Which version is the newest follows from when it came.
    created = {key: str(document["created"]) for key, document in source.items() if key[0] == NUMBER}
    for key in sorted(of(NUMBER), key=lambda each: created[each]):
        _restore_number(broker, key, source[key], target.get(key, {}))
    for key in of(PACT):
        broker.send("PUT", _pact_path(*key[1:]), source[key]["content"])
    for key in of(RESULT):
        href = broker.get(_pact_path(*key[1:4]), lambda body: str(body["_links"][_RELATION]["href"]))
        broker.send("POST", broker.below(href), {**source[key], "providerApplicationVersion": key[4]})
    there = {name: uuid for name, uuid, _ in broker.get("/environments", _environments)}
    for key in of(ENVIRONMENT):
        uuid = there.get(key[1])
        method, here = ("POST", "/environments") if uuid is None else ("PUT", f"/environments/{quote(uuid, safe='')}")
        broker.send(method, here, {"name": key[1], **source[key]})
    uuids = {name: uuid for name, uuid, _ in broker.get("/environments", _environments)}
    for kind, (path, _, _) in _PLACES.items():
        for key in of(kind):
            here = _path(key[2], "versions", key[3], path, "environment", uuids[key[1]])
            broker.send("POST", here, {"applicationInstance": key[4]} if len(key) > 4 and key[4] else {})
    # Last, as what is published from then on fires them.
    for key in [each for each in source if each[0] == WEBHOOK and each in wanted]:
        try:
            body = webhooks.body(source[key], target.get(key))
            broker.send("PUT", f"/webhooks/{quote(key[1], safe='')}", body)
        except Rejected as error:
            broker.remarks.append(f"webhook {key[1]} was refused: {error}")
        else:
            done.append(key)
            tell(WEBHOOK, len(done))
    return done


def _restore_number(broker: Broker, key: Key, document: Document, there: Document) -> None:
    _, name, number = key
    build = {"buildUrl": document["buildUrl"]} if "buildUrl" in document else {}
    broker.send("PUT", _path(name, "versions", number), build)
    for branch in document["branches"]:
        if branch not in there.get("branches", ()):
            broker.send("PUT", _path(name, "branches", branch, "versions", number), {})
    for tag in document["tags"]:
        if tag not in there.get("tags", ()):
            broker.send("PUT", _path(name, "versions", number, "tags", tag), {})


def _path(name: str, *more: str) -> str:
    return "/pacticipants" + "".join(f"/{quote(each, safe='')}" for each in (name, *more))


def _pact_path(consumer: str, number: str, provider: str) -> str:
    consumer, number, provider = (quote(each, safe="") for each in (consumer, number, provider))
    return f"/pacts/provider/{provider}/consumer/{consumer}/version/{number}"


def _matrix(consumer: str, number: str, provider: str) -> str:
    pairs = [("q[][pacticipant]", consumer), ("q[][version]", number), ("q[][pacticipant]", provider)]
    return f"/matrix?{urlencode([*pairs, ('latestby', 'cvpv'), ('limit', '1000')])}"


# Readers of answers: what is missing, or of another shape, is no broker's answer.


def _applications(embedded: Any) -> list[tuple[str, Document]]:
    return [(str(each["name"]), _application(each)) for each in embedded["pacticipants"]]


def _application(body: Any) -> Document:
    labels = sorted(str(each["name"]) for each in (body.get("_embedded") or {}).get("labels") or ())
    return {**_members(body, _ATTRIBUTES), **({"labels": labels} if labels else {})}


def _numbers(embedded: Any) -> list[str]:
    return [str(each["_links"]["self"]["href"]) for each in embedded["versions"]]


def _number(body: Any) -> tuple[str, Document, list[str]]:
    inside = body.get("_embedded") or {}
    document: dict[str, Any] = {
        "created": str(body.get("createdAt") or ""),
        "branches": sorted(str(each["name"]) for each in inside.get("branchVersions") or inside.get("branches") or ()),
        "tags": sorted(str(each["name"]) for each in inside.get("tags") or ()),
    }
    if body.get("buildUrl"):
        document["buildUrl"] = str(body["buildUrl"])
    pacts = [str(each["href"]) for each in body["_links"].get("pb:pact-versions") or ()]
    return str(body["number"]), document, pacts


def _pact(body: Any) -> tuple[str, Document]:
    content = {name: value for name, value in body.items() if name not in ("createdAt", "_links", "_embedded", "_id")}
    for member in ("interactions", "messages"):
        if isinstance(content.get(member), list):
            content[member] = [_without_id(each) for each in content[member]]
    return str(content["provider"]["name"]), {"content": content}


def _without_id(interaction: Any) -> Any:
    return {name: value for name, value in interaction.items() if name != "_id"}


def _results(body: Any) -> list[tuple[str, str]]:
    return [
        (str(row["provider"]["version"]["number"]), str(row["verificationResult"]["_links"]["self"]["href"]))
        for row in body["matrix"]
        if row.get("verificationResult")
    ]


def _result(body: Any) -> Document:
    if not isinstance(body["success"], bool):
        raise TypeError("success")
    # Results of single interactions name them by ids of the broker they came to.
    return {"success": body["success"], **_members(body, ("buildUrl", "verifiedBy"))}


def _environments(body: Any) -> list[tuple[str, str, Document]]:
    found: list[tuple[str, str, Document]] = []
    for each in body["_embedded"]["environments"]:
        attributes = {**_members(each, ("displayName", "contacts")), "production": bool(each["production"])}
        found.append((str(each["name"]), str(each["uuid"]), attributes))
    return found


def _placed(body: Any, member: str) -> list[Sequence[str]]:
    found: list[Sequence[str]] = []
    for each in body["_embedded"][member]:
        inside = each["_embedded"]
        names = (str(inside["pacticipant"]["name"]), str(inside["version"]["number"]))
        instance = str(each.get("applicationInstance") or each.get("target") or "")
        found.append((*names, instance) if member == "deployedVersions" else names)
    return found


def _members(body: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: body[name] for name in names if body.get(name)}
