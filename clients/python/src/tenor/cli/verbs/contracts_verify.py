"""Verify that a version of a provider keeps the contracts it has with its consumers; --publish records the results.

HTTP contracts are played against --provider-url. Each message contract is compared with the event in a file:
--message 'an order was placed=order.json'. Exit code 0: all kept. 1: one is broken (unless it is pending).
3: there is nothing to verify. Needs pact-python: pip install 'tenor[contracts]'
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tenor import Registry, broker, credentials
from tenor.cli import FAILED, SAFE, UNKNOWN, UNSAFE
from tenor.cli.connection import addresses, connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text
from tenor.testing.matching import broken, loopback, stdout_to, verifier_class
from tenor.testing.verifying import OPTIONS, selector

REQUIRED: Final = {name: {"required": True} for name in ("provider", "provider-version")}
EXIT_CODES: Final = {"passed": SAFE, "failed": UNSAFE, "nothing to verify": UNKNOWN, "results not recorded": FAILED}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    for name, told in OPTIONS.items():
        parser.add_argument(f"--{name}", **(told | REQUIRED.get(name, {})))
    parser.add_argument("--provider-url", metavar="URL", help="where the provider serves HTTP")
    parser.add_argument("--states-url", metavar="URL", help="where the provider takes its states (POST, in the body)")
    parser.add_argument("--message", action="append", default=[], metavar="DESCRIPTION=FILE", help="may be repeated")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Verify, and see that the results arrived."""
    try:
        selectors = [selector(text) for text in arguments.selector]
    except ValueError as error:
        raise UsageError(str(error)) from error
    messages = dict(message(text) for text in arguments.message)
    if arguments.provider_url is None and not messages:
        raise UsageError("say what answers for the provider: --provider-url, --message, or both")
    make = verifier_class()
    with connect(arguments) as registry:
        call = broker.to_verify(
            arguments.provider,
            selectors,
            branch=arguments.branch,
            tags=arguments.tag,
            pending=arguments.pending,
            wip_since=arguments.wip_since,
        )
        found = [registry.send(broker.pact(here)) for here, _ in registry.send(call)]
        pacts = [(str(document["consumer"]["name"]), version) for document, version in found]
        results = [broker.result_of(*pact, arguments.provider, arguments.provider_version) for pact in pacts]
        before = [registry.send(each) for each in results]
        if not pacts:
            return _told(arguments, output, "nothing to verify", pacts)
        verifier = _verifier(make, arguments, registry, selectors, messages)
        with stdout_to(2), loopback():  # what native code prints is no result; --message is on this machine
            passed = _verified(verifier, output)
        answer = "passed" if passed else "failed"
        # The verifier says nothing when its results are refused, so the server is asked whether it has them.
        lost = arguments.publish and any(
            registry.send(call) in (None, known) for call, known in zip(results, before, strict=True)
        )
    if lost:
        output.say("the broker does not have the result of every contract")
        answer = "results not recorded" if passed else answer
    return _told(arguments, output, answer, pacts)


def _told(arguments: argparse.Namespace, output: Output, answer: str, pacts: Sequence[tuple[str, str]]) -> int:
    code = EXIT_CODES[answer]
    contracts = [{"consumer": consumer, "version": version} for consumer, version in pacts]
    lines = [f"  contract with {consumer} version {version}" for consumer, version in pacts]
    document = {"answer": answer, "exit_code": code, "published": arguments.publish, "contracts": contracts}
    output.result(document, [f"{answer}: {arguments.provider} version {arguments.provider_version}", *lines])
    return code


def message(text: str) -> tuple[str, bytes]:
    """A message's description and the event that stands for it. Raises UsageError."""
    description, equals, path = text.rpartition("=")
    if not (description and equals and path):
        raise UsageError(f"--message {text} is not of the form DESCRIPTION=FILE")
    return description, read_text(path).encode("utf-8")


def _verifier(
    make: Any,
    arguments: argparse.Namespace,
    registry: Registry,
    selectors: Sequence[Mapping[str, Any]],
    messages: Mapping[str, bytes],
) -> Any:
    try:
        host = urlsplit(arguments.provider_url or "").hostname or "localhost"
        if messages and host not in ("localhost", "127.0.0.1"):  # pact-python looks for both on one host
            raise UsageError(
                f"--message goes with a provider on this machine only, not with {host}: verify in two runs"
            )
        verifier = make(arguments.provider, host=host)
        if arguments.provider_url is not None:
            verifier.add_transport(url=arguments.provider_url)
        if arguments.states_url is not None:
            verifier.state_handler(arguments.states_url, body=True)
    except ValueError as error:
        raise UsageError(f"--provider-url, --states-url: {error}") from error
    if messages:
        verifier.message_handler(
            {
                name: {"contents": content, "metadata": None, "content_type": "application/json"}
                for name, content in messages.items()
            }
        )
    source = verifier.broker_source(
        registry.url + broker.MOUNT, selector=True, use_env=False, **_credentials(arguments)
    )
    for each in selectors:
        source.consumer_version(**{_snake(name): value for name, value in each.items()})
    if arguments.branch is not None:
        source.provider_branch(arguments.branch)
    if arguments.tag:
        source.provider_tags(*arguments.tag)
    if arguments.pending:
        source.include_pending()
    if arguments.wip_since is not None:
        source.include_wip_since(arguments.wip_since)
    source.build()
    if arguments.publish:
        verifier.set_publish_options(
            arguments.provider_version, url=arguments.build_url, branch=arguments.branch, tags=arguments.tag
        )
    return verifier


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


def _credentials(arguments: argparse.Namespace) -> dict[str, str]:
    """What the client itself logs in with, for the verifier."""
    urls = [url.strip() for url in addresses(arguments)]
    auth, token = credentials.found(urls)
    if token is not None:
        return {"token": token}
    if auth is not None:
        return {"username": auth[0], "password": auth[1]}
    address = urlsplit(urls[0])
    if address.username is None:
        return {}
    return {"username": unquote(address.username), "password": unquote(address.password or "")}


def _verified(verifier: Any, output: Output) -> bool:
    try:
        verifier.verify()
    except Exception as failure:  # the verifier raises RuntimeError for all it has to say
        lines = []
        for name, found in broken(verifier.results):
            lines += [f"broken: {name}", *(f"  {line}" for each in found for line in each.lines())]
        for line in lines or [str(failure)]:
            output.say(line)
        return False
    return True
