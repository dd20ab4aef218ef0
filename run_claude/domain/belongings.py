"""What an engine has, in values: containers, volumes, networks, images, and which of them are whose."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Belongings", "FoundContainer", "FoundImage", "FoundNetwork", "FoundVolume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundContainer:
    """A container.

    :param project: the Compose project, which is the instance's name; empty without one
    :param directory: the folder of that project's compose file: two homes may have instances of one name
    :param carrier: the instance whose volumes are filled through it; empty for all others
    :param image: the image's ID
    :param volumes: the names of the volumes that are mounted in it
    """

    id: str
    name: str
    project: str = ""
    directory: str = ""
    service: str = ""
    carrier: str = ""
    image: str = ""
    running: bool = False
    volumes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVolume:
    """A volume, and the Compose project that has made it."""

    name: str
    project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNetwork:
    """A network, and the Compose project that has made it."""

    id: str
    name: str
    project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundImage:
    """An image.

    :param bytes: its size
    :param own: the part of it that no other image shares
    :param layers: they begin with those of the image that it is made from
    """

    id: str
    references: tuple[str, ...] = ()
    bytes: int = 0
    own: int = 0
    layers: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """All that an engine has."""

    containers: tuple[FoundContainer, ...] = ()
    volumes: tuple[FoundVolume, ...] = ()
    networks: tuple[FoundNetwork, ...] = ()
    images: tuple[FoundImage, ...] = ()

    def image(self, reference: str) -> FoundImage | None:
        """Return the image of a reference; ``None`` if there is none."""
        return next((image for image in self.images if reference in image.references), None)
