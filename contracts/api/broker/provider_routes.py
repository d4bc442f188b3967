"""`/provider-contracts…`: what a provider writes, as `pact pactflow publish-provider-contract` sends it."""

from __future__ import annotations

import asyncio

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import catalog, produces
from contracts.api.broker import answers, requests
from contracts.api.broker.hal import link
from contracts.api.broker.parts import WRITE_RESULT, Answer, answer, body, desk, parts, post, urls
from contracts.queries import applications
from registry import names
from registry.clock import now_ms
from registry.registration import Registration
from registry.security.access import Action
from registry.security.guard import decide
from registry.services import Call
from registry.store.engine import Db


@post(
    "/provider-contracts/provider/{provider:str}/publish",
    WRITE_RESULT,
    requests.ProviderContract,
    answers.PublishedProvider,
    summary="Publish what a provider writes",
)
async def post_provider_contract(request: Call, provider: FromPath[str]) -> Answer:
    """An Avro schema, a JSON Schema or a .proto file of the events that a version writes: it is registered, and the
    version is said to write it. can-i-deploy then judges consumers' contracts by it, without running anything."""
    shared, found, raw = desk(request), urls(request), await body(request)
    read = await asyncio.to_thread(produces.provider_contract, raw)
    services, actor = parts(request).services, shared.actor

    def look(db: Db) -> tuple[str, str]:
        return produces.subject_of(db, provider, read)

    subject, how = await services.read(look, heavy=True)
    # Publishing for an application is no permission to write a subject.
    decide(actor, Action.WRITE, f"subject:{subject}")
    done = await services.register(actor, Registration(names.subject(subject), read.text, read.format))
    written = (str(done.version.subject), done.version.version)

    def keep(db: Db) -> None:
        owner, _ = catalog.ensured(db, provider, shared.options)
        version, _ = catalog.ensured_version(db, owner, read.number)
        if read.branch is not None:
            catalog.add_to_branch(db, owner, version, read.branch)
        for tag in read.tags:
            catalog.add_tag(db, shared.actor, owner, version, tag, shared.options)
        if read.build_url is not None:
            applications.set_build_url(db, version.pk, read.build_url, now_ms())
        produces.state(db, actor, provider, read.number, [written], shared.options, self_verified=read.self_verified)

    await services.write(keep)
    verb = "Registered" if done.created else "Found"
    sentences = [
        f"{verb} the schema as version {written[1]} of subject {written[0]} ({how})",
        f"{provider} version {read.number} is recorded as writing it; can-i-deploy judges message contracts by it",
    ]
    here = found.version(provider, read.number)
    return answer(
        {
            "notices": [{"type": "success", "text": text} for text in sentences],
            "_embedded": {"version": {"number": read.number, "_links": {"self": link(here, "Version", read.number)}}},
            "_links": {
                "self": link(found.to("provider-contracts", "provider", provider, "publish")),
                "pb:pacticipant": link(found.application(provider), "Pacticipant", provider),
                "pb:pacticipant-version": link(here, "Pacticipant version", read.number),
                "pb:pacticipant-version-tags": [
                    link(found.to("pacticipants", provider, "versions", read.number, "tags", tag), "Tag", tag)
                    for tag in read.tags
                ],
                **(
                    {
                        "pb:branch-version": link(
                            found.to("pacticipants", provider, "branches", read.branch, "versions", read.number)
                        )
                    }
                    if read.branch is not None
                    else {}
                ),
            },
        }
    )


HANDLERS: list[ControllerRouterHandler] = [post_provider_contract]
