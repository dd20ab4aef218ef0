"""Our changes to LiteLLM: applied where they fit, and an error of the build where they do not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.exchanges import EXCHANGES
from tests.conformance.target import TARGETS

FOLDER = Path(__file__).parents[2] / "dep/litellm/patches"
PATCHES = {path.stem: tomllib.loads(path.read_text()) for path in FOLDER.glob("*.toml")}
LOCKED = (FOLDER.parents[1] / "requirements.txt").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An environment with a package named litellm, in which every patch fits."""
    for patch in PATCHES.values():
        file = tmp_path / patch["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    about = tmp_path / "litellm-1.106.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 1.106.2\n")
    return tmp_path


def apply(site: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "apply.py"
    if not script.exists():
        script.write_text((FOLDER / "apply.py").read_text())
    environment = {"PYTHONPATH": str(site), "PATH": ""}
    command = [sys.executable, "-B", str(script), str(site)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def patch(folder: Path, **changes: str) -> None:
    fields = {"litellm": "1.106.2", "file": "litellm/a.py", "old": "x = 1", "new": "x = 2", **changes}
    folder.mkdir(exist_ok=True)
    head = f'litellm = "{fields["litellm"]}"\nfile = "{fields["file"]}"\n'
    (folder / "one.toml").write_text(f'{head}[[replace]]\nold = "{fields["old"]}"\nnew = "{fields["new"]}"\n')


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_says_what_it_is_for(name: str) -> None:
    known = PATCHES[name]
    assert known["issue"].startswith("https://github.com/BerriAI/litellm/")
    assert known["why"]
    assert f"litellm=={known['litellm']} " in LOCKED, "read the file in the locked release, and write its version down"
    for case in known["needed_by"]:
        exchange, _, target = case.partition("@")
        assert EXCHANGES[exchange].targets(TARGETS[target])


def test_a_patch_that_fits_is_applied_and_compiled(site: Path, tmp_path: Path) -> None:
    patch(tmp_path / "patches")
    file = site / "litellm/a.py"
    file.write_text("x = 1\n")
    done = apply(site, tmp_path / "patches")
    assert done.returncode == 0, done.stderr
    assert file.read_text() == "x = 2\n"
    assert Path(importlib.util.cache_from_source(str(file))).parent.is_dir()


@pytest.mark.parametrize(
    ("changes", "content", "words"),
    [
        ({"litellm": "1.109.1"}, "x = 1", "read in LiteLLM 1.109.1, and 1.106.2 is installed"),
        ({}, "y = 1", "text 1 is 0 times in litellm/a.py"),
        ({}, "x = 1; x = 1", "text 1 is 2 times in litellm/a.py"),
        ({"file": "litellm/gone.py"}, "x = 1", "has no litellm/gone.py"),
    ],
    ids=["another release", "changed", "twice", "gone"],
)
def test_one_that_does_not_fit_ends_the_build_and_changes_nothing(
    site: Path, tmp_path: Path, changes: dict[str, Any], content: str, words: str
) -> None:
    patch(tmp_path / "patches", **changes)
    file = site / "litellm/a.py"
    file.write_text(content)
    done = apply(site, tmp_path / "patches")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_text() == content
