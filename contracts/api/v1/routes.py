"""The routes of contract testing in the native API, with the error rows that they need."""

from __future__ import annotations

from typing import Any

from contracts.api.v1 import application_routes, asyncapi_routes, policy_routes, subject_routes
from registry.api.exported import APIS
from registry.api.v1.dialect import make_app


def handlers() -> list[Any]:
    """The route handlers, for `registry.api.v1.dialect.make_app`."""
    modules = (subject_routes, policy_routes, application_routes, asyncapi_routes)
    return [handler for module in modules for handler in module.HANDLERS]


def install() -> list[Any]:
    """Make the native API's description whole. The handlers."""
    APIS["v1"] = lambda: make_app(None, handlers())
    return handlers()
