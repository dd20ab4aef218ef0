"""1,000 malformed files: each loads or is refused with file and line; nothing else happens, and no file changes."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from run_claude.config.catalogue import load_catalogue
from run_claude.config.paths import Paths
from run_claude.config.secrets import ensure_secrets
from run_claude.config.settings import load_settings
from run_claude.deploy.litellm_config import render_litellm_config
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    ".env": (
        "# keys\nexport OPENAI_API_KEY='sk-planted-0123456789'\nLITELLM_PORT=4445\nRUN_CLAUDE_BIND=\"127.0.0.1\"\n"
        "LITELLM_MASTER_KEY=sk-0123456789abcdef0123456789abcdef\nRUN_CLAUDE_TIMESCALEDB_PASSWORD='a b${c}'\n"
    ),
    "models.yaml": (
        "models:\n  mine: &mine\n    description: text\n    litellm_params:\n      model: openai/${MY:-x}\n"
        "      api_key: os.environ/MY_KEY\n    needs: [A | B]\n    uses:\n      - C\n  two: {<<: *mine}\n"
        "  demo-opus: null\nlitellm_settings: {x: [1, 2.5, true]}\n"
    ),
    "profiles.yaml": (
        "profiles:\n  a:\n    extends: b\n    opus: gpt-6-astra\n    env: {X: 1}\n  b:\n    sonnet: demo-sonnet\n"
        "    models: [demo-haiku]\n"
    ),
}
_PIECES = st.sampled_from(
    [
        *("\n", "  ", ":", "- ", "'", '"', "{", "}", "[", "]", "#", "&a ", "*a", "<<: ", "null", "=", "\t", "\0", "${"),
        *("!!int ", "\x07", "\xff", "\u2028", "models:", "extends: a", "opus: a", "1", "%", "|", ">", "---", "export "),
        *("\\", "é"),
    ]
)
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # YAML counts more of them than an editor


@st.composite
def _spoiled(draw: st.DrawFn, *names: str) -> tuple[str, bytes]:
    """Return one of these good files with a few things done to it."""
    name = draw(st.sampled_from(names))
    text = GOOD[name]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(len(text), at + 12)))
        text = text[:at] + "".join(draw(st.lists(_PIECES, max_size=3))) + text[end:]
    data = text.encode("latin-1" if draw(st.booleans()) and max(map(ord, text), default=0) < 256 else "utf-8")
    return name, data


def emptied(folder: Path) -> Path:
    """Return the folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.mark.slow(13)
@pytest.mark.timeout(300)
@given(spoiled=_spoiled(*GOOD))
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_malformed_file_is_refused_with_file_and_line_or_loads(tmp_path: Path, spoiled: tuple[str, bytes]) -> None:
    name, data = spoiled
    folder = emptied(tmp_path / "malformed")
    for other, text in GOOD.items():
        (folder / other).write_text(text)
        (folder / other).chmod(0o600)
    (folder / name).write_bytes(data)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    environ = {"HOME": "/nonexistent", "RUN_CLAUDE_HOME": str(folder), "RUN_CLAUDE_STATE": str(folder / "state")}
    try:
        loaded = load_settings(environ)
        values = {key: loaded.environment().get(key) for key in loaded.environment().names()}
        render_litellm_config(load_catalogue(Paths.resolve(environ)), values)
    except ConfigError as error:
        assert str(folder) in error.message
        line = error.facts.get("line")
        assert isinstance(line, int) or "both have port" in error.message
        if isinstance(line, int):
            assert 1 <= line <= len(_BREAKS.findall(data.decode(errors="replace"))) + 1
        assert "planted" not in str(error.as_json())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@given(spoiled=_spoiled(".env"))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_malformed_env_file_is_never_written_over(tmp_path: Path, spoiled: tuple[str, bytes]) -> None:
    folder = emptied(tmp_path / "malformed")
    path = folder / ".env"
    path.write_bytes(spoiled[1])
    environ = {"HOME": "/nonexistent", "RUN_CLAUDE_HOME": str(folder), "RUN_CLAUDE_STATE": str(folder / "state")}
    try:
        ensure_secrets(load_settings(environ))
    except ConfigError:
        assert path.read_bytes() == spoiled[1]
    else:
        assert path.read_bytes().startswith(spoiled[1].rstrip(b"\n")) or b"LITELLM_MASTER_KEY" in spoiled[1]
