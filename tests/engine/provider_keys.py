"""Keys of providers, planted where users have them: in `.env` and in the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import planted

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["plant_keys"]

_KEYS = {
    "OPENROUTER_API_KEY": "sk-or-v1-planted0c9d4e1b7a",
    "DEEPSEEK_API_KEY": "sk-planted3f7e0a5b9c2d",
    "ANTHROPIC_API_KEY": "sk-ant-planted77b0ce41aa",
}


def plant_keys(instance: Instance) -> None:
    """Give the user of a new stack keys that may never show."""
    planted.keep(_KEYS.values())
    instance.config.mkdir(parents=True)
    in_file = {name: value for name, value in _KEYS.items() if name != "DEEPSEEK_API_KEY"}
    (instance.config / ".env").write_text("".join(f"{name}={value}\n" for name, value in in_file.items()))
    instance.extra["DEEPSEEK_API_KEY"] = _KEYS["DEEPSEEK_API_KEY"]
