"""The profiles as the proxy reads them, and the very module by which it decides where a request goes.

The table lies in the proxy's volume of files, and is read again when it changes: no profile is part of LiteLLM's
configuration, and a new one restarts nothing.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from run_claude.config.files import read_text, write_if_changed
from run_claude.config.model import ROLES
from run_claude.deploy.services import callbacks_folder
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callbacks import routing as decisions
    from run_claude.config.catalogue import Catalogue
    from run_claude.config.model import Profile
    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings

__all__ = [
    "decide",
    "default_profile",
    "open_pages",
    "profile_data",
    "render_profiles",
    "routing",
    "set_default_profile",
]

PAGES_OPEN = 12 * 3600  # seconds: a working day


def profile_data(profile: Profile, is_served: Callable[[str], bool]) -> dict[str, Any]:
    """Return a profile as `callbacks/routing.py` takes it, without the models that the proxy does not have."""

    def served(*names: str) -> list[str]:
        return [name for name in dict.fromkeys(names) if name and is_served(name)]

    routes: dict[str, Any] = {route: model for route, model in profile.routes.models.items() if is_served(model)}
    if long := routes.pop("long_context", None):
        routes["long_context"] = {"over": profile.routes.over, "model": long}
    further = served(profile.subagent, profile.default, *profile.models, *profile.routes.models.values())
    roles = {role: profile.role(role) for role in ROLES} | {"fable": profile.fable}
    return {
        "tiers": {role: model for role, model in roles.items() if model and is_served(model)},
        "models": [*further, *(name for name in served(*profile.fallbacks) if name not in further)],
        "routes": routes,
        "fallbacks": served(*profile.fallbacks),
    }


def render_profiles(catalogue: Catalogue, is_set: Callable[[str], bool]) -> bytes:
    """Return the table of all profiles, as the proxy reads it. The same input gives the same bytes.

    :param is_set: whether a variable is set: a model that lacks one is not served
    """

    def is_served(name: str) -> bool:
        return catalogue.serves(name, is_set)

    table = {name: profile_data(profile, is_served) for name, profile in catalogue.profiles.items()}
    return json.dumps({"profiles": table}, indent=1).encode() + b"\n"


def default_profile(paths: Paths) -> str:
    """Return the profile of requests that name none; empty before the first start.

    :raises ConfigError: if the file cannot be read
    """
    return (read_text(paths.default_profile) or "").strip()


def set_default_profile(settings: Settings, name: str) -> None:
    """Make a profile that of requests that name none: the proxy's, once it is handed over.

    :raises ConfigError: if it cannot be written
    """
    write_if_changed(settings.paths.default_profile, name + "\n")


def open_pages(settings: Settings) -> None:
    """Open LiteLLM's admin pages for ``PAGES_OPEN`` seconds from now, once that is handed over.

    :raises ConfigError: if it cannot be written
    """
    write_if_changed(settings.paths.pages_file, f"{int(time.time()) + PAGES_OPEN}\n")


@cache
def routing() -> Any:
    """Return the module `callbacks/routing.py`, which the proxy runs: what it decides is said here as well.

    :raises ConfigError: if it is missing, because the installation is broken
    """
    path = callbacks_folder() / "routing.py"
    spec = importlib.util.spec_from_file_location("run_claude_routing", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise caused("installation-broken", f"{path.name} is missing from the installation of run-claude.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def decide(
    name: str, profile: Profile, request: Mapping[str, Any], is_served: Callable[[str], bool]
) -> decisions.Decision | decisions.Unserved:
    """Return where the proxy would send a request of a client of this profile."""
    found = routing().decide(
        name,
        profile_data(profile, is_served),
        request,
        profile_name=profile.name,
        named=True,
        serves=is_served,
    )
    return cast("decisions.Decision | decisions.Unserved", found)
