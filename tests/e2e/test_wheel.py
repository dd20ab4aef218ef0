"""The wheel alone, in an empty environment and an empty folder: compose file and image sources travel in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it into an environment of its own, and return its `run-claude`.

    Beside it is what it says that it requires, and nothing else: as it is installed here, for pip's look for newer ones
    costs 6 s of CPU.
    """
    folder = tmp_path_factory.mktemp("wheel")
    # The sources alone: a build from the working tree would pick up what lies around in it.
    copy = folder / "sources"
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(copy)], check=True)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("run_claude-*.whl")
    venv.create(folder / "venv")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "venv/bin/python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-compile", "--no-index", "--no-deps", str(wheel)], check=True, capture_output=True)
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    (installed,) = distributions(path=[str(packages)], name="run-claude")
    for distribution in required(installed):
        for top in {Path(file).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            (packages / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "venv/bin/run-claude"


def required(distribution: Distribution) -> list[Distribution]:
    """Return what a distribution requires, and what that requires in turn."""
    found: dict[str, Distribution] = {}
    wanted = [Requirement(line) for line in distribution.requires or ()]
    while wanted:
        requirement = wanted.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in found:
            found[name] = Distribution.from_name(name)
            wanted += [Requirement(line) for line in found[name].requires or ()]
        assert requirement.specifier.contains(found[name].version), f"{requirement} is not what is installed here"
    return list(found.values())


def test_the_wheel_is_enough_to_set_up_and_to_print_the_environment(command: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [command, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("install", "--no-build")
    services = home / ".config/run-claude/services"
    for name in ("docker-compose.yaml", "litellm.Dockerfile", "requirements.txt", "callbacks/demo_provider.py"):
        assert (services / name).is_file(), name
    assert json.loads(run("env", "demo", "--json"))["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:4444"
    assert (home / ".config/run-claude/.env").stat().st_mode & 0o777 == 0o600
