"""Whether the interpreter of a service stays: `uvx` and `pipx run` keep theirs in caches, which are cleaned."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["cleaned_folder", "own_places", "refuse_passing", "source"]

_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - to refuse what lies there


def refuse_passing(places: Iterable[Path], environ: Mapping[str, str], install: str) -> None:
    """Refuse an interpreter that a service would lose.

    :param places: the environment, its base and the package: `own_places`
    :param install: what a package manager is to install so that it stays: `source`
    :raises ConfigError: if one of the places lies in a cache or among temporary files
    """
    for place in places:
        folder = cleaned_folder(place, environ)
        if folder is None:
            continue
        ways = {"uv": f"`uv tool install {install}`", "pipx": f"`pipx install {install}`"}
        named = [way for tool, way in ways.items() if tool in place.parts] or list(ways.values())
        raise caused(
            "interpreter-passing",
            f"A service cannot use the Python in {place}: what lies in {folder} is cleaned up, and the watcher would go"
            " with it.",
            help=f"Install it where it stays, with {' or '.join(named)}, then run `run-claude watch install` again.",
            facts={"place": str(place), "folder": str(folder)},
        )


def own_places() -> Iterator[Path]:
    """Yield where this process's environment, its base interpreter and this package are."""
    yield Path(sys.prefix)
    yield Path(sys.base_prefix)
    yield Path(__file__).parents[1]


def cleaned_folder(place: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the folder above a place whose content is cleaned up, if there is one.

    That is a cache or a folder for temporary files: by its usual place, by a variable that moves it, or by the tag with
    which programs mark their caches (https://bford.info/cachedir). A virtual environment may have that tag, too: it is
    kept out of backups so, and nobody cleans it.
    """
    moved = [environ.get(name) or "" for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR", "TMPDIR", "XDG_RUNTIME_DIR")]
    cleaned = {Path(name).resolve() for name in (*_TEMPORARY, tempfile.gettempdir(), *moved) if name.startswith("/")}
    cleaned -= {Path("/"), Path(environ.get("HOME") or "~").expanduser().resolve()}  # nobody cleans these
    for folder in place.resolve().parents:
        if folder in cleaned or folder.name == ".cache" or folder.parts[-2:] == ("Library", "Caches"):
            return folder
        if (folder / "CACHEDIR.TAG").is_file() and not (folder / "pyvenv.cfg").exists():
            return folder
    return None


def source() -> str:
    """Return what a package manager is to install: the release, or the repository or folder that this one came from."""
    try:
        origin = json.loads(metadata.distribution("run-claude").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = str(origin.get("url") or "")
    if "@" in url.partition("://")[2].partition("/")[0]:  # a user's name, perhaps with a password
        return "run-claude"
    if vcs := origin.get("vcs_info"):
        revision, folder = vcs.get("requested_revision"), origin.get("subdirectory")
        url += (f"@{revision}" if revision else "") + (f"#subdirectory={folder}" if folder else "")
        return f"{vcs.get('vcs', 'git')}+{url}"
    return url or "run-claude"
