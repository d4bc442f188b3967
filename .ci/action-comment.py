"""The step `Comment` of action.yml: keep one comment on a pull request, edited in place.

GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL, PULL and FOLDER in the environment, the comment's file as argument.
FOLDER is where the project is: each of a repository's has a comment of its own.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

MARKER = "<!-- tenor check -->"
LONGEST = 65_000  # GitHub takes 65,536 characters
CUT = "\n\n… the rest is in the job's summary.\n"


def call(method: str, path: str, body: Any = None) -> Any:
    """An answer of GitHub's API."""
    request = urllib.request.Request(  # the address is the runner's own
        f"{os.environ.get('GITHUB_API_URL', 'https://api.github.com')}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def marked(text: str, folder: str) -> tuple[str, str]:
    """The mark of a folder's comment, and the comment with it."""
    name = folder.removeprefix("./").strip("/")
    if name in ("", "."):
        return MARKER, text
    mark = f"<!-- tenor check {name.replace('--', '- -')} -->"
    return mark, f"{mark}\n**{name}**\n\n{text.removeprefix(MARKER).lstrip()}"


def ours(issue: str, mark: str) -> int | None:
    """The id of the comment that is there already."""
    page = 1
    while comments := call("GET", f"{issue}/comments?per_page=100&page={page}"):
        for comment in comments:
            if (comment["body"] or "").startswith(mark):
                return int(comment["id"])
        page += 1
    return None


def main(file: str) -> int:
    """Write the comment, or change the one that is there."""
    mark, text = marked(Path(file).read_text(encoding="utf-8"), os.environ.get("FOLDER", "."))
    if len(text) > LONGEST:
        text = text[: LONGEST - len(CUT)] + CUT
    repository = f"/repos/{os.environ['GITHUB_REPOSITORY']}"
    issue = f"{repository}/issues/{os.environ['PULL']}"
    comment = ours(issue, mark)
    if comment is None:
        call("POST", f"{issue}/comments", {"body": text})
    else:
        call("PATCH", f"{repository}/issues/comments/{comment}", {"body": text})
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
