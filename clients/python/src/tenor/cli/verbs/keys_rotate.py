"""Make the next version of a subject's data key, or let a shared KEK use another key of its key system.

What older versions sealed still opens. Producers take the new version when their cached one grows old. After another
key of the key system, `tenor keys rewrap` wraps anew what the old one wrapped.
"""

from __future__ import annotations

import argparse

from tenor import Registry, calls
from tenor.cli import SAFE, keys
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.keys import algorithms
from tenor.schemas import Dek


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("kek", metavar="KEK")
    parser.add_argument("subject", metavar="SUBJECT", nargs="?", help="whose data key; or --kms-key-id")
    parser.add_argument("--algorithm", default=algorithms.DEFAULT, choices=tuple(algorithms.ALGORITHMS))
    parser.add_argument("--kms-key-id", metavar="ID", help="the KEK's new key, of a shared one")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Rotate one or the other."""
    if (arguments.subject is None) == (arguments.kms_key_id is None):
        raise UsageError("say which: a SUBJECT, or --kms-key-id")
    with connect(arguments) as registry:
        if arguments.kms_key_id is not None:
            moved = registry.send(keys.move(arguments.kek, arguments.kms_key_id))
            output.result(moved, f"KEK {arguments.kek} uses {arguments.kms_key_id}; next: tenor keys rewrap")
            return SAFE
        made = _next(registry, arguments.kek, arguments.subject, arguments.algorithm)
    output.result(keys.hidden(made), f"made version {made.version} of {made.subject}'s key under {made.kek}")
    return SAFE


def _next(registry: Registry, name: str, subject: str, algorithm: str) -> Dek:
    kek = registry.send(calls.kek(name))
    last = keys.latest(registry, name, subject, algorithm)
    wrapped, token = None, b""
    if not kek.shared:
        serialised = algorithms.new_key(algorithm)
        wrapped = keys.system(kek).wrap(serialised)
        token = algorithms.commitment(algorithms.raw(algorithm, serialised))
    return registry.send(keys.next_version(kek, subject, algorithm, last, wrapped, token))
