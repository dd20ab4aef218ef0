"""How far the pull of an image is, from what Compose and BuildKit print of its layers. Pure."""

from __future__ import annotations

import re

from run_claude.domain.sizes import size

__all__ = ["Pulling"]

# Compose: ` 7b5479c66f9f Downloading [===>      ]  655.9kB/10.5MB`, ` 7b5479c66f9f Download complete`
# BuildKit: `#5 sha256:d0046f43a407… 1.05MB / 10.50MB 0.5s`, and at the end `… 10.50MB / 10.50MB 7.8s done`
_LAYER = r"(?: ?(?:\S+ )?([0-9a-f]{12}) [A-Z]|#\d+ sha256:([0-9a-f]{12})[0-9a-f]{52} )"
_BYTES = r"([0-9.]+) ?([kMGT]?B) ?/ ?([0-9.]+) ?([kMGT]?B)"
_DOWNLOADED = r"(?:Download|Pull) complete|Extracting|Verifying Checksum|Already exists"
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class Pulling:
    """The layers that were seen so far: those that have not begun are in no line, so the total grows."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}  # bytes there, bytes of all

    @property
    def done(self) -> int:
        """How many bytes were downloaded."""
        return sum(done for done, _ in self._layers.values())

    @property
    def words(self) -> str:
        """How far it is, in words."""
        return f"{size(self.done)} of {size(sum(total for _, total in self._layers.values()))} pulled"

    def is_about(self, line: str) -> bool:
        """Take a line; return whether it tells of a layer's download."""
        layer = re.match(_LAYER, line)
        if layer is None:
            return False
        name = layer[1] or layer[2]
        if re.search(_DOWNLOADED, line):
            total = self._layers.get(name, (0, 0))[1]
            self._layers[name] = (total, total)
        elif found := re.search(_BYTES, line):
            self._layers[name] = (_bytes(found[1], found[2]), _bytes(found[3], found[4]))
        else:
            return False
        return True


def _bytes(number: str, unit: str) -> int:
    return round(float(number) * _UNITS[unit])
