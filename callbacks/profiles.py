"""The profiles, as run-claude has written them for this proxy: read again when the file changes. Knows no LiteLLM."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FOLDER", "Profiles"]

# The variable is for LiteLLM outside of a container.
FOLDER = Path(os.environ.get("RUN_CLAUDE_ROUTES") or "/app/routes")


@dataclass
class Profiles:
    """The profiles by name, and which one counts for a request that names none.

    :param warn: told what is wrong with the files, once for each change; the profiles of before stay
    """

    warn: Callable[[str], object]
    folder: Path = FOLDER
    default: str = ""
    by_name: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _seen: list[object] = field(default_factory=lambda: [None, None])

    def refresh(self) -> None:
        """Read what has changed since the last call. Where nothing has, it costs two looks at a file: 5 µs."""
        for index, (name, take) in enumerate((("profiles.json", self._take_table), ("default", self._take_default))):
            path = self.folder / name
            try:
                found = path.stat()
                mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            except OSError:
                continue  # never written, or being replaced
            if mark == self._seen[index]:
                continue
            try:
                text = path.read_text(encoding="utf-8")
                if not text.endswith("\n"):
                    continue  # it is being written at this moment
                self._seen[index] = mark
                take(text)
            except FileNotFoundError:
                continue
            except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
                self._seen[index] = mark
                self.warn(f"{path} cannot be used: {type(error).__name__}: {error}")

    def _take_table(self, text: str) -> None:
        table = json.loads(text)["profiles"]
        self.by_name = {str(name): dict(profile) for name, profile in table.items()}

    def _take_default(self, text: str) -> None:
        self.default = text.strip()
