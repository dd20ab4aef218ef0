"""Generate `docs/providers.md` from what is built in: python scripts/providers_page.py > docs/providers.md"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from run_claude.config.builtin.models import builtin_models
from run_claude.config.builtin.profiles import builtin_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from run_claude.config.model import Model, Profile

__all__ = ["page"]

_HEAD = """\
# Providers

<!-- Generated: python scripts/providers_page.py > docs/providers.md -->

Each provider has a profile: models for the tiers of Claude Code that work as they stand. Give it its key, and use it:

```console
$ run-claude config set GROQ_API_KEY
$ run-claude profiles list
$ run-claude with groq -- claude
```

`config set NAME` asks for the value, so that it stands in no command line and in no history. A key that is set in
the environment counts as well, before the one in `.env`. A key goes to its provider alone: clients get one of the
proxy's own ([security](security.md)).

| Profile | What it is | Variables |
| --- | --- | --- |
"""

_MODELS = """
Where two variables are named with "or", one of them is enough.

## Models

| Profile | opus | sonnet | haiku | fable |
| --- | --- | --- | --- | --- |
"""

_TAIL = """
`run-claude models list` shows every model with the id that its provider knows it by, also those that no profile uses;
`run-claude models test MODEL` sends one message. Any other model of any provider of LiteLLM's is one entry in
`models.yaml` ([LiteLLM's configuration](litellm-config.md)); on your own machine: [local servers](local-servers.md);
your own choice for each tier, routes and fallbacks: [profiles](profiles.md). What each provider is sent, and that it
comes through whole: [conformance](conformance.md).
"""


def page() -> str:
    """Return the page."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    models, profiles = builtin_models(), builtin_profiles()
    yield _HEAD
    for profile in profiles.values():
        yield f"| `{profile.name}` | {profile.description} | {_variables(profile, models)} |\n"
    yield _MODELS
    for profile in profiles.values():
        tiers = (profile.role("opus"), profile.role("sonnet"), profile.role("haiku"), profile.fable)
        yield f"| `{profile.name}` | {' | '.join(f'`{name}`' if name else 'as opus' for name in tiers)} |\n"
    yield _TAIL


def _variables(profile: Profile, models: Mapping[str, Model]) -> str:
    """Return what a profile needs, in words."""
    if profile.subscription:
        return "the login of Claude Code"
    needed = [" or ".join(f"`{name}`" for name in group) for name in profile.served for group in models[name].needs]
    return ", ".join(dict.fromkeys(needed)) or "none"


if __name__ == "__main__":
    sys.stdout.write(page())
