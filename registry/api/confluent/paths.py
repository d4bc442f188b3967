"""Context prefixes: `/contexts/{c}/…` in front of any path says in which context its subjects are. Pure."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from registry import names

_NAMED_AFTER = ("subjects", "deks")
_SETTINGS = ("config", "mode")


def rewrite(parts: list[str], query: bytes) -> tuple[list[str], bytes]:
    """Segments and query with the prefix taken off and its context put before the names it qualifies.

        ["contexts", ".dev", "subjects", "s", "versions"] → ["subjects", ":.dev:s", "versions"]
        ["contexts", ".dev", "config"]                    → ["config", ":.dev:"]
        ["contexts", ".dev"]                              → unchanged: that context itself

    Raises InvalidContext for a name with a colon inside.
    """
    if len(parts) < 3 or parts[0] != "contexts":
        return parts, query
    context = names.context(parts[1])
    rest = parts[2:]
    if context == names.DEFAULT_CONTEXT:
        return rest, query
    return _qualified_path(rest, context), _qualified_query(rest, query, context)


def _qualified_path(rest: list[str], context: str) -> list[str]:
    if rest[0] in _SETTINGS:
        return [rest[0], names.qualify(rest[1] if len(rest) > 1 else "", context), *rest[2:]]
    qualified = list(rest)
    for index in range(1, len(rest)):
        if rest[index - 1] in _NAMED_AFTER and rest[0] in ("subjects", "compatibility", "dek-registry", "associations"):
            qualified[index] = names.qualify(rest[index], context)
            break
    return qualified


def _qualified_query(rest: list[str], query: bytes, context: str) -> bytes:
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if rest[0] == "schemas" and len(rest) > 1:
        name = "subject"
    elif rest[0] in ("schemas", "subjects", "dek-registry") and rest[-1] in ("schemas", "subjects", "keks"):
        name = "subjectPrefix"
    elif rest[0].startswith("associations"):
        return urlencode([*parameters, ("context", f":{context}:")]).encode()
    else:
        return query
    if not any(key == name for key, _ in parameters):
        parameters.append((name, ""))
    return urlencode(
        [(key, names.qualify(value, context) if key == name else value) for key, value in parameters]
    ).encode()
