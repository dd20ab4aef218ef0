from __future__ import annotations

import stat
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.config import dotenv
from run_claude.config.paths import Paths
from run_claude.config.secrets import (
    DATABASE_PASSWORD,
    MASTER_KEY,
    SALT_KEY,
    ensure_secrets,
    provider_keys,
    read_master_key,
    read_secrets,
    rotate,
    store,
)
from run_claude.config.secrets_shown import export, masked, overview
from run_claude.config.settings import Settings, load_settings
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str, str], Path]

STRONG = "sk-" + "0123456789abcdef" * 3


COMPLETE = (
    f"{MASTER_KEY}={STRONG}\n{DATABASE_PASSWORD}=hunter2\n{SALT_KEY}=salty\nUI_USERNAME=me\nUI_PASSWORD=hunter3\n"
)


def test_missing_secrets_are_generated_strong_and_private(settings: Settings) -> None:
    notes = ensure_secrets(settings)
    path = settings.paths.env_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = read_secrets(settings)
    assert len(secrets.master_key) == 3 + 48
    assert len(secrets.database_password) == len(secrets.ui_password) == 48
    assert secrets.ui_username == "admin"
    assert secrets.salt_key.startswith("sk-")
    assert secrets.salt_key != secrets.master_key
    assert secrets.master_key not in "".join(notes)
    assert MASTER_KEY in notes[0]


def test_a_second_run_is_silent_and_changes_nothing(settings: Settings) -> None:
    ensure_secrets(settings)
    before = settings.paths.env_file.read_bytes()
    assert ensure_secrets(settings) == []
    assert settings.paths.env_file.read_bytes() == before


def test_what_the_user_wrote_stays(settings: Settings, write: Write) -> None:
    write(".env", f"# mine\nOPENAI_API_KEY=sk-x # work\n{MASTER_KEY}={STRONG}").chmod(0o600)
    ensure_secrets(settings)
    text = settings.paths.env_file.read_text()
    assert text.startswith(f"# mine\nOPENAI_API_KEY=sk-x # work\n{MASTER_KEY}={STRONG}\n{DATABASE_PASSWORD}=")
    assert read_master_key(settings) == STRONG


def test_an_open_file_is_closed_and_said(settings: Settings, write: Write) -> None:
    path = write(".env", COMPLETE)
    path.chmod(0o644)
    (note,) = ensure_secrets(settings)
    assert "0644" in note
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "key", ["sk-1234", "sk-" + "a" * 48, "secret-" + "0123456789abcdef" * 3, "sk-short", STRONG + " x"]
)
def test_a_weak_master_key_names_its_line_and_not_itself(settings: Settings, write: Write, key: str) -> None:
    path = write(".env", f"\n{MASTER_KEY}='{key}'\n")
    for use in (ensure_secrets, read_master_key):
        with pytest.raises(ConfigError) as raised:
            use(settings)
        assert raised.value.code == "master-key-refused"
        assert raised.value.message.startswith(f"{path}:2: {MASTER_KEY}: ")
        assert key not in str(raised.value.as_json())


def test_before_the_first_start_the_error_says_how_to_get_a_key(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no LITELLM_MASTER_KEY") as raised:
        read_master_key(settings)
    assert "secrets init" in raised.value.help


def test_the_process_wins_over_the_file(environ: dict[str, str], write: Write) -> None:
    write(".env", f"{COMPLETE}A_KEY=file\n")
    settings = load_settings({**environ, MASTER_KEY: STRONG[::-1].replace("-ks", ""), "A_KEY": "process"})
    with pytest.raises(ConfigError, match="in the environment"):
        read_master_key(settings)
    settings = load_settings({**environ, "A_KEY": "process"})
    assert read_secrets(settings, ["A_KEY"]).keys == {"A_KEY": "process"}


def test_two_at_once_generate_one_key(environ: dict[str, str]) -> None:
    barrier, keys = threading.Barrier(8), set()

    def run() -> None:
        settings = load_settings(environ)
        barrier.wait()
        ensure_secrets(settings)
        keys.add(read_master_key(settings))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 1


def test_the_master_key_is_never_taken_for_a_providers(environ: dict[str, str], write: Write) -> None:
    """In a shell with `run-claude env`'s variables OPENAI_API_KEY is the master key."""
    write(".env", f"{MASTER_KEY}={STRONG}\nOPENAI_API_KEY=sk-real\n")
    env = load_settings({**environ, "OPENAI_API_KEY": STRONG, "XAI_API_KEY": STRONG}).environment()
    assert provider_keys(env, ["OPENAI_API_KEY", "XAI_API_KEY", "GROQ_API_KEY"]) == {"OPENAI_API_KEY": "sk-real"}


OURS = "sk-" + "0123456789abcdef" * 3  # as run-claude generates them


@pytest.mark.parametrize("old", [OURS, "sk-a-key-of-the-users-own-from-before"])
def test_no_key_of_an_environment_for_clients_is_taken_for_a_providers(
    environ: dict[str, str], write: Write, old: str
) -> None:
    """After a rotation, or of another instance, it differs from the master key."""
    write(".env", f"{MASTER_KEY}={STRONG}\n")
    shell = {"RUN_CLAUDE_PROFILE": "demo", "OPENAI_API_KEY": old, "OPENAI_BASE_URL": "http://x", "XAI_API_KEY": "xai-1"}
    names = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "XAI_API_KEY"]
    assert provider_keys(load_settings({**environ, **shell}).environment(), names) == {"XAI_API_KEY": "xai-1"}
    write(".env", f"{MASTER_KEY}={STRONG}\nOPENAI_API_KEY=sk-real\n")
    kept = provider_keys(load_settings({**environ, **shell}).environment(), names)
    assert kept == {"XAI_API_KEY": "xai-1", "OPENAI_API_KEY": "sk-real"}


def test_a_key_of_our_form_is_no_providers_wherever_it_stands(environ: dict[str, str], write: Write) -> None:
    write(".env", f"{MASTER_KEY}={STRONG}\nGROQ_API_KEY={OURS}\n")
    env = load_settings({**environ, "OPENAI_API_KEY": OURS}).environment()
    assert provider_keys(env, ["OPENAI_API_KEY", "GROQ_API_KEY"]) == {}


def test_rotation_replaces_what_is_asked_for_and_nothing_else(settings: Settings, write: Write) -> None:
    write(".env", f"# mine\n{MASTER_KEY}={STRONG}\n{DATABASE_PASSWORD}='x y' # old\nA=1\n")
    fresh = rotate(settings, [DATABASE_PASSWORD])
    assert settings.paths.env_file.read_text() == (
        f"# mine\n{MASTER_KEY}={STRONG}\n{DATABASE_PASSWORD}={fresh[DATABASE_PASSWORD]} # old\nA=1\n"
    )
    assert rotate(settings, [MASTER_KEY])[MASTER_KEY] == read_master_key(settings) != STRONG
    assert settings.environment().get(DATABASE_PASSWORD) == fresh[DATABASE_PASSWORD]


def test_the_salt_key_outlives_every_rotation(settings: Settings) -> None:
    """What LiteLLM has encrypted with it stays readable."""
    ensure_secrets(settings)
    before = read_secrets(settings)
    rotate(settings, [MASTER_KEY, DATABASE_PASSWORD])
    after = read_secrets(settings)
    assert after.salt_key == before.salt_key
    assert after.master_key != before.master_key


def test_where_litellm_has_encrypted_with_the_master_key_that_becomes_the_salt_key(
    settings: Settings, write: Write
) -> None:
    write(".env", f"{MASTER_KEY}={STRONG}\n{DATABASE_PASSWORD}=x\n")
    fresh = rotate(settings, [MASTER_KEY])
    assert read_secrets(settings).salt_key == STRONG != fresh[MASTER_KEY]


def test_a_master_key_of_the_users_own_is_no_salt_key(settings: Settings, write: Write) -> None:
    write(".env", f"{MASTER_KEY}={STRONG}\n")
    ensure_secrets(settings)
    assert read_secrets(settings).salt_key not in ("", STRONG)


def test_a_secret_that_the_process_sets_cannot_be_rotated(environ: dict[str, str], write: Write) -> None:
    path = write(".env", f"{MASTER_KEY}={STRONG}\n")
    with pytest.raises(ConfigError) as raised:
        rotate(load_settings({**environ, MASTER_KEY: STRONG}), [MASTER_KEY])
    assert raised.value.code == "secret-overridden"
    assert path.read_text() == f"{MASTER_KEY}={STRONG}\n"


def test_secrets_show_in_no_repr(settings: Settings, write: Write) -> None:
    write(".env", f"{COMPLETE}A_KEY=planted\n")
    secrets = read_secrets(settings, ["A_KEY"])
    hidden = (secrets.master_key, secrets.database_password, secrets.salt_key, secrets.ui_password, "planted")
    assert not any(value in repr(secrets) for value in hidden)


@given(st.text(max_size=80))
def test_a_masked_value_does_not_tell_the_value(value: str) -> None:
    shown = masked(value)
    assert not value or value not in shown
    assert len([char for char in shown.split(" ")[0] if char != "…"]) <= 7


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30))
def test_bash_reads_an_exported_value_back(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    folder = tmp_path_factory.mktemp("export")
    settings = Settings(instance="run-claude", paths=Paths(folder, folder))
    settings.paths.env_file.write_bytes(f"PLANTED={dotenv.quote(value)}\n'not a name'=1\n".encode())
    export(settings, folder / "out")
    script = '. "$0"; printf "%s." "$PLANTED"'
    answer = subprocess.run(["bash", "-c", script, folder / "out"], capture_output=True, check=True, env={})
    assert answer.stdout == value.encode() + b"."


def test_an_export_is_private_and_overwrites_nothing(settings: Settings, write: Write, tmp_path: Path) -> None:
    write(".env", "A=1\n")
    path = tmp_path / "out"
    export(settings, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="already exists"):
        export(settings, path)


def test_an_overview_shows_what_is_set_and_where_but_no_value(environ: dict[str, str], write: Write) -> None:
    path = write(".env", f"{MASTER_KEY}={STRONG}\nA_KEY=planted-0123456789\n")
    rows = overview(load_settings({**environ, "B_KEY": "planted-9876543210"}), ["B_KEY", "A_KEY", "C_KEY"])
    assert [(name, origin) for name, origin, _ in rows] == [
        (MASTER_KEY, f"{path}:1"),
        ("A_KEY", f"{path}:2"),
        ("B_KEY", "B_KEY (in the environment)"),
    ]
    assert "0123" not in str(rows)


def test_stored_values_are_read_back(settings: Settings, write: Write) -> None:
    write(".env", "# mine\nA=1\n")
    store(settings, {"A": "a'b $c", "B": "#"})
    found = settings.environment().file
    assert (found["A"][0], found["B"][0]) == ("a'b $c", "#")
    assert settings.paths.env_file.read_text().startswith("# mine\n")
