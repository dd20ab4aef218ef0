"""The environment of this repository is installed from locks: every package by its hash, from any index."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {path.stem: path.read_text() for path in (ROOT / "requirements").glob("*.txt")}


def locked(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return version and hashes of each package; of several for several Pythons, each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        if named := re.match(r"([a-z0-9][a-z0-9.-]*)==(\S+)", entry):
            found.setdefault(named[1], []).append((named[2], entry))
    return found


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group."""
    rows = PROJECT["dependency-groups"][name]
    return [text for row in rows for text in ([row] if isinstance(row, str) else group(row["include-group"]))]


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_nothing_names_where_it_comes_from(name: str) -> None:
    entries = [entry for versions in locked(LOCKS[name]).values() for _, entry in versions]
    assert len(entries) > 20
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert "://" not in LOCKS[name]
    assert "--index" not in LOCKS[name]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_what_the_project_asks_for_in_a_version_that_it_allows(name: str) -> None:
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"], "editables"]
    wanted += [] if name == "run" else group(name)
    there = locked(LOCKS[name])
    for requirement in map(Requirement, wanted):
        versions = there.get(requirement.name.lower(), [])
        assert versions, f"run scripts/lock --host: {requirement} is not in requirements/{name}.txt"
        assert all(requirement.specifier.contains(version) for version, _ in versions), requirement


def test_what_is_run_is_what_is_tested() -> None:
    tested = locked(LOCKS["dev"])
    for name, versions in locked(LOCKS["run"]).items():
        assert {version for version, _ in versions} <= {version for version, _ in tested[name]}, name


def test_the_environment_is_installed_by_hash_alone() -> None:
    script = (ROOT / "scripts/venv").read_text()
    installs = [line for line in script.splitlines() if "pip install" in line and not line.startswith("#")]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


LINUX = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu")
MACOS = ("aarch64-apple-darwin", "x86_64-apple-darwin")
# What is installed where: the image is Linux's, run-claude itself is macOS's as well, and its tests run on both.
INSTALLED = [
    *((path, "3.13", platform) for path in sorted((ROOT / "dep").glob("requirements*.txt")) for platform in LINUX),
    *((ROOT / "requirements/run.txt", "3.11", platform) for platform in (*LINUX, *MACOS)),
    *((ROOT / "requirements/dev.txt", "3.11", platform) for platform in (LINUX[0], *MACOS)),
]


@pytest.mark.slow(20)
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("lock", "python", "platform"), INSTALLED, ids=[f"{row[0].name}-{row[2]}" for row in INSTALLED]
)
def test_every_package_has_a_wheel_of_a_locked_hash_for_each_platform(
    tmp_path: Path, lock: Path, python: str, platform: str
) -> None:
    """Ask the index for names and hashes, and download no package: uv resolves as on that platform, and stops there."""
    target = tmp_path / "nothing"
    command = [
        *(sys.executable, "-m", "uv", "--cache-dir", f"{sys.prefix}/cache/uv", "pip", "install", "--dry-run"),
        *(
            "--python",
            sys.executable,
            "--target",
            str(target),
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ),
        *("--no-binary", "forbiddenfruit"),  # of the tests, through blockbuster; released as source only
        *("--python-version", python, "--python-platform", platform, "-r", str(lock)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for _ in range(2):  # an index may have a hiccup; what uv cannot resolve stays so
        if done.returncode != 0 and "No solution found" not in done.stderr:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"^ \+ (\S+)==", done.stderr, re.MULTILINE))
    packages = locked(lock.read_text())
    everywhere = {
        name for name, versions in packages.items() if any(" ; " not in entry.splitlines()[0] for _, entry in versions)
    }
    assert everywhere <= found <= set(packages)
