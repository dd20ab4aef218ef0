"""The environment of this repository is installed from locks: every package by its hash, from any index."""

from __future__ import annotations

import re
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
