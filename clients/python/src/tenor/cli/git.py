"""What git knows of the files of a project. Every failure is a sentence with a way out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tenor.cli.running import UsageError

_SECONDS: Final = 60
_BRANCH: Final = re.compile(r"(?!HEAD$|FETCH_HEAD$)[\w.-]+(/[\w.-]+)*")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")


def folder_in_repository(root: Path) -> str:
    """The path from the top of the repository around a folder to it, "" at the top and outside of any."""
    here = root.resolve()
    top = next((each for each in (here, *here.parents) if (each / ".git").exists()), here)
    return "" if top == here else here.relative_to(top).as_posix()


class Baseline:
    """The files of a project as they were where this branch left a revision.

    `git:main` means the merge base of main and HEAD: what main gained since is not what this branch changed.
    Raises UsageError outside a repository, for an unknown revision, and where a shallow clone hides the merge base.
    """

    def __init__(self, root: Path, revision: str) -> None:
        self.root, self.revision = root, revision
        try:
            self.top = Path(self._git("rev-parse", "--show-toplevel").strip())
        except _GitSaid as said:
            raise UsageError(
                f"{root} is no git repository (git says: {said}); compare with a file, or a server"
            ) from None
        self.commit = self._base(revision)
        self.renamed = self._renames()
        self._texts: dict[str, str | None] = {}

    def former(self, file: str) -> str:
        """The path that a file of the project had."""
        return self.renamed.get(file, file)

    def read(self, file: str) -> str | None:
        """The text of a file as it was, by its path then; None when it was not there."""
        if file not in self._texts:
            self.fetch([file])
        return self._texts[file]

    def fetch(self, files: Iterable[str]) -> None:
        """Read many files with one process."""
        wanted = [file for file in files if file not in self._texts]
        if not wanted:
            return
        names = "".join(f"{self.commit}:{self._from_top(file)}\n" for file in wanted)
        command = ["git", "-C", str(self.root), "cat-file", "--batch"]
        done = subprocess.run(command, input=names.encode(), capture_output=True, timeout=_SECONDS, check=False)
        if done.returncode:
            raise UsageError(f"git cannot read {self.revision}: {done.stderr.decode(errors='replace').strip()}")
        rest = done.stdout
        for file in wanted:
            head, _, rest = rest.partition(b"\n")
            if head.endswith(b" missing"):
                self._texts[file] = None
                continue
            size = int(head.rsplit(b" ", 1)[1])
            self._texts[file] = rest[:size].decode("utf-8-sig", errors="replace")
            rest = rest[size + 1 :]

    def files(self) -> list[str]:
        """Paths of the project's files as they were."""
        listed = self._git("ls-tree", "-r", "-z", "--name-only", self.commit, ".")
        return [name for name in listed.split("\0") if name]

    def _from_top(self, file: str) -> str:
        return (self.root.resolve() / file).relative_to(self.top.resolve()).as_posix()

    def _base(self, revision: str) -> str:
        try:
            self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except _GitSaid:
            remote = f"origin/{revision}"
            try:
                self._git("rev-parse", "--verify", "--quiet", f"{remote}^{{commit}}")
            except _GitSaid:
                hint = f"; {_deepen(revision)}" if self._shallow() else " (git branch --all lists them)"
                if not self._git("rev-list", "--all", "--max-count=1"):
                    hint = ": nothing is committed yet, so there is nothing to compare with"
                raise UsageError(f"git knows no revision {revision}{hint}") from None
            revision = remote
        try:
            return self._git("merge-base", revision, "HEAD").strip()
        except _GitSaid:
            if self._shallow():
                raise UsageError(
                    f"this is a shallow clone: where it left {revision} is not in it; "
                    "run git fetch --unshallow, or check out with fetch-depth: 0"
                ) from None
            raise UsageError(f"{revision} and HEAD have no commit in common") from None

    def _shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository").strip() == "true"

    def _renames(self) -> dict[str, str]:
        told = self._git(
            "diff", "--name-status", "-z", "--find-renames", "--diff-filter=R", "--relative", self.commit, "--"
        )
        parts = told.split("\0")
        return {parts[at + 2]: parts[at + 1] for at in range(0, len(parts) - 2, 3)}

    def _git(self, *arguments: str) -> str:
        try:
            command = ["git", "-C", str(self.root), *arguments]
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        except FileNotFoundError:
            raise UsageError("git is not installed") from None
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise _GitSaid(lines[-1] if lines else f"exit code {done.returncode}")
        return done.stdout.decode(errors="surrogateescape")


def _deepen(revision: str) -> str:
    """How to get a branch, tag or commit that a shallow clone lacks, and where this branch left it.

    Such a clone often follows one branch only: what else is fetched gets no name unless it is told one.
    """
    branch = revision.removeprefix("origin/")
    named = _BRANCH.fullmatch(branch) and not _COMMIT.fullmatch(branch)
    which = f" origin {branch}:refs/remotes/origin/{branch}" if named else ""
    return f"this is a shallow clone: run git fetch --unshallow{which}, or check out with fetch-depth: 0"


class _GitSaid(Exception):
    """What git said when it refused."""
