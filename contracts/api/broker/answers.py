"""The shapes of the broker's answers, as its OpenAPI description declares them.

Declared, not executed: `hal` makes the documents, and tests compare every answer they get with these. Members that an
answer may lack have a default here. `_links` hold absolute addresses; relations are the Pact Broker's.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class Answer(Struct, kw_only=True, rename="camel"):
    """The base of what is sent."""


class Link(Answer):
    """Where something is. A templated address has names in braces."""

    href: str
    title: str | None = None
    name: str | None = None
    templated: bool = False


Links = dict[str, Link | list[Link]]


class Resource(Answer):
    """What has links."""

    links: Links = field(name="_links")


class Index(Resource):
    """The relations that clients start from."""


class Page(Answer):
    """Which part of a list this is."""

    number: int
    size: int
    total_elements: int
    total_pages: int


class Notice(Answer):
    """A sentence for people: debug, info, success, warning, error or prompt."""

    type: str
    text: str


class Notices(Answer):
    """What was done, in sentences."""

    notices: list[Notice]


class ServerFailure(Answer):
    """Where the log says more."""

    message: str
    reference: str


class Failure(Answer):
    """What went wrong: a sentence, sentences, or sentences by field of the request."""

    error: str | ServerFailure | None = None
    errors: dict[str, list[str]] | list[str] | None = None
    notices: list[Notice] | None = None


class Named(Resource):
    """Something by its name."""

    name: str


class Numbered(Resource):
    """A version by its number."""

    number: str


# publishing


class PublicationLog(Answer):
    """A notice as old clients read it."""

    level: str
    message: str
    deprecation_warning: str


class PublicationParts(Answer):
    """Whose contracts, of which version."""

    pacticipant: Named
    version: Numbered


class Published(Resource):
    """What a publication came to."""

    logs: list[PublicationLog]
    notices: list[Notice]
    embedded: PublicationParts = field(name="_embedded")


class PublishedVersion(Answer):
    """The version that was published for."""

    version: Numbered


class PublishedProvider(Resource):
    """What became of a provider's schema."""

    notices: list[Notice]
    embedded: PublishedVersion = field(name="_embedded")


# pacts


class Pact(Resource):
    """A pact as it was published, `_id` in each interaction, and what leads on from it."""

    created_at: str


class PactOfVersion(Resource):
    """A pact in a list of a pair."""

    created_at: str
    embedded: PactOfVersionParts = field(name="_embedded")


class PactOfVersionParts(Answer):
    """Which version of the consumer published it."""

    consumer_version: Numbered


class PactsOfPairParts(Answer):
    """The pacts."""

    pacts: list[PactOfVersion]


class PactsOfPair(Resource):
    """Pacts of a consumer with a provider, newest first."""

    embedded: PactsOfPairParts = field(name="_embedded")


class PactsOfProvider(Resource):
    """Pacts of a provider, as links under `pb:pacts`."""


class LatestPactVersion(Answer):
    """The consumer's version."""

    version: Numbered


class LatestPactConsumer(Named):
    """The consumer, with the version."""

    embedded: LatestPactVersion = field(name="_embedded")


class LatestPactParts(Answer):
    """Both sides."""

    consumer: LatestPactConsumer
    provider: Named


class LatestPact(Resource):
    """The newest pact of a pair."""

    created_at: str
    embedded: LatestPactParts = field(name="_embedded")


class LatestPacts(Resource):
    """The newest pact of each pair."""

    pacts: list[LatestPact]


class ProviderState(Answer):
    """A state that a consumer wants a provider in."""

    name: str
    consumer: str
    consumers: list[str]


class ProviderStates(Resource):
    """The states of a provider."""

    provider_states: list[ProviderState]


# verification


class NoticeWhen(Answer):
    """A sentence for a moment: before_verification, after_verification:success_true_published_true …"""

    when: str
    text: str


class VerificationProperties(Answer):
    """Why a pact is to be verified, and whether it may fail."""

    notices: list[NoticeWhen]
    pending: bool | None = None
    wip: bool | None = None


class PactToVerify(Resource):
    """A pact to verify, behind its link `self`."""

    short_description: str
    verification_properties: VerificationProperties


class PactsToVerifyParts(Answer):
    """The pacts."""

    pacts: list[PactToVerify]


class PactsToVerify(Resource):
    """What a provider is to verify."""

    embedded: PactsToVerifyParts = field(name="_embedded")


class Result(Resource):
    """A verification result; `testResults` and `verifiedBy` as the verifier sent them."""

    provider_name: str
    provider_application_version: str
    success: bool
    verification_date: str
    build_url: str | None = None
    wip: bool | None = None
    test_results: Any = None
    verified_by: Any = None


class ResultsParts(Answer):
    """The results."""

    verification_results: list[Result]


class Results(Resource):
    """The last result of each pact of a version; `success`: there are some, and all succeeded."""

    success: bool
    embedded: ResultsParts = field(name="_embedded")


# applications


class Mark(Named):
    """A branch or a tag that a version has. `latest`: no newer version has it."""

    latest: bool


class Labelled(Answer):
    """Labels."""

    labels: list[Named]


class Application(Named, kw_only=True):
    """An application (pacticipant)."""

    display_name: str
    created_at: str
    updated_at: str
    main_branch: str | None = None
    repository_url: str | None = None
    repository_name: str | None = None
    repository_namespace: str | None = None
    embedded: Labelled = field(name="_embedded")


class ApplicationsParts(Answer):
    """The applications."""

    pacticipants: list[Application]


class Applications(Resource):
    """A part of the list of applications; `pacticipants` is the form that old clients read."""

    pacticipants: list[Application]
    page: Page
    embedded: ApplicationsParts = field(name="_embedded")


class Labels(Resource):
    """Every label in use."""

    embedded: LabelsParts = field(name="_embedded")


class LabelName(Answer):
    """A label."""

    name: str


class LabelsParts(Answer):
    """The labels."""

    labels: list[LabelName]


class VersionParts(Answer):
    """The marks of a version."""

    branches: list[Mark]
    branch_versions: list[Mark]
    tags: list[Mark]


class Version(Numbered, kw_only=True):
    """A version. `pb:record-deployment` and `pb:record-release` have a link for each environment, by its name."""

    created_at: str
    build_url: str | None = None
    embedded: VersionParts = field(name="_embedded")


class VersionsParts(Answer):
    """The versions."""

    versions: list[Version]


class Versions(Resource):
    """A part of a list of versions."""

    versions: list[Version]
    page: Page
    embedded: VersionsParts = field(name="_embedded")


class Tag(Named):
    """A tag of a version."""

    created_at: str


class Branch(Named):
    """A branch of an application."""

    created_at: str
    updated_at: str


class BranchesParts(Answer):
    """The branches."""

    branches: list[Branch]


class Branches(Resource):
    """A part of the list of branches."""

    page: Page
    embedded: BranchesParts = field(name="_embedded")


class BranchVersion(Resource):
    """A version on a branch."""


# environments


class Environment(Named):
    """Where versions are deployed and released. `contacts`: `{name, details}` each."""

    uuid: str
    display_name: str
    production: bool
    created_at: str
    updated_at: str
    contacts: list[dict[str, Any]] | None = None


class EnvironmentsParts(Answer):
    """The environments."""

    environments: list[Environment]


class Environments(Resource):
    """All environments."""

    embedded: EnvironmentsParts = field(name="_embedded")


class PresentVersionParts(Answer):
    """Whose version."""

    pacticipant: Named


class PresentVersion(Numbered):
    """The version."""

    embedded: PresentVersionParts = field(name="_embedded")


class PresenceParts(Answer):
    """What is where."""

    version: PresentVersion
    pacticipant: Named
    environment: Environment


class Deployment(Resource, kw_only=True):
    """A version that an environment runs, or ran. `target` is the old name of the instance."""

    uuid: str
    currently_deployed: bool
    created_at: str
    application_instance: str | None = None
    target: str | None = None
    undeployed_at: str | None = None
    embedded: PresenceParts = field(name="_embedded")


class DeploymentsParts(Answer):
    """The deployments."""

    deployed_versions: list[Deployment]


class Deployments(Resource):
    """Deployments."""

    embedded: DeploymentsParts = field(name="_embedded")


class Release(Resource, kw_only=True):
    """A version that is released to an environment, or was."""

    uuid: str
    currently_supported: bool
    created_at: str
    support_ended_at: str | None = None
    embedded: PresenceParts = field(name="_embedded")


class ReleasesParts(Answer):
    """The releases."""

    released_versions: list[Release]


class Releases(Resource):
    """Releases."""

    embedded: ReleasesParts = field(name="_embedded")


# the matrix


class Summary(Answer):
    """The verdict. `deployable`: true, false, or null for "don't know"."""

    deployable: bool | None
    reason: str
    success: int
    failed: int
    unknown: int
    ignored: int | None = None


class MatrixVersion(Numbered):
    """A version in a row."""

    branch: str | None
    branches: list[Mark]
    branch_versions: list[Mark]
    environments: list[Environment]
    tags: list[Mark]


class MatrixConsumer(Named):
    """The consumer of a row."""

    version: MatrixVersion


class MatrixProvider(Named):
    """The provider of a row; no version, no result."""

    version: MatrixVersion | None


class MatrixPact(Resource):
    """The pact of a row."""

    created_at: str


class MatrixResult(Resource):
    """The result of a row."""

    success: bool
    verified_at: str


class MatrixRow(Answer):
    """A consumer version's pact, and what a provider version made of it."""

    consumer: MatrixConsumer
    provider: MatrixProvider
    pact: MatrixPact
    verification_result: MatrixResult | None
    verification_type: str | None = None
    """CDCT: by running the provider; BDCT: statically, by the schemas that it states. Absent without a result."""
    reasons: list[str] | None = None
    ignored: bool = False


class Matrix(Answer):
    """The matrix of a question with its verdict and the reasons for it."""

    summary: Summary
    notices: list[Notice]
    matrix: list[MatrixRow]
    links: Links | None = field(name="_links", default=None)


# webhooks


class WebhookEvent(Answer):
    """What fires a webhook."""

    name: str


class WebhookTarget(Answer):
    """The application, or the label of the applications, that a webhook is about."""

    name: str | None = None
    label: str | None = None


class WebhookRequest(Answer):
    """What is sent; secrets are starred."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    username: str | None = None
    password: str | None = None
    secret: str | None = None


class Webhook(Resource):
    """A webhook."""

    uuid: str
    description: str
    enabled: bool
    request: WebhookRequest
    events: list[WebhookEvent]
    created_at: str
    updated_at: str
    consumer: WebhookTarget | None = None
    provider: WebhookTarget | None = None


class WebhooksParts(Answer):
    """The webhooks."""

    webhooks: list[Webhook]


class Webhooks(Resource):
    """Webhooks."""

    embedded: WebhooksParts = field(name="_embedded")


class Execution(Resource):
    """What came of trying a webhook."""

    success: bool
    request: WebhookRequest
    logs: str
    message: str


class TriggeredWebhook(Resource):
    """A firing of a webhook."""

    uuid: str
    name: str
    event_name: str
    status: str
    attempts_made: int
    triggered_at: str


class TriggeredWebhooksParts(Answer):
    """The firings."""

    triggered_webhooks: list[TriggeredWebhook]


class TriggeredWebhooks(Resource):
    """Firings of webhooks, newest first."""

    embedded: TriggeredWebhooksParts = field(name="_embedded")


class WebhookCounts(Answer):
    """How many firings arrived, and how many were given up."""

    successful: int
    failed: int


class WebhookStatus(TriggeredWebhooks):
    """What the webhooks about a pact did last."""

    summary: WebhookCounts


# overviews


class Integration(Resource):
    """A consumer that has pacts with a provider."""

    consumer: Named
    provider: Named
    created_at: str
    contract_data_updated_at: str


class IntegrationsParts(Answer):
    """The integrations."""

    integrations: list[Integration]


class Integrations(Resource):
    """Who consumes whom."""

    embedded: IntegrationsParts = field(name="_embedded")


class DashboardItem(Answer):
    """A pact with its last result; `verificationStatus`: never, success or failed."""

    consumer: MatrixConsumer
    provider: MatrixProvider
    pact: MatrixPact
    pact_tags: list[str]
    verification_status: str
    latest_verification_result: Result | None
    latest_verification: Result | None


class Dashboard(Resource):
    """Pacts with their last results."""

    items: list[DashboardItem]


class Count(Answer):
    """How many."""

    count: int


class Metrics(Resource):
    """How much there is of each kind."""

    pacticipants: Count
    pacticipant_versions: Count
    pact_publications: Count
    pact_versions: Count
    verification_results: Count
    integrations: Count
    branches: Count
    tags: Count
    environments: Count
    webhooks: Count
    triggered_webhooks: Count
    deployed_versions: Count
    released_versions: Count


class Heartbeat(Resource):
    """The process answers."""

    ok: bool


class Health(Answer):
    """Whether it works."""

    ok: bool


class Dependencies(Resource):
    """What the process depends on answers."""

    database: Health
