"""The keys that clients hold: one for each profile, a function of the master key. Knows no LiteLLM."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ClientKeys", "client_key"]


def client_key(master_key: str, profile: str) -> str:
    """Return the key of a profile's clients. `run_claude.config.secrets` derives the same one, and hands it out."""
    said = f"run-claude client {profile}".encode()
    return "sk-" + hmac.new(master_key.encode(), said, hashlib.sha256).hexdigest()[:48]


class ClientKeys:
    """Which profile a key is of. The table of profiles is read again when it changes."""

    def __init__(self, master_key: str, routes: Path) -> None:
        self._master_key = master_key
        self._table, self._pages = routes / "profiles.json", routes / "pages"
        self._seen: object = None
        self._profiles: dict[str, str] = {}  # by key
        self.serving: tuple[str, ...] = ()  # the profiles that have a model

    def is_admin(self, key: str) -> bool:
        """Whether a key is the master key, in the same time whatever it is."""
        return hmac.compare_digest(key.encode("latin-1", "replace"), self._master_key.encode())

    def profile_of(self, key: str, named: str = "") -> str:
        """Return the profile whose clients have a key; empty for all other keys.

        :param named: the profile that the request names: one that is newer than the table has its key as well
        """
        self.refresh()
        if found := self._profiles.get(key):
            return found
        return named if named and hmac.compare_digest(key.encode("latin-1", "replace"), self.of(named).encode()) else ""

    def of(self, profile: str) -> str:
        """Return a profile's key."""
        return client_key(self._master_key, profile)

    def refresh(self) -> bool:
        """Read the table if it has changed, and return whether it has. A broken one changes nothing."""
        try:
            found = self._table.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            if mark == self._seen:
                return False
            self._seen = mark
            table = json.loads(self._table.read_bytes())["profiles"]
            self.serving = tuple(name for name, row in table.items() if row.get("tiers") or row.get("models"))
            self._profiles = {self.of(name): name for name in table}
        except (AttributeError, LookupError, OSError, TypeError, ValueError):
            return False
        return True

    def pages_are_open(self) -> bool:
        """Whether `run-claude ui` has opened the admin pages: it writes until when, in seconds of the epoch."""
        try:
            return time.time() < float(self._pages.read_text())
        except (OSError, ValueError):
            return False
