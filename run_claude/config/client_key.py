"""The keys that clients hold: one for each profile, for models only."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from run_claude.config.secrets import read_master_key

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

__all__ = ["client_key"]


def client_key(settings: Settings, profile: str) -> str:
    """Return the key of a profile's clients. The proxy derives the same one (`dep/litellm/boot/keys.py`).

    It is of the form that we generate: nothing takes it for a provider's.

    :raises ConfigError: if there is no master key yet, or LiteLLM would reject it
    """
    said = f"run-claude client {profile}".encode()
    return f"sk-{hmac.new(read_master_key(settings).encode(), said, hashlib.sha256).hexdigest()[:48]}"
