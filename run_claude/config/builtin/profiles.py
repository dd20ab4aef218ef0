"""The built-in profiles, in the order in which one is chosen when the user has not."""

from __future__ import annotations

from run_claude.config.model import Profile

__all__ = ["builtin_profiles"]


def builtin_profiles() -> dict[str, Profile]:
    """Return the built-in profiles by name."""
    profiles = [
        Profile(
            name="demo",
            description="No key and no network: the proxy itself answers.",
            opus="demo-opus",
            sonnet="demo-sonnet",
            haiku="demo-haiku",
        )
    ]
    return {profile.name: profile for profile in profiles}
