"""Lay the container's root into an empty folder: `python .ci/image.py FOLDER`.

The root holds the interpreter, its standard library, the C libraries that anything in it links to, both wheels
with what they depend on, and nothing else: no shell, no package manager. The Dockerfile calls this (`./do image`),
and a test starts the server from such a folder, because not every machine has a container engine.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
USER = 10001
# Parts of the standard library that no server needs; the largest is its own test suite.
LEFT_OUT = ("site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__")
LEFT_OUT_FILES = ("_tkinter*.so", "_test*.so", "_dbm*.so", "_gdbm*.so", "_curses*.so", "readline*.so", "config-*")

LAUNCHER = """#!/usr/local/bin/{python}
from {module} import main
raise SystemExit(main())
"""
COMMANDS = {"tenor-server": "registry.cli", "tenor": "tenor.cli"}
ETC = {
    "passwd": f"root:x:0:0:root:/:/nologin\ntenor:x:{USER}:{USER}:tenor:/data:/nologin\n",
    "group": f"root:x:0:\ntenor:x:{USER}:\n",
    "nsswitch.conf": "hosts: files dns\n",
}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def interpreter(root: Path) -> Path:
    """Copy the interpreter and its standard library below `usr/local`; the folder of its packages."""
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = root / "usr/local/lib" / python
    shutil.copytree(
        sysconfig.get_path("stdlib"), library, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT, *LEFT_OUT_FILES)
    )
    binaries = root / "usr/local/bin"
    binaries.mkdir(parents=True)
    shutil.copy2(Path(sys.base_prefix) / "bin" / python, binaries / python)
    for name, module in COMMANDS.items():
        launcher = binaries / name
        launcher.write_text(LAUNCHER.format(python=python, module=module))
        launcher.chmod(0o755)
    # Debian's own interpreter looks for packages under another name.
    (library / "dist-packages").symlink_to("site-packages")
    return library / "site-packages"


def packages(folder: Path) -> None:
    """Build both wheels and install them with their pinned dependencies, and what `tenor` reads tenor.yaml with."""
    with tempfile.TemporaryDirectory() as built:
        subprocess.run(["uv", "build", "-q", "--all-packages", "--wheel", "--out-dir", built], cwd=SOURCE, check=True)
        where = ["--python", sys.executable, "--target", str(folder), "--link-mode", "copy"]
        what = ["--constraint", str(SOURCE / "constraints.txt"), *map(str, Path(built).glob("*.whl")), "pyyaml"]
        # Run away from the checkout: nothing of it may be found by accident.
        subprocess.run(["uv", "pip", "install", "-q", *where, *what], cwd=built, check=True)
    shutil.rmtree(folder / "bin", ignore_errors=True)  # commands with the builder's paths in them


def linked(binaries: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """The C libraries that binaries load: (where it lies here, the name they ask for). Raises SystemExit."""
    for binary in binaries:
        for line in subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout.splitlines():
            if "not found" in line:
                raise SystemExit(f"image: {binary} needs a library that is not here: {line.strip()}")
            if match := re.match(r"\s*(?:(\S+) => )?(/\S+) \(", line):
                yield Path(match[2]), match[1] or match[2]


def libraries(root: Path) -> None:
    """Copy the C libraries to where the loader looks without being told."""
    home = root / "lib" / str(sysconfig.get_config_var("MULTIARCH") or "")
    home.mkdir(parents=True)
    binaries = [*(root / "usr/local/bin").glob("python*"), *root.rglob("*.so"), *root.rglob("*.so.*")]
    for path, name in sorted(set(linked(binaries))):
        if root in path.parents:
            continue  # a wheel brings its own
        target = root / name[1:] if name.startswith("/") else home / name  # the loader itself has a fixed place
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(path.resolve(), target)


def configuration(root: Path) -> None:
    """The few files and folders that a C library and the server expect."""
    (root / "etc/ssl/certs").mkdir(parents=True)
    for name, text in ETC.items():
        (root / "etc" / name).write_text(text)
    if CERTIFICATES.exists():
        shutil.copy2(CERTIFICATES, root / "etc/ssl/certs")
    for name, mode in (("tmp", 0o1777), ("data", 0o750)):
        (root / name).mkdir()
        (root / name).chmod(mode)
    if os.geteuid() == 0:
        os.chown(root / "data", USER, USER)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: ./do image FOLDER", file=sys.stderr)
        return 2
    root = Path(arguments[0]).resolve()
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        print(f"image: {root} is not empty", file=sys.stderr)
        return 2
    packages(interpreter(root))
    libraries(root)
    configuration(root)
    # Byte code with times in it would be refused once a layer has rewritten them.
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(root), "--invalidation-mode", "unchecked-hash"]
    return subprocess.run([*command, str(root / "usr/local/lib")], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
