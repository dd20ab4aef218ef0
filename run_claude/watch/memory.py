"""The watcher's memory, kept on disk as it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.errors import ConfigError
from run_claude.state.watch_memory import load_memory, save_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.domain.supervision_memory import Memory
    from run_claude.errors import RunClaudeError

__all__ = ["KeptMemory"]


class KeptMemory:
    """What the watcher knows. :meth:`keep` writes; a file that cannot be written does not stop the watcher."""

    def __init__(self, path: Path, failed: Callable[[RunClaudeError], None]) -> None:
        self._path = path
        self._failed = failed
        self.now = load_memory(path)

    def keep(self, memory: Memory) -> None:
        """Take over a memory, and write it if it differs."""
        if memory == self.now:
            return
        self.now = memory
        try:
            save_memory(self._path, memory)
        except ConfigError as error:  # a full disk
            self._failed(error)
