"""`tenor_events`: records what a handler relies on in the events of a subject, as a contract that is committed.

def test_invoices(tenor_events):
    tenor_events("orders-value", handle_order, samples=[{"id": "A1", "status": "PAID", "total": 3}])

`pytest --tenor-record` writes the contract; without it a test fails when the code relies on something else than the
committed contract says. The handler is also run with what is left of a value, or an event, that was sealed for a person
whose key is destroyed: the contract says whether it fails then, takes that for data, or asks and goes on.

Nothing is asked of any network. Who the consumer is: `tenor_application` in pytest's ini file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

APPLICATION = "tenor_application"
CONTRACTS = "tenor_contracts"


class Events:
    """What the fixture gives: call it with a subject and a handler."""

    def __init__(self, config: pytest.Config, test: str) -> None:
        self._config, self._test = config, test

    def __call__(
        self,
        subject: str,
        handler: Callable[[Any], Any],
        *,
        samples: Sequence[Any],
        provider: str = "",
        application: str = "",
        description: str = "",
        paths: Sequence[str] = (),
        observe: Callable[[], Any] | None = None,
        before: Callable[[], Any] | None = None,
        may_miss: bool = False,
    ) -> dict[str, Any]:
        """Run the handler on the samples and on what may become of them; compare, or record, what it relies on.

        `samples`      valid events as the handler gets them: write some, or take `tenor_samples(subject)`;
                       `tenor.Event`s for a handler that gets those, as a consumer's does
        `provider`     the application that produces the subject; the subject's name if it is not given
        `description`  of the interaction; the name of the test if it is not given
        `paths`        of the schema, which tell maps from records
        `observe`      what the handler did besides returning, for a comparison; `before` starts anew, before each run
        `may_miss`     the code can do without an event that never comes, as those of erased persons where the schema's
                       rule says `tenor.erased: drop` or `raise`

        The handler runs hundreds of times, with many samples thousands. Returns the interaction.
        """
        from tenor.testing import pacts
        from tenor.testing.experiments import Recorder

        consumer = application or str(self._config.getini(APPLICATION) or "")
        if not consumer:
            pytest.fail(f"who is the consumer? say {APPLICATION} = NAME in pytest's ini file", pytrace=False)
        if not samples:
            pytest.fail("tenor_events needs at least one sample", pytrace=False)
        recorded = Recorder(handler, observe=observe, before=before).record(samples, paths)
        root = Path(self._config.rootpath)
        one = pacts.interaction(description or self._test, subject, recorded, samples[0], root, may_miss=may_miss)
        name = provider or subject
        path = Path(self._config.rootpath) / str(self._config.getini(CONTRACTS)) / pacts.file_name(consumer, name)
        if self._config.getoption("--tenor-record"):
            pacts.write(path, consumer, name, one)
        else:
            self._compare(path, one)
        return one

    def _compare(self, path: Path, one: dict[str, Any]) -> None:
        from tenor.testing import pacts

        pact = pacts.read(path)
        shown = path.relative_to(self._config.rootpath)
        committed = (
            None
            if pact is None
            else [each for each in pact["interactions"] if each["description"] == one["description"]]
        )
        if not committed:
            pytest.fail(
                f"{shown} has no contract '{one['description']}': pytest --tenor-record writes it", pytrace=False
            )
        if not pacts.same(committed[0], one):
            lines = "\n".join(_differences(committed[0]["comments"]["tenor"], one["comments"]["tenor"]))
            pytest.fail(f"{shown} is not what the code relies on (pytest --tenor-record):\n{lines}", pytrace=False)


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    old, new = ({need["path"]: need for need in each["needs"]} for each in (before, now))
    lines = [f"  no longer used: {path}" for path in sorted(old.keys() - new.keys())]
    lines += [f"  now used: {path}" for path in sorted(new.keys() - old.keys())]
    lines += [
        f"  {path}: {old[path]} is now {new[path]}" for path in sorted(old) if path in new and old[path] != new[path]
    ]
    if before["reasons"] != now["reasons"]:
        lines += [f"  {reason}" for reason in now["reasons"]] or ["  all of the code was reached"]
    return lines or ["  the example differs"]


@pytest.fixture
def tenor_events(request: pytest.FixtureRequest) -> Events:
    """Records what a handler relies on. See `tenor.testing.recorder`."""
    return Events(request.config, request.node.name)
