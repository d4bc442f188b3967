"""Make what a release of the last commit consists of, in an empty folder: `python .ci/release.py FOLDER`.

    tenor-*.whl, tenor_server-*.whl, and both as source archives
    requirements.txt    everything the server depends on, pinned by hash: `pip install --require-hashes -r`
    sbom.json           the same as a CycloneDX bill of materials
    SHA256SUMS          of all of these

Made twice from one commit the files are the same byte for byte. Nothing names the index they came from.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parent.parent


def run(*command: str, tree: Path, moment: str) -> str:
    """What uv prints."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": moment}
    return subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True, text=True).stdout


def of_commit(form: str) -> str:
    """A fact about the commit that is released, e.g. its moment."""
    command = ["git", "log", "-1", f"--format={form}"]
    return subprocess.run(command, cwd=SOURCE, check=True, capture_output=True, text=True).stdout.strip()


def bill(exported: dict[str, Any], commit: str) -> dict[str, Any]:
    """The bill of materials without moments and addresses of its own making; hashes and names stay."""
    for component in exported["components"]:
        hashes = {
            (each["alg"], each["content"])
            for reference in component.pop("externalReferences", [])
            for each in reference.get("hashes", [])
        }
        component["properties"] = [
            *component.get("properties", []),
            *({"name": f"hash:{algorithm}", "value": value} for algorithm, value in sorted(hashes)),
        ]
    exported.pop("serialNumber", None)
    exported["metadata"].pop("timestamp", None)
    exported["metadata"]["component"]["properties"] = [{"name": "vcs:commit", "value": commit}]
    return exported


def release(folder: Path) -> None:
    """Fill the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"release: {folder} is not empty")
    with tempfile.TemporaryDirectory() as temporary:
        # A release is of a commit, whatever lies in the working tree.
        tree = Path(temporary) / "tree"
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=SOURCE, check=True, capture_output=True).stdout
        tree.mkdir()
        subprocess.run(["tar", "--extract"], cwd=tree, input=archive, check=True)
        fill(folder.absolute(), tree, moment=of_commit("%ct"), commit=of_commit("%H"))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(sums))


def fill(folder: Path, tree: Path, *, moment: str, commit: str) -> None:
    """Build the wheels and say what they depend on."""
    run("uv", "build", "-q", "--all-packages", "--out-dir", str(folder), tree=tree, moment=moment)
    (folder / ".gitignore").unlink(missing_ok=True)
    export = ("uv", "export", "-q", "--no-dev", "--no-emit-workspace")
    plain = ("--no-annotate", "--no-header", "--format", "requirements-txt")
    (folder / "requirements.txt").write_text(run(*export, *plain, tree=tree, moment=moment))
    materials = ("--preview-features", "sbom-export", "--format", "cyclonedx1.5")
    exported = bill(json.loads(run(*export, *materials, tree=tree, moment=moment)), commit)
    (folder / "sbom.json").write_text(json.dumps(exported, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python .ci/release.py FOLDER")
    release(Path(sys.argv[1]))
