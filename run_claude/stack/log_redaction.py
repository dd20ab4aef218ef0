"""The values that may not show, of one instance: what is taken out of everything that is printed or written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from run_claude.config.named_files import FILE
from run_claude.domain.marks import unsealed
from run_claude.domain.redact import looks_secret, redacted, secret_values
from run_claude.errors import ConfigError
from run_claude.state.deployed import deployed_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from run_claude.config.settings import Settings

__all__ = ["known_secrets", "shown", "without_secrets"]

_SHORTEST = 4  # characters
_PUBLIC = frozenset({"litellm", "postgres", "timescaledb"})  # what the containers are given beside their secrets
_PUBLIC_NAMES = frozenset({"DATABASE_HOST", "DATABASE_USERNAME", "DATABASE_NAME", "NO_PROXY"})


def without_secrets(lines: Sequence[str], settings: Settings) -> list[str]:
    """Return lines of a log without the instance's secrets: a program may print what it was given."""
    return shown(settings)(unsealed("\n".join(lines))).split("\n") if lines else []


def shown(settings: Settings) -> Callable[[str], str]:
    """Return what takes the instance's secrets, as they are now, out of any text."""
    secrets = known_secrets(settings)
    return lambda text: redacted(text, secrets)


def known_secrets(settings: Settings) -> set[str]:
    """Return each value that may not show. What `.env` holds is read as lines, too, where it cannot be parsed."""
    paths = settings.paths
    process = dict(settings.environ)
    found = secret_values({}, process)
    try:
        found |= secret_values({name: value for name, (value, _) in settings.environment().file.items()}, process)
    except ConfigError:
        found |= secret_values(dict(_assignments(_read(paths.env_file))), process)
    # What the containers were given: .env may have changed since.
    deployed = deployed_secrets(paths)
    found |= secret_values({name: value for name, value in deployed.items() if name not in _PUBLIC_NAMES}, {})
    found |= {part for name, value in deployed.items() if name.startswith(FILE) for part in _parts(value)}
    found |= {_read(paths.database_secret).strip()}
    found |= secret_values(dict(_assignments(_read(paths.build_secrets))), {})
    return {value for value in found if len(value) >= _SHORTEST and value not in _PUBLIC}


def _parts(content: str) -> Iterator[str]:
    """Yield the secrets in a file of credentials, JSON or INI: a log may show one without the rest."""
    try:
        yield from _leaves(json.loads(content))
    except (ValueError, RecursionError):
        for line in content.splitlines():
            name, mark, value = line.partition("=")
            if mark and looks_secret(name.strip()):
                yield value.strip()


def _leaves(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _leaves(item, str(key))
        case list():
            for item in value:
                yield from _leaves(item, name)
        case str() if looks_secret(name) and "://" not in value:
            yield value


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition("=")
        yield name.removeprefix("export ").strip(), value.strip(" '\"")


def _read(path: Path) -> str:
    """Return a file's text; empty if it cannot be read, or is a pipe, which would wait for a writer."""
    try:
        return path.read_text(errors="replace") if path.is_file() else ""
    except OSError:
        return ""
