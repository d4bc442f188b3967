"""Wrap a KEK's data keys anew, after its key was rotated in the key system. Data and data keys stay as they are.

The registry does it for a shared KEK, some at a time; for another one it is done here, with the key systems that
TENOR_KMS configures, save for the keys of persons, which only those who made them can list. Stopping and starting again
loses nothing. Exit code 1: some keys could not be rewrapped.
"""

from __future__ import annotations

import argparse

from tenor import Registry, calls
from tenor.cli import SAFE, UNSAFE, keys
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.progress import Progress
from tenor.errors import Conflict, EncryptionError
from tenor.schemas import Kek


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("kek", metavar="KEK")
    parser.add_argument("--batch", type=int, default=100, metavar="N", help="keys of one request; default 100")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Rewrap all, and say what is left."""
    with connect(arguments) as registry:
        kek = registry.send(calls.kek(arguments.kek))
        with output.progress("rewrapping") as shown:
            told = (
                _by_registry(registry, kek.name, arguments.batch, shown) if kek.shared else _here(registry, kek, shown)
            )
    done, failed = told
    document = {"kek": kek.name, "rewrapped": done, "left": len(failed), "failed": failed}
    lines = [f"rewrapped {done} keys of {kek.name}; {len(failed)} are still under the old key"]
    output.result(document, [*lines, *(f"  {each}" for each in failed)])
    return UNSAFE if failed else SAFE


def _by_registry(registry: Registry, kek: str, batch: int, shown: Progress) -> tuple[int, list[str]]:
    done, before, failed = 0, None, list[str]()
    while True:
        progress = registry.send(keys.rewrap_some(kek, before, batch, len(failed)))
        done, before = done + progress["done"], progress["before"]
        failed += progress["failed"]
        if progress["left"] <= len(failed) or not (progress["done"] or progress["failed"]):
            return done, failed
        shown.at(done, done + progress["left"])


def _here(registry: Registry, kek: Kek, shown: Progress) -> tuple[int, list[str]]:
    system = keys.system(kek)
    done, failed = 0, []
    for dek in keys.every_dek(registry, kek.name):
        try:
            registry.send(keys.rewrap_one(dek, system.rewrap(dek.wrapped)))
        except (EncryptionError, Conflict) as error:
            failed.append(f"{dek.subject} {dek.algorithm} version {dek.version}: {error}")
        else:
            done += 1
            shown.at(done)
    return done, failed
