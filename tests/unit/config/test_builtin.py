"""The built-in models against the LiteLLM that the image has: its price table, its providers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from run_claude.config.builtin.models import builtin_models
from run_claude.config.builtin.profiles import builtin_profiles

LOCK = Path(__file__).parents[3] / "dep" / "requirements.txt"
PRICES = "litellm/model_prices_and_context_window_backup.json"
PROVIDERS = "litellm/types/utils.py"

LOOKED_OVER = "2026-11-23"  # when the models were last chosen: none was on its way out then
_LOCAL = {"ollama_chat", "hosted_vllm", "lm_studio"}  # what they serve is the user's
_PRICED_AS = {"bedrock": ("bedrock_converse",), "vertex_ai": ("vertex_ai-anthropic_models", "vertex_ai")}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the price table and the providers of the locked LiteLLM; downloaded once, by the lock's hashes."""
    requirement = re.search(r"^litellm==(\S+).*?(?=^\S)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    assert requirement is not None
    cached = Path(sys.prefix) / "cache" / f"litellm-{requirement[1]}.json"
    if not cached.exists():
        folder = tmp_path_factory.mktemp("wheel")
        (folder / "lock.txt").write_text(requirement[0])
        download = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
                *("--only-binary", ":all:", "--require-hashes", "--dest", folder, "-r", folder / "lock.txt"),
            ],
            capture_output=True,
            text=True,
        )
        if download.returncode != 0 and "CI" not in os.environ:
            pytest.skip(f"the locked LiteLLM cannot be downloaded: {download.stderr.strip()[-300:]}")
        assert download.returncode == 0, download.stderr
        (wheel,) = folder.glob("litellm-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            enum = archive.read(PROVIDERS).decode().partition("class LlmProviders")[2].partition("\nclass ")[0]
            found = {"prices": json.loads(archive.read(PRICES)), "providers": re.findall(r'= "([a-z0-9_]+)"', enum)}
        cached.parent.mkdir(exist_ok=True)
        partial = cached.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(found))
        partial.rename(cached)
    loaded: dict[str, Any] = json.loads(cached.read_text())
    return loaded


def _id(model: str) -> str:
    """Return a model's id with the default of a variable in it."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", model)


def _row(locked: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a model's row of the price table; ``None`` for what is not in it by its nature."""
    provider, _, id = _id(builtin_models()[name].id).partition("/")
    if provider in _LOCAL:
        return None
    prices = locked["prices"]
    if provider == "openrouter":  # has its vendors' models, with dots in versions
        vendor, _, id = id.partition("/")
        row = prices.get(id) or prices.get(id.replace(".", "-"))
        assert row is not None, f"{vendor} has no {id}"
        assert row["litellm_provider"] == vendor
    else:
        row = prices.get(f"{provider}/{id}") or prices.get(id)
        assert row is not None, f"{provider}/{id} is not in the price table"
        assert row["litellm_provider"] in (provider, *_PRICED_AS.get(provider, ()))
    found: dict[str, Any] = row
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in builtin_models() if not name.startswith("demo-")])
def test_litellm_knows_the_model_and_it_is_no_old_one(locked: dict[str, Any], name: str) -> None:
    assert builtin_models()[name].provider in locked["providers"]
    if (row := _row(locked, name)) is None:
        return
    assert row["mode"] == "chat"
    assert row.get("supports_function_calling"), "Claude Code works by tools"
    ends = row.get("deprecation_date")
    assert ends is None or ends > LOOKED_OVER


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in builtin_profiles() if name != "demo"])
def test_claude_code_is_told_of_a_window_smaller_than_it_takes_for_granted(locked: dict[str, Any], name: str) -> None:
    profile = builtin_profiles()[name]
    rows = [_row(locked, model) for model in profile.served]
    windows = [row["max_input_tokens"] for row in rows if row]
    told = int(profile.env.get("CLAUDE_CODE_MAX_CONTEXT_TOKENS", 200_000))
    assert all(told <= window for window in windows)


def test_each_wanted_provider_has_a_profile() -> None:
    assert set(builtin_profiles()) == {
        *("anthropic", "claude-plan"),
        *("openai", "gemini", "bedrock", "vertex", "azure", "openrouter", "groq", "cerebras", "deepseek"),
        *("mistral", "xai", "together", "zai", "moonshot", "ollama", "vllm", "lmstudio", "demo"),
    }
