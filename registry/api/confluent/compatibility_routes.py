"""`/compatibility…`: test a candidate against one version, or against all that the level looks at."""

from __future__ import annotations

from litestar.params import FromPath, JSONBody

from registry import errors, names, registration
from registry.api.confluent import parameters as q
from registry.api.confluent import render, wire
from registry.api.confluent.messages import messages
from registry.api.confluent.routes import post
from registry.names import Subject
from registry.security.access import Action, Needs
from registry.security.guard import actor_of, see_references
from registry.services import Call, services
from registry.store.engine import Db

READ = Needs(Action.READ, "subject", "subject")


async def _check(
    request: Call,
    subject: str,
    data: wire.RegisterSchemaRequest,
    normalize: str | None,
    verbose: str | None,
    version: int | None,
) -> wire.CompatibilityCheck:
    parts, actor = services(request), actor_of(request)
    wordy = q.flag(verbose)

    def job(db: Db) -> wire.CompatibilityCheck:
        asked = render.registration(Subject.parse(subject), data, normalize=q.flag(normalize))
        try:
            see_references(actor, asked.references, asked.subject.context, asked.format)
            conflicts, settings, history = registration.check(
                db, asked, parts.server_config, version=version, objector=parts.objector
            )
        except errors.EmptySchema:
            raise
        except errors.InvalidSchema as error:
            if not wordy:
                raise
            return wire.CompatibilityCheck(is_compatible=False, messages=[str(error)])
        said = messages(conflicts, history, settings)
        return wire.CompatibilityCheck(is_compatible=not said, messages=(said or None) if wordy else None)

    return await parts.read(job, heavy=True)


@post(
    "/compatibility/subjects/{subject:str}/versions/{version:str}",
    READ,
    errors.VersionNotFound,
    errors.InvalidVersion,
    errors.InvalidSchema,
    summary="Test against one version",
)
async def check_version(
    request: Call,
    subject: FromPath[str],
    version: FromPath[str],
    data: JSONBody[wire.RegisterSchemaRequest],
    normalize: q.Normalize = None,
    verbose: q.Verbose = None,
) -> wire.CompatibilityCheck:
    """Exactly that version, under the subject's level; `latest` of a subject without versions is compatible."""
    return await _check(request, subject, data, normalize, verbose, names.version(version))


@post(
    "/compatibility/subjects/{subject:str}/versions",
    READ,
    errors.InvalidSchema,
    summary="Test against the history",
)
async def check_history(
    request: Call,
    subject: FromPath[str],
    data: JSONBody[wire.RegisterSchemaRequest],
    normalize: q.Normalize = None,
    verbose: q.Verbose = None,
) -> wire.CompatibilityCheck:
    """All versions that the level demands: the latest, or every live one for a transitive level."""
    return await _check(request, subject, data, normalize, verbose, None)


HANDLERS = [check_version, check_history]
