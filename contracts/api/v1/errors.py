"""The native API's words for errors of contract testing: more rows of its one table, there once this is imported."""

from __future__ import annotations

from contracts import errors
from registry.api.v1.errors import TABLE, Kind

ROWS = {
    errors.ApplicationNotFound: Kind(40420, "application-not-found", "No such application"),
    errors.VersionNotFound: Kind(40421, "application-version-not-found", "No such version of the application"),
    errors.UnknownEnvironment: Kind(40422, "environment-not-found", "No such environment"),
    errors.NotFound: Kind(40400, "not-found", "Not found"),
    errors.Invalid: Kind(422, "invalid", "The request is not valid"),
    errors.Conflict: Kind(409, "conflict", "It contradicts what is stored"),
    errors.Unprocessable: Kind(422, "unprocessable", "Not possible"),
}

TABLE.update(ROWS)
