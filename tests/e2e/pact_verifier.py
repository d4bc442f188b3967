"""pact-python's verifier in a process of its own: it leaves sockets open, and warnings are errors here.

Reads one JSON object from standard input (`url`, `provider`, `number`, `branch`, `tags`, `answers` by description,
`selectors`, `pending`, `wip_since`) and exits with 0 when the verifier is content.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from pact import Verifier
from pact.types import Message


def main(asked: dict[str, Any]) -> int:
    def produce(name: str, metadata: dict[str, Any] | None) -> Message:
        content = json.dumps(asked["answers"][name]).encode()
        return {"contents": content, "metadata": None, "content_type": "application/json"}

    os.environ["PACT_DO_NOT_TRACK"] = "true"
    verifier = Verifier(asked["provider"]).message_handler(produce)
    source = verifier.broker_source(asked["url"], selector=True).provider_branch(asked["branch"])
    for selector in asked["selectors"]:
        source.consumer_version(**selector)
    if asked["pending"]:
        source.include_pending()
    if asked["wip_since"]:
        source.include_wip_since(asked["wip_since"])
    source.build()
    verifier.set_publish_options(version=asked["number"], branch=asked["branch"], tags=asked["tags"])
    try:
        verifier.verify()
    except Exception as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(json.load(sys.stdin)))
