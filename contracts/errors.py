"""Every way the contract broker says no. Data and one sentence each; no HTTP.

    ContractError           a RegistryError like the registry's own: store, guard and outer layer treat both alike
    ├── NotFound            ApplicationNotFound · VersionNotFound · BranchNotFound · TagNotFound · LabelNotFound
    │                       EnvironmentNotFound · PactNotFound · VerificationNotFound · DeploymentNotFound
    │                       ReleaseNotFound · WebhookNotFound · DeliveryNotFound · UnknownTag
    ├── Invalid             InvalidPact · InvalidRule · InvalidPath · InvalidFields (InvalidSelectors, InvalidWebhook)
    │                       InvalidName · InvalidQuery (UnknownApplications, UnknownEnvironment)
    ├── Conflict            PactConflict · PactConflicts · MergeConflict · SimilarName · ApplicationExists
    │                       EnvironmentExists
    └── Unprocessable       NotReopenable · CannotSeal

A dialect maps each class to its wire in one table (`contracts/api/*/errors.py`), and a test proves the table complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.errors import RegistryError


class ContractError(RegistryError):
    """A domain error of contract testing: its attributes are the data, `str()` of it the sentence."""


class NotFound(ContractError):
    """Something that was named is not there."""


class ApplicationNotFound(NotFound):
    sentence = "No application (pacticipant) with the name '{name}' exists."


class VersionNotFound(NotFound):
    sentence = "No version '{number}' of '{application}' exists."


class BranchNotFound(NotFound):
    sentence = "'{application}' has no branch '{branch}'."


class TagNotFound(NotFound):
    sentence = "Version '{number}' of '{application}' has no tag '{tag}'."


class LabelNotFound(NotFound):
    sentence = "'{application}' has no label '{label}'."


class EnvironmentNotFound(NotFound):
    sentence = "No environment with the UUID '{uuid}' exists."


class PactNotFound(NotFound):
    sentence = "No pact between '{consumer}' and '{provider}' was found{detail}."

    def __init__(self, consumer: str, provider: str, detail: str = "") -> None:
        super().__init__(consumer=consumer, provider=provider, detail=f" {detail}" if detail else "")


class UnknownTag(NotFound):
    """Neither an environment nor a tag of this name."""

    sentence = "No environment and no tag is called '{tag}'; {there}."

    def __init__(self, tag: str, environments: Sequence[str], tags: Sequence[str]) -> None:
        listed = [("environments", environments), ("tags", tags)]
        parts = [f"the {what} are {', '.join(names)}" for what, names in listed if names]
        super().__init__(tag=tag, there=", ".join(parts) or "there is none of either")


class VerificationNotFound(NotFound):
    sentence = "No verification result number {number} of this pact exists."


class DeploymentNotFound(NotFound):
    sentence = "No deployed version with the UUID '{uuid}' exists."


class ReleaseNotFound(NotFound):
    sentence = "No released version with the UUID '{uuid}' exists."


class WebhookNotFound(NotFound):
    sentence = "No webhook with the UUID '{uuid}' exists."


class DeliveryNotFound(NotFound):
    sentence = "No triggered webhook with the UUID '{uuid}' exists."


class Invalid(ContractError):
    """The request cannot mean anything, whatever is stored."""

    sentence = "{reason}"

    def __init__(self, reason: str, **data: Any) -> None:
        super().__init__(reason=reason, **data)


class InvalidPact(Invalid):
    """A document that is no pact. `path` is a JSON pointer into it (empty: the whole document)."""

    sentence = "Not a pact: {reason}{where}"

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path=path, where=f" (at {path})" if path else "")


class InvalidRule(Invalid):
    """A matching rule that no Pact tool could apply. `path` is a JSON pointer to it from its rules object."""

    sentence = "The matching rule at {path} cannot be read: {reason}"

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(reason, path=path)


class InvalidPath(Invalid):
    """The path expression of a matching rule or generator that does not parse; `at` counts characters from 0."""

    sentence = "The path expression '{expression}' does not parse at character {at}: {reason}"

    def __init__(self, expression: str, at: int, reason: str) -> None:
        super().__init__(reason, expression=expression, at=at)


class InvalidFields(Invalid):
    """A body of which some fields break their rules: `fields` maps the field's name to its sentences."""

    sentence = "{reason}"

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields = {name: tuple(sentences) for name, sentences in fields.items()}
        super().__init__(
            "; ".join(f"{name}: {', '.join(sentences)}" for name, sentences in self.fields.items()), fields=self.fields
        )


class InvalidSelectors(InvalidFields):
    """Consumer version selectors, or the pending and WIP settings around them, that contradict each other."""


class InvalidWebhook(InvalidFields):
    """A webhook that could never be delivered, or must not be."""


class InvalidQuery(Invalid):
    """A matrix or can-i-deploy question that contradicts itself; `reasons` holds every sentence."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(" ".join(self.reasons), reasons=self.reasons)


class InvalidName(Invalid):
    """A name that can't be used for what it is meant to name."""

    sentence = "{what} {reason}"

    def __init__(self, what: str, name: str, reason: str) -> None:
        super().__init__(reason, what=what, name=name)


class UnknownApplications(InvalidQuery):
    """A question about applications that nobody ever mentioned."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__([f"Pacticipant {name} not found" for name in names])


class UnknownEnvironment(InvalidQuery):
    """A question about an environment that does not exist."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__([f"Environment with name '{name}' does not exist"])


class Conflict(ContractError):
    """Well-formed and understood, but it contradicts what is stored."""


class PactConflict(Conflict):
    """Another content for a consumer version that has one already. `difference` is the diff as text."""

    sentence = (
        "Cannot change the content of the pact for {consumer} version {number} and provider {provider}, as this would "
        "put the reliability of the verification results at risk. Give each new pact content a new consumer version "
        "number."
    )

    def __init__(self, consumer: str, number: str, provider: str, difference: str = "") -> None:
        super().__init__(consumer=consumer, number=number, provider=provider, difference=difference)


class PactConflicts(Conflict):
    """A publication of which some contracts contradict what is stored; nothing of it was stored."""

    sentence = "{reason}"

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__(conflicts=self.conflicts, reason="\n".join(map(str, self.conflicts)))


class MergeConflict(Conflict):
    """Two pacts hold an interaction of one identity with different contents."""

    sentence = "The pacts cannot be merged: {reason}"

    def __init__(self, interactions: Sequence[str]) -> None:
        self.interactions = tuple(interactions)
        listed = ", ".join(self.interactions)
        super().__init__(
            interactions=self.interactions, reason=f"these interactions exist with other content: {listed}"
        )


class SimilarName(Conflict):
    """A new application whose name reads like an existing one's."""

    sentence = (
        "'{name}' is very similar to the existing pacticipant name(s) {listed}. If it is a different application, "
        "create it first (create-or-update-pacticipant --name '{name}'); if it is not, use the existing name."
    )

    def __init__(self, name: str, existing: Sequence[str]) -> None:
        super().__init__(name=name, existing=tuple(existing), listed=", ".join(f"'{other}'" for other in existing))


class ApplicationExists(Conflict):
    sentence = "A pacticipant with the name '{name}' exists already."


class EnvironmentExists(Conflict):
    sentence = "Another environment with the name '{name}' exists already."


class Unprocessable(ContractError):
    """The thing is there, but can't be brought into the state asked for."""


class NotReopenable(Unprocessable):
    """An undeployment is final: deploying again is a new recording."""

    sentence = "The property '{property}' cannot be set back to true. Record the {action} again instead."


class CannotSeal(Unprocessable):
    """A secret came and there is no key to keep it under, or what is stored was sealed under another key."""

    sentence = (
        "Secrets (a password, or a header that holds a token) cannot be kept: set TENOR_SECRET_KEY to the key that "
        "they are encrypted with."
    )
