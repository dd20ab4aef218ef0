"""The files that variables name, for a container that cannot see them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import read_text
from run_claude.config.litellm_variables import FILES
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.environment import Environment

__all__ = ["FILE", "named_files"]

FILE = "file:"  # before a variable's name, for the container: the value is the content of the file that it names
_LARGEST_FILE = 1_000_000  # bytes


def named_files(env: Environment, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the content of each file that a variable names, and why the others cannot be used, by variable.

    The container cannot see the user's files: what it needs of them is handed over. A variable of any name counts, if
    its value is the absolute path of a file that is there; one whose value can be nothing else, also if it is not.
    """
    contents, unusable = {}, {}
    for name, value in sorted(values.items()):
        known = (
            name in FILES and value and not value.lstrip().startswith(("{", "[", "-----BEGIN"))
        )  # the content itself
        if not known and not value.startswith(("/", "~/")):
            continue
        try:
            path = env.path.parent / Path(value).expanduser()  # a relative one: beside .env
            if not path.is_file():
                if not known:
                    continue
                unusable[name] = f"{env.origin(name)}: {path} is not there, or no file."
            elif path.stat().st_size > _LARGEST_FILE:
                unusable[name] = f"{env.origin(name)}: {path} is larger than {_LARGEST_FILE // 1000} kB."
            else:
                contents[name] = read_text(path) or ""
        except (ConfigError, OSError, RuntimeError) as error:
            unusable[name] = f"{env.origin(name)}: {error}"
    return contents, unusable
