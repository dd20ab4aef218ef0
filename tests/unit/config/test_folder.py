from __future__ import annotations

import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from run_claude.config.folder import clear_folder, folder_profile, set_folder
from run_claude.config.model import Profile
from run_claude.config.settings import Settings, load_settings
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

DEMO, MINE = Profile(name="demo"), Profile(name="mine.2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_a_folder_selects_its_profile(settings: Settings, folder: Path) -> None:
    assert folder_profile(folder) == ""
    path = set_folder(settings, folder, DEMO)
    assert path == folder / ".envrc"
    assert folder_profile(folder) == "demo"
    assert 'eval "$(run-claude env demo --export)"' in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_it_names_another_instance(environ: dict[str, str], folder: Path) -> None:
    path = set_folder(load_settings(environ, instance="two"), folder, DEMO)
    assert "run-claude env demo --export --instance two)" in path.read_text()


def test_a_second_profile_takes_the_place_of_the_first(settings: Settings, folder: Path) -> None:
    set_folder(settings, folder, DEMO)
    set_folder(settings, folder, MINE)
    assert folder_profile(folder) == "mine.2"
    assert "demo" not in (folder / ".envrc").read_text()


@given(before=st.text(max_size=60), after=st.text(max_size=60))
@examples(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_what_else_is_in_the_file_stays(settings: Settings, folder: Path, before: str, after: str) -> None:
    path = folder / ".envrc"
    path.unlink(missing_ok=True)
    text = before.replace("\r", "")
    if text:
        path.write_bytes(text.encode("utf-8", "replace"))
    original = path.read_bytes() if path.exists() else b""
    set_folder(settings, folder, DEMO)
    tail = after.replace("\r", "").encode("utf-8", "replace")
    path.write_bytes(path.read_bytes() + tail)
    set_folder(settings, folder, MINE)
    assert clear_folder(folder)
    ending = b"\n" if original and not original.endswith(b"\n") else b""
    assert (path.read_bytes() if path.exists() else b"") == original + ending + tail
    assert not clear_folder(folder)


def test_mode_and_link_of_the_file_stay(settings: Settings, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles"
    target.write_text("use nix\n")
    target.chmod(0o600)
    (folder / ".envrc").symlink_to(target)
    set_folder(settings, folder, DEMO)
    assert (folder / ".envrc").is_symlink()
    assert target.read_text().startswith("use nix\n# >>> run-claude >>>")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("# <<< run-claude <<<\n", ""),
        lambda text: text.partition("\n")[2],
        lambda text: text + text,
    ],
)
def test_a_damaged_block_is_named_and_nothing_changed(settings: Settings, folder: Path, spoil: object) -> None:
    assert callable(spoil)
    path = set_folder(settings, folder, DEMO)
    path.write_text("first\n" + spoil(path.read_text()))
    before = path.read_text()
    for call in (
        lambda: set_folder(settings, folder, MINE),
        lambda: clear_folder(folder),
        lambda: folder_profile(folder),
    ):
        with pytest.raises(ConfigError, match=r"\.envrc:\d+: "):
            call()
    assert path.read_text() == before


def test_no_key_is_in_the_file(environ: dict[str, str], folder: Path) -> None:
    settings = load_settings({**environ, "LITELLM_MASTER_KEY": "sk-planted-0123456789abcdef"})
    assert "planted" not in set_folder(settings, folder, DEMO).read_text()


def test_bash_takes_the_environment_over_as_direnv_does(settings: Settings, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "run-claude"
    fake.write_text("#!/bin/sh\necho \"export SEEN='$*'\"\n")
    fake.chmod(0o755)
    path = set_folder(settings, folder, DEMO)
    # The two words of direnv's own that are used.
    script = 'has() { type "$1" >/dev/null 2>&1; }; watch_file() { :; }; . "$0"; printf %s "${SEEN-none}"'
    for search, seen in ((f"{fake.parent}:/usr/bin:/bin", "env demo --export"), ("/usr/bin:/bin", "none")):
        answer = subprocess.run(
            [shutil.which("bash") or "bash", "-euc", script, str(path)],
            capture_output=True,
            text=True,
            env={"PATH": search},
        )
        assert (answer.stdout, answer.stderr) == (seen, "")


def test_direnv_takes_the_environment_over(settings: Settings, folder: Path, tmp_path: Path) -> None:
    if shutil.which("direnv") is None:
        pytest.skip("no direnv here")
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "run-claude"
    fake.write_text("#!/bin/sh\necho \"export SEEN='$*'\"\n")
    fake.chmod(0o755)
    set_folder(settings, folder, DEMO)
    environ = {"PATH": f"{fake.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    subprocess.run(["direnv", "allow", folder], check=True, capture_output=True, env=environ)
    seen = subprocess.run(
        ["direnv", "exec", folder, "printenv", "SEEN"], check=True, capture_output=True, text=True, env=environ
    )
    assert seen.stdout == "env demo --export\n"
