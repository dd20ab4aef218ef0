"""The files that a container reads: content, not paths of this machine, which the engine may not see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.domain.lifecycle import Service

__all__ = ["CARRIER_LABEL", "ContainerFile", "ContainerFiles", "callbacks_volume", "carrier_name", "files_volume"]


CARRIER_LABEL = "run-claude.carrier"  # its value is the instance


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFile:
    """One file, by its name in the volume, which may have folders in it. Root's, of the volume's group.

    :param mode: permissions; by default the group alone reads it
    """

    name: str
    data: bytes = field(repr=False)
    mode: int = 0o440


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFiles:
    """What one volume contains.

    :param volume: its name on the engine
    :param group: the gid, as the container sees it, of who reads the files
    :param mode: permissions of its folders
    """

    volume: str
    files: tuple[ContainerFile, ...]
    group: int = 0
    mode: int = 0o750

    def digests(self) -> Mapping[str, str]:
        """Return a hash of each file with its mode and its group, by name."""
        return {
            file.name: hashlib.sha256(b"%o %d " % (file.mode, self.group) + file.data).hexdigest()[:16]
            for file in self.files
        }


def files_volume(instance: str, service: Service) -> str:
    """Return the name of the volume from which a service's container reads its files."""
    return f"{instance}-{service}-files"


def callbacks_volume(instance: str, digest: str = "") -> str:
    """Return the name of the volume of the user's own callbacks; without a digest, how all of them begin."""
    return f"{instance}-litellm-callbacks" + (f"-{digest}" if digest else "")


def carrier_name(instance: str) -> str:
    """Return the name of the container through which volumes of an instance are filled: there for a moment."""
    return f"{instance}-files"
