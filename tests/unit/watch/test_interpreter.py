"""A service outlives the command that installs it; an interpreter in a cache does not."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from run_claude.errors import ConfigError
from run_claude.watch.interpreter import cleaned_folder, own_places, refuse_passing, source

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = "/home/u"


@pytest.mark.cause("interpreter-passing")
@pytest.mark.parametrize(
    ("prefix", "environ", "install"),
    [
        (f"{HOME}/.cache/uv/archive-v0/kFs3", {}, "`uv tool install run-claude`, then"),
        (f"{HOME}/.cache/uv/environments-v2/run-claude-8f", {}, "`uv tool install run-claude`, then"),
        ("/data/uv/archive-v0/kFs3", {"UV_CACHE_DIR": "/data/uv"}, "`uv tool install run-claude`, then"),
        (f"{HOME}/.local/share/pipx/.cache/5ad", {}, "`pipx install run-claude`, then"),
        (f"{HOME}/.cache/pipx/5ad", {}, "`pipx install run-claude`, then"),
        (f"{HOME}/Library/Caches/pipx/5ad", {}, "`pipx install run-claude`, then"),
        ("/data/cache/pipx/5ad", {"XDG_CACHE_HOME": "/data/cache"}, "`pipx install run-claude`, then"),
        ("/tmp/venv", {}, "`uv tool install run-claude` or `pipx install run-claude`, then"),
        (
            "/scratch/7/venv",
            {"TMPDIR": "/scratch/7"},
            "`uv tool install run-claude` or `pipx install run-claude`, then",
        ),
        ("/run/user/7/venv", {"XDG_RUNTIME_DIR": "/run/user/7"}, "`uv tool install run-claude` or `pipx install"),
    ],
)
def test_one_that_will_be_cleaned_up_is_refused_with_what_to_install(
    prefix: str, environ: Mapping[str, str], install: str
) -> None:
    with pytest.raises(ConfigError, match="cleaned up") as caught:
        refuse_passing([Path("/usr"), Path(prefix)], environ, "run-claude")
    assert caught.value.code == "interpreter-passing"
    assert prefix in caught.value.message
    assert install in caught.value.help


@pytest.mark.parametrize(
    "prefix",
    [
        "/usr",
        f"{HOME}/.local/share/uv/tools/run-claude",
        f"{HOME}/.local/share/uv/python/cpython-3.13.5-linux-x86_64-gnu",
        f"{HOME}/.local/share/pipx/venvs/run-claude",
        f"{HOME}/.local/pipx/venvs/run-claude",
        f"{HOME}/src/run-claude/.venv",
        "/opt/cache/venv",
    ],
)
def test_one_that_stays_is_taken(prefix: str) -> None:
    refuse_passing([Path(prefix)], {"XDG_CACHE_HOME": "", "TMPDIR": "not/absolute"}, "run-claude")


@pytest.mark.parametrize("folder", ["/", HOME])
def test_a_folder_of_everything_is_none_for_temporary_files(folder: str) -> None:
    assert cleaned_folder(Path(f"{HOME}/src/.venv"), {"TMPDIR": folder, "HOME": HOME}) is None


def test_a_cache_is_known_by_its_tag_and_an_environment_with_one_is_none(tmp_path: Path) -> None:
    stays = tmp_path / "project/.venv"
    for folder in (stays, tmp_path / "moved/archive-v0/kFs3"):
        folder.mkdir(parents=True)
        (folder / "pyvenv.cfg").touch()
    (stays / "CACHEDIR.TAG").touch()  # `uv venv` writes one
    (tmp_path / "moved/CACHEDIR.TAG").touch()
    temporary = cleaned_folder(stays, {})  # where the tests' own folders are, if that is one
    assert cleaned_folder(stays / "lib/run_claude", {}) == temporary
    assert cleaned_folder(tmp_path / "moved/archive-v0/kFs3", {}) == (tmp_path / "moved").resolve()


def test_a_link_does_not_hide_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "cache/venv").mkdir(parents=True)
    (tmp_path / "venv").symlink_to("cache/venv")
    found = cleaned_folder(tmp_path / "venv", {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert found == (tmp_path / "cache").resolve()


def test_environment_interpreter_and_package_are_looked_at() -> None:
    assert all(place.is_absolute() and place.exists() for place in own_places())
    assert len(list(own_places())) == 3


@pytest.mark.parametrize(
    ("origin", "install"),
    [
        (None, "run-claude"),
        ({"url": "https://example.org/run-claude", "vcs_info": {"vcs": "git"}}, "git+https://example.org/run-claude"),
        (
            {
                "url": "https://example.org/all",
                "vcs_info": {"vcs": "git", "requested_revision": "v2"},
                "subdirectory": "py",
            },
            "git+https://example.org/all@v2#subdirectory=py",
        ),
        ({"url": "file:///home/u/run-claude", "dir_info": {}}, "file:///home/u/run-claude"),
        ({"url": "https://me:planted@example.org/run-claude", "vcs_info": {"vcs": "git"}}, "run-claude"),
    ],
)
def test_what_to_install_is_what_this_was_installed_from(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, object] | None, install: str
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return json.dumps(origin) if origin else None

    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    assert source() == install
