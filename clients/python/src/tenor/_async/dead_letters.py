"""Sending what a rule refused to the dead-letter topic that it names, and saying what became of it. Asynchronous."""

from __future__ import annotations

from typing import Any, Final

from tenor import events
from tenor._async.concurrency import settled
from tenor.codecs import Body
from tenor.consuming.dead_letters import WITHHELD, SendDeadLetter, as_json, dead_letter, shown_part
from tenor.errors import DeadLetterFailed, RuleFailed
from tenor.events import Message, RecordKey
from tenor.wire import Headers

_JSON: Final = ("content-type", b"application/json")


class AsyncDeadLetters:
    """The dead letters of one codec. `send` is what the registry was given; without it nothing is sent."""

    def __init__(self, send: SendDeadLetter | None, subject: str) -> None:
        self._send, self._subject = send, subject

    def unsent(self, refused: RuleFailed) -> RuleFailed:
        """The error for a letter that is not sent: there is no way to, or `encode` cannot wait for it."""
        if self._send is None:
            return refused.settled(f"Nothing was sent to {_place(refused)}: Registry(dead_letters=…) takes what sends.")
        fate = f"Nothing was sent to {_place(refused)} yet: await encode_when_ready, or dead_letter with this error."
        return refused.settled(fate, pending=True)

    async def deliver(
        self,
        refused: RuleFailed,
        value: bytes | None,
        headers: Headers,
        *,
        content: str,
        key: RecordKey,
        topic: str,
    ) -> None:
        """Send a letter. Always raises, for what was refused stays refused: RuleFailed, DeadLetterFailed."""
        if self._send is None:
            raise self.unsent(refused)
        try:
            letter = dead_letter(
                refused, value, headers, key, content=content, subject=self._subject, topic=topic, time=events.now()
            )
            await settled(self._send(letter))
        except Exception as error:
            raise DeadLetterFailed.of(refused, error) from error
        raise refused.settled(f"It was sent to {_place(refused)}.", dead_lettered=True)


def withheld(body: Body, data: Any, headers: Headers) -> tuple[Message, str]:
    """What may be seen of an event that cannot be written and sealed, and the word for it."""
    ruled: Any = body
    try:
        value = as_json(shown_part(ruled.logical.as_dict(data), ruled.discretion))
    except Exception:  # a message of another type, an object that is no event at all
        value = as_json(None)
    return Message(value, events.joined([_JSON], headers)), WITHHELD


def _place(refused: RuleFailed) -> str:
    return f"the dead-letter topic '{refused.dead_letter}'" if refused.dead_letter else "a dead-letter topic"
