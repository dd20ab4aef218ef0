from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from run_claude.config.secrets import DATABASE_PASSWORD
from run_claude.deploy.initialize import ensure_initialized
from run_claude.deploy.migration import migrate
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.settings import Settings

    Write = Callable[[str, str], Path]

pytestmark = pytest.mark.usefixtures("packaged")


def test_old_values_are_added_and_what_is_there_counts(settings: Settings, write: Write) -> None:
    old = settings.paths.state / ".env"
    old.parent.mkdir(parents=True)
    old.write_text(f"{DATABASE_PASSWORD}='old one'\nXAI_API_KEY=x\n")
    write(".env", "# mine\nXAI_API_KEY=x\n")
    notes = migrate(settings.paths)
    assert notes == [f"Moved the values of {old} to {settings.paths.env_file}."]
    assert not old.exists()
    assert settings.paths.env_file.read_text() == f"# mine\nXAI_API_KEY=x\n{DATABASE_PASSWORD}='old one'\n"
    assert migrate(settings.paths) == []


def test_values_that_differ_stay_where_they_are_and_are_named_without_themselves(
    settings: Settings, write: Write
) -> None:
    old = settings.paths.state / ".env"
    old.parent.mkdir(parents=True)
    old.write_text("A_KEY=planted-old\nB_KEY=b\n")
    write(".env", "A_KEY=planted-new\n")
    (note,) = migrate(settings.paths)
    assert str(old) in note
    assert "A_KEY" in note
    assert "planted" not in note
    assert old.read_text() == "A_KEY=planted-old\nB_KEY=b\n"
    assert settings.paths.env_file.read_text() == "A_KEY=planted-new\nB_KEY=b\n"


def test_the_old_secrets_file_is_taken_over_without_its_placeholders(settings: Settings, write: Write) -> None:
    old = write(
        ".secrets", 'ANTHROPIC_API_KEY: "sk-your-key-here"\nOPENAI_API_KEY: \'a "b" $c\'\nPORT: 12\nEMPTY: null\n'
    )
    migrate(settings.paths)
    env = settings.environment()
    assert {name: value for name, (value, _) in env.file.items()} == {"OPENAI_API_KEY": 'a "b" $c', "PORT": "12"}
    assert not old.exists()
    assert stat.S_IMODE(settings.paths.env_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [("state/.env", "A=1\nB 2\n", ".env:2"), ("config/.secrets", "A: 1\nB: [1]\n", ".secrets:2")],
)
def test_an_old_file_that_cannot_be_read_is_named_and_kept(
    settings: Settings, tmp_path: Path, name: str, text: str, where: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        ensure_initialized(settings)
    assert where in raised.value.message
    assert path.read_text() == text
    assert not settings.paths.env_file.exists()
