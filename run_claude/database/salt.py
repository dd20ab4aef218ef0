"""The fingerprint of the key with which LiteLLM encrypts what it stores: tells two keys apart, and gives none away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.secrets import SALT_KEY
from run_claude.errors import ConfigError
from run_claude.state.deployed import deployed_secrets

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.database.archive import Manifest

__all__ = ["fingerprint", "salt_fingerprint", "salt_remark"]

_ROUNDS = 100_000  # 60 ms: a key that a user has chosen can then not be guessed from it


def salt_fingerprint(settings: Settings) -> str:
    """Return the fingerprint of an instance's key, as its proxy was given it; empty if there is none yet."""
    key = deployed_secrets(settings.paths).get(SALT_KEY, "")
    if not key:
        try:
            key = settings.environment().get(SALT_KEY)
        except ConfigError:  # a broken `.env` is no reason not to back up
            return ""
    return fingerprint(key) if key else ""


def salt_remark(settings: Settings, manifest: Manifest) -> str:
    """Return what is wrong with the key that LiteLLM would read a backup with; empty if nothing is."""
    if not manifest.salt or manifest.salt == salt_fingerprint(settings):
        return ""
    return (
        f"The backup was written with another {SALT_KEY}: LiteLLM will not be able to read the models and credentials"
        f" in it. To change that, put the {SALT_KEY} of that time into {settings.paths.env_file}, and start again."
    )


def fingerprint(key: str) -> str:
    """Return the fingerprint of a key: 16 hexadecimal digits."""
    import hashlib

    return hashlib.pbkdf2_hmac("sha256", key.encode(), b"run-claude: salt key", _ROUNDS, 8).hex()
