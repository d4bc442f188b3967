"""The shapes of the broker's requests, as its OpenAPI description declares them.

Declared, not executed: tools in use send less, more and odd things (no body, null members, names as flags), so the use
cases read the JSON themselves, name each fault by its field, and ignore members they don't know.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Request(Struct, kw_only=True, rename="camel"):
    """The base of what is received."""


class Nothing(Request):
    """An empty object, or no body at all."""


class PublishedContract(Request):
    """A pact: `content` is its JSON in base64. `onConflict` counts where a setting lets contents change."""

    consumer_name: str
    provider_name: str
    content: str
    content_type: Literal["application/json"]
    specification: Literal["pact"]
    on_conflict: Literal["overwrite", "merge"] | None = None


class Publication(Request):
    """The contracts of a consumer's version, and what the version is called by."""

    pacticipant_name: str
    pacticipant_version_number: str
    contracts: list[PublishedContract]
    branch: str | None = None
    tags: list[str] | None = None
    build_url: str | None = None


class Party(Request):
    """A side of a pact."""

    name: str


class Pact(Request):
    """A pact of any version of the specification."""

    consumer: Party
    provider: Party
    interactions: list[dict[str, Any]] | None = None
    messages: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] | None = None


class Selector(Request):
    """Which versions of consumers are meant; combinations that contradict themselves are refused by name."""

    consumer: str | None = None
    main_branch: bool | None = None
    branch: str | bool | None = None
    fallback_branch: str | None = None
    matching_branch: bool | None = None
    tag: str | bool | None = None
    fallback_tag: str | None = None
    latest: bool | None = None
    deployed: bool | None = None
    released: bool | None = None
    deployed_or_released: bool | None = None
    environment: str | None = None


class ToVerify(Request):
    """Which pacts a provider wants to verify; without selectors those of main branches and of what is out there."""

    consumer_version_selectors: list[Selector] | None = None
    provider_version_branch: str | None = None
    provider_version_tags: list[str] | None = None
    include_pending_status: bool | None = None
    include_wip_pacts_since: str | None = None


class Result(Request):
    """What came of a verification. `testResults` name interactions by their `_id`."""

    success: bool
    provider_application_version: str
    build_url: str | None = None
    test_results: list[dict[str, Any]] | None = None
    verified_by: dict[str, Any] | None = None


class ApplicationChange(Request):
    """What to change of an application."""

    display_name: str | None = None
    main_branch: str | None = None
    repository_url: str | None = None
    repository_name: str | None = None
    repository_namespace: str | None = None
    labels: list[Party] | None = None


class Application(ApplicationChange, kw_only=True):
    """A new application."""

    name: str


class Version(Request):
    """What to say of a version."""

    branch: str | None = None
    tags: list[Party | str] | None = None
    build_url: str | None = None


class BranchVersion(Request):
    """What to say of a version that is put on a branch."""

    build_url: str | None = None


class Contact(Request):
    """Whom to ask."""

    name: str
    details: dict[str, Any] | None = None


class EnvironmentChange(Request):
    """An environment as it is to be; `production` stays where it is left out."""

    name: str
    display_name: str | None = None
    production: bool | None = None
    contacts: list[Contact] | None = None


class Environment(Request):
    """A new environment."""

    name: str
    production: bool
    display_name: str | None = None
    contacts: list[Contact] | None = None


class Deployment(Request):
    """Where several run side by side: which. `target` is its old name."""

    application_instance: str | None = None
    target: str | None = None


class DeploymentChange(Request):
    """False ends it; it cannot be set back to true."""

    currently_deployed: bool | None = None


class ReleaseChange(Request):
    """False ends the support; releasing it again takes that back."""

    currently_supported: bool | None = None


class WebhookTarget(Request):
    """One application by name, or those with a label."""

    name: str | None = None
    label: str | None = None


class WebhookEvent(Request):
    """What fires a webhook."""

    name: Literal[
        "contract_published",
        "contract_content_changed",
        "contract_requiring_verification_published",
        "provider_verification_published",
        "provider_verification_succeeded",
        "provider_verification_failed",
        "schema_registered",
        "schema_refused",
        "impact_found",
        "waiver_expiring",
        "window_closing",
        "proof_failed",
    ]


class WebhookRequest(Request):
    """What is sent. Address, headers and body may hold `${pactbroker.consumerName}` and its kin."""

    method: str
    url: str
    headers: dict[str, str] | None = None
    body: Any = None
    username: str | None = None
    password: str | None = None
    secret: str | None = None


class Webhook(Request):
    """A webhook. Secrets that come back starred keep their values."""

    request: WebhookRequest
    events: list[WebhookEvent] | None = None
    consumer: WebhookTarget | None = None
    provider: WebhookTarget | None = None
    description: str | None = None
    enabled: bool = True
    uuid: str | None = None


class SelfVerification(Request):
    """What a provider found when it checked its own contract; `content` in base64."""

    success: bool | None = None
    content: str | None = None
    content_type: str | None = None
    format: str | None = None
    verifier: str | None = None
    verifier_version: str | None = None


class ProviderSchema(Request):
    """A schema of events: an Avro schema, a JSON Schema or a .proto file, in base64."""

    content: str
    content_type: str | None = None
    specification: str | None = None
    self_verification_results: SelfVerification | None = None


class ProviderContract(Request):
    """What a version of a provider writes."""

    pacticipant_version_number: str
    contract: ProviderSchema
    branch: str | None = None
    tags: list[str] | None = None
    build_url: str | None = None
