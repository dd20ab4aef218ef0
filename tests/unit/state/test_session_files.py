from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from run_claude.state.session_files import session_file

if TYPE_CHECKING:
    from run_claude.config.paths import Paths

_NO_PROCESS = 2**22 + 1  # over the highest that Linux gives


def test_a_file_is_private_and_lasts_as_long_as_its_session(paths: Paths) -> None:
    with session_file(paths, {"env": {"KEY": "sk-planted"}}) as path:
        assert path is not None
        assert json.loads(path.read_text()) == {"env": {"KEY": "sk-planted"}}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(paths.sessions.stat().st_mode) == 0o700
    assert not paths.sessions.exists()


def test_it_goes_when_the_session_fails(paths: Paths) -> None:
    with pytest.raises(KeyboardInterrupt), session_file(paths, {}):
        raise KeyboardInterrupt
    assert not paths.sessions.exists()


def test_what_a_killed_session_has_left_goes_with_the_next(paths: Paths) -> None:
    paths.sessions.mkdir(parents=True)
    for name in (str(_NO_PROCESS), "9" * 40, "x"):
        (paths.sessions / f"{name}.json").write_text("sk-planted")
    living = paths.sessions / "1.json"
    living.write_text("{}")
    with session_file(paths, {}) as path:
        assert set(paths.sessions.iterdir()) == {living, path}
    assert list(paths.sessions.iterdir()) == [living]


def test_without_settings_there_is_no_file(paths: Paths) -> None:
    with session_file(paths, None) as path:
        assert path is None
    assert not paths.sessions.exists()
