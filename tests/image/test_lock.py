"""What the image is made of is settled before it is built."""

from __future__ import annotations

import json
import re

import pytest

from .project import REPOSITORY

DEP = REPOSITORY / "dep"
LOCKS = ["requirements.txt", "requirements-build.txt", "requirements-prisma.txt"]
NPM = ["litellm/prisma/cli", "litellm/prisma/engines"]  # Prisma's command line, and its engines
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_each_locked_package_is_pinned_and_has_hashes(name: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (DEP / name).read_text().split("\n", 2)[2])
    assert blocks
    for block in blocks:
        assert PINNED.match(block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


@pytest.mark.parametrize(
    "name", [*LOCKS, *(f"{folder}/package{part}.json" for folder in NPM for part in ("", "-lock"))]
)
def test_a_lock_names_no_host_and_no_path_of_the_machine_it_was_made_on(name: str) -> None:
    text = (DEP / name).read_text()
    assert not re.search(r"https?:|file:|--index|--find-links|/(home|root|work|tmp|opt)/", text)


@pytest.mark.parametrize("folder", NPM)
def test_npm_packages_are_pinned_and_locked_with_hashes(folder: str) -> None:
    packages = json.loads((DEP / folder / "package-lock.json").read_text())["packages"]
    root = packages.pop("")
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    wanted = root["dependencies"] | root.get("devDependencies", {})
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}


def test_the_lock_is_of_the_requirements_as_they_are() -> None:
    locked = dict(PINNED.findall((DEP / "requirements.txt").read_text()))
    for line in (DEP / "requirements.in").read_text().splitlines():
        if found := re.match(r"([a-z0-9-]+)(?:\[\w+\])?(?:==(\S+))?", line):
            assert found[1] in locked
            assert found[2] in (None, locked[found[1]])


def test_what_the_proxy_does_not_need_is_installed_nowhere() -> None:
    lock = (DEP / "requirements.txt").read_text()
    for line in (DEP / "overrides.txt").read_text().splitlines():
        if found := re.match(r"([a-z0-9-]+) ;", line):
            assert re.findall(rf"^{found[1]}==.*; (.*) \\$", lock, re.MULTILINE) == ["sys_platform == 'never'"]


def test_no_release_is_one_of_those_that_carried_malware() -> None:
    assert dict(PINNED.findall((DEP / "requirements.txt").read_text()))["litellm"] not in {"1.82.7", "1.82.8"}
