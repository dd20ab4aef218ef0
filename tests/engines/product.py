"""run-claude as it is carried to a machine: with the packages of its lock, as that machine's Python takes them."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engine.instance import docker

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FOLDER", "pack"]

FOLDER = "/opt/run-claude"  # on the machine; anybody can read it
_REPOSITORY = Path(__file__).parents[2]
_INSTALL_WITHIN = 300  # seconds


def pack(archive: Path, release: Mapping[str, str]) -> None:
    """Write the release (of `tests/stand_in`; the repository's own without one) and its packages into an archive."""
    root = Path(release.get("PYTHONPATH", _REPOSITORY))
    with tarfile.open(archive, "w", dereference=True) as tar:
        for name in ("run_claude", "callbacks", "dep"):
            tar.add(root / name, f"{FOLDER[1:]}/{name}", filter=_for_anybody)
        tar.add(_packages(), f"{FOLDER[1:]}/packages", filter=_for_anybody)


def _for_anybody(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if Path(entry.name).name == "__pycache__":
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry


def _python() -> str:
    """Return the version of the machine's Python, such as 3.14: that of a release that moves."""
    say = "import sys; print(*sys.version_info[:2], sep='.')"
    image = os.environ["RUN_CLAUDE_MACHINE_IMAGE"]
    return docker("run", "--rm", "--network", "none", image, "python3", "-c", say)


def _packages() -> Path:
    """Return the folder of the locked packages for the machine's Python; installed once for each lock."""
    lock = _REPOSITORY / "requirements/run.txt"
    python = _python()
    folder = Path(sys.prefix) / f"machine-{python}-{zlib.crc32(lock.read_bytes()):08x}"
    with Path(f"{folder}.lock").open("w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        if not folder.exists():
            for old in folder.parent.glob("machine-*-*[!k]"):
                shutil.rmtree(old)
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            tags = [f"manylinux_2_{minor}_{platform.machine()}" for minor in (28, 17)]
            command = [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
                *("--require-hashes", "--no-deps", "--only-binary=:all:", f"--python-version={python}"),
                *(f"--platform={tag}" for tag in (*tags, f"manylinux2014_{platform.machine()}")),
                *("--target", str(partial), "-r", str(lock)),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN, check=False)
            assert done.returncode == 0, done.stderr
            partial.rename(folder)
    return folder
