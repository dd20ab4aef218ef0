from __future__ import annotations

from pathlib import Path

import pytest

from run_claude.config.paths import Paths
from run_claude.errors import ConfigError


@pytest.mark.parametrize(
    ("environ", "config", "state"),
    [
        pytest.param({}, "/h/.config/run-claude", "/h/.local/state/run-claude", id="home"),
        pytest.param({"XDG_CONFIG_HOME": "/c"}, "/c/run-claude", "/h/.local/state/run-claude", id="xdg config"),
        pytest.param({"XDG_STATE_HOME": "/s"}, "/h/.config/run-claude", "/s/run-claude", id="xdg state"),
        pytest.param(
            {"XDG_CONFIG_HOME": "c"}, "/h/.config/run-claude", "/h/.local/state/run-claude", id="relative xdg"
        ),
        pytest.param({"RUN_CLAUDE_HOME": "/r", "XDG_CONFIG_HOME": "/c"}, "/r", "/h/.local/state/run-claude", id="own"),
        pytest.param({"RUN_CLAUDE_HOME": "~/r"}, "/h/r", "/h/.local/state/run-claude", id="tilde"),
        pytest.param({"RUN_CLAUDE_STATE": "/t"}, "/h/.config/run-claude", "/t", id="own state"),
        pytest.param({"RUN_CLAUDE_HOME": ""}, "/h/.config/run-claude", "/h/.local/state/run-claude", id="empty"),
    ],
)
def test_folders_follow_the_environment(environ: dict[str, str], config: str, state: str) -> None:
    paths = Paths.resolve({"HOME": "/h", **environ})
    assert (str(paths.config), str(paths.state)) == (config, state)


def test_a_relative_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    paths = Paths.resolve({"RUN_CLAUDE_HOME": "mine", "RUN_CLAUDE_STATE": "../state"})
    assert paths.config == tmp_path / "mine"
    assert paths.state == tmp_path.parent / "state"


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_the_error_says_what_to_set(home: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as raised:
        Paths.resolve(home)
    assert raised.value.code == "no-home"
    assert "RUN_CLAUDE_HOME" in raised.value.help


def test_no_home_is_needed_where_both_folders_are_named() -> None:
    assert Paths.resolve({"RUN_CLAUDE_HOME": "/c", "RUN_CLAUDE_STATE": "/s"}).config == Path("/c")


def test_instances_share_settings_and_nothing_else() -> None:
    one, two = Paths.resolve({"HOME": "/h"}), Paths.resolve({"HOME": "/h"}, "two")
    assert one.env_file == two.env_file
    assert one.services == two.services
    assert one.litellm_config.name == "litellm_config.yaml"
    assert two.litellm_config.name == "litellm_config.two.yaml"
    for name in ("lock_file", "intent_file", "history_file", "compose_env_file", "litellm_secrets", "database_secret"):
        assert getattr(one, name) != getattr(two, name)
