"""What `uninstall` removes, in which order, and what it keeps and why. Pure: from what was found, to a plan.

A home has instances; an engine has what they have made, and what others have made beside them. Ours is a container
whose Compose project is one of these instances *and* whose compose file is in this home's services folder: two homes
may have instances of one name. Volumes and networks carry no folder: they are ours if the instance was started from
here, and nothing of another home has its name. Images are named by their content: ours are those that our starts have
recorded, as long as no container of anybody uses them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from run_claude.domain.belongings import Belongings
from run_claude.domain.container_files import callbacks_volume, files_volume
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from run_claude.domain.belongings import FoundContainer

__all__ = ["Found", "Kept", "Kind", "Removal", "Thing", "plan_removal"]


class Kind(StrEnum):
    """The kinds of things, in the order in which they go: first who would bring back what follows."""

    UNIT = "service"
    WATCHER = "watcher"
    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"
    IMAGE = "image"
    FOLDER = "folder's profile"
    COMPLETION = "completion"
    STATE = "state"
    BACKUP = "backup"
    CONFIGURATION = "configuration"
    SYSTEM = "system"  # never removed: named only, as is what follows
    CACHE = "build cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing to remove.

    :param name: as people know it; for a file, its path
    :param target: what the engine knows it by, where that is something else
    :param bytes: its size, where that is known
    :param spare: names of files in it that stay
    """

    kind: Kind
    name: str
    target: str = ""
    instance: str = ""
    bytes: int = 0
    spare: frozenset[str] = frozenset()


_BUILD_CACHE = Thing(kind=Kind.CACHE, name="of the Docker engine")


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that stays, and why."""

    thing: Thing
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is.

    :param instances: those that are to go
    :param started: those of them that were started from this home
    :param whole: no other instance stays: what they share goes as well
    :param services: the folder of the compose file
    :param sizes: of the volumes, in bytes, as far as they are known
    :param images: the references that the starts of each instance of this home have recorded
    :param databases: the image of each instance's database, with which its data is opened
    :param bases: the base images that this project's scripts have made for this home, each before what it is made from
    :param here: what is on this machine, engine aside: watchers, units, folders, completion, state, backups, files
    :param keys: the configuration file with the keys that the data depends on
    :param record: the name of the state file by which a later `uninstall --data` finds the volume
    :param configured: the instances that have a configuration here, whatever is left of their state
    """

    instances: tuple[str, ...]
    started: frozenset[str] = frozenset()
    whole: bool = True
    services: str = ""
    engine: Belongings = field(default_factory=Belongings)
    sizes: Mapping[str, int] = field(default_factory=dict)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    databases: Mapping[str, str] = field(default_factory=dict)
    bases: tuple[str, ...] = ()
    here: tuple[Thing, ...] = ()
    keys: frozenset[str] = frozenset()
    record: str = ""
    configured: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The plan.

    :param things: in the order in which they go
    :param data: the instances whose data goes: they are backed up before
    :param with_data: whether data was asked for, if there is any or not
    """

    things: tuple[Thing, ...]
    kept: tuple[Kept, ...]
    data: tuple[str, ...] = ()
    with_data: bool = False


def plan_removal(found: Found, *, data: bool, backups: bool = True) -> Removal:
    """Return what goes and what stays.

    :param data: the databases' volumes as well
    :param backups: whether there is a place for backups: earlier ones are moved there
    """
    theirs = {
        row.project: row
        for row in found.engine.containers
        if row.project in found.instances and row.directory != found.services
    }
    kept: list[Kept] = [
        Kept(
            Thing(kind=Kind.CONTAINER, name=row.name, instance=name),
            f"it is {name}'s of another home ({row.directory}), and so are its volumes",
        )
        for name, row in theirs.items()
    ]
    ours = frozenset(found.instances) - theirs.keys()
    containers = list(_containers(found, ours))
    gone = {thing.target for thing in containers}
    stays = [row for row in found.engine.containers if row.id not in gone]
    networks = [
        Thing(kind=Kind.NETWORK, name=row.name, target=row.id, instance=row.project)
        for row in found.engine.networks
        if row.project in ours & _there(found, containers) and row.name == f"{row.project}-network"
    ]
    volumes, left = _volumes(found, ours & _there(found, containers), stays, data=data)
    kept += left
    with_data = {item.thing.instance for item in _left_volumes(kept)}
    needed = with_data | theirs.keys() | _elsewhere(found, volumes)  # whose data depends on the keys
    images, left = _images(found, stays, with_data)
    kept += left
    here = []
    for thing in found.here:
        if thing.instance in theirs:
            kept.append(Kept(thing, f"{thing.instance} runs from another home"))
        elif thing.kind is Kind.SYSTEM:
            kept.append(Kept(thing, "scripts/engine has installed Docker from it, which others use by now"))
        elif thing.kind is Kind.BACKUP and not data:
            kept.append(Kept(thing, "a backup is data: `--data` moves it to where the last backup goes"))
        elif thing.kind is Kind.BACKUP and not backups:
            kept.append(Kept(thing, "a backup is data, and without a backup folder there is no place for it"))
        elif thing.kind is Kind.CONFIGURATION and thing.name in found.keys and needed:
            kept.append(Kept(thing, f"the data of {' and '.join(sorted(needed))} is opened with its keys"))
        elif thing.kind is Kind.STATE and thing.instance in with_data:
            here.append(
                Thing(kind=Kind.STATE, name=thing.name, instance=thing.instance, spare=frozenset({found.record}))
            )
        else:
            here.append(thing)
    if images:
        kept.append(Kept(_BUILD_CACHE, "builds of other projects share it: `docker builder prune` empties it"))
    order = list(Kind)
    things = sorted([*containers, *networks, *volumes, *images, *here], key=lambda thing: order.index(thing.kind))
    lost = tuple(
        thing.instance
        for thing in volumes
        if thing.name == _data_of(thing.instance) and not _is_empty(found, thing.name)
    )
    return Removal(things=tuple(things), kept=tuple(kept), data=lost, with_data=data)


def _left_volumes(kept: Iterable[Kept]) -> Iterator[Kept]:
    """Yield the databases' volumes among what is kept."""
    return (item for item in kept if item.thing.name == _data_of(item.thing.instance))


def _elsewhere(found: Found, going: Iterable[Thing]) -> set[str]:
    """Return the instances with a configuration here whose volume stays, although nothing here says who started it."""
    gone = {thing.name for thing in going}
    volumes = {volume.name for volume in found.engine.volumes} - gone
    return {name for name in found.configured if _data_of(name) in volumes and not _is_empty(found, _data_of(name))}


def _data_of(instance: str) -> str:
    return f"{instance}-timescaledb-data"


def _is_empty(found: Found, volume: str) -> bool:
    """Whether a volume holds nothing: Compose makes it for an instance without a database as well."""
    return found.sizes.get(volume) == 0


def _there(found: Found, containers: Iterable[Thing]) -> frozenset[str]:
    """Return the instances that have anything on the engine that is surely of this home."""
    return found.started | {thing.instance for thing in containers}


def _containers(found: Found, ours: frozenset[str]) -> Iterator[Thing]:
    """Yield our containers: LiteLLM first, which writes its last rows into the database."""
    probes = {f"{name}-{Service.TIMESCALEDB}-probe": name for name in ours & found.started}
    rows = sorted(found.engine.containers, key=lambda row: (row.service == Service.TIMESCALEDB, row.name))
    for row in rows:
        if row.project in ours:
            yield Thing(kind=Kind.CONTAINER, name=row.name, target=row.id, instance=row.project)
        elif not row.project and (killed := row.carrier or probes.get(row.name, "")) in ours & found.started:
            # Of a start that was killed while it filled or read a volume.
            yield Thing(kind=Kind.CONTAINER, name=row.name, target=row.id, instance=killed)


def _volumes(
    found: Found, ours: frozenset[str], stays: Sequence[FoundContainer], *, data: bool
) -> tuple[list[Thing], list[Kept]]:
    users = {name: row.name for row in stays for name in row.volumes}
    things, kept = [], []
    names = {f"{name}-{suffix}": name for name in sorted(ours) for suffix in ("litellm-logs", "timescaledb-data")}
    names |= {files_volume(name, service): name for name in sorted(ours) for service in Service}
    for volume in found.engine.volumes:
        if volume.project in ours and volume.name.startswith(callbacks_volume(volume.project)):
            names[volume.name] = volume.project
        if (instance := names.get(volume.name)) is None:
            continue
        thing = Thing(kind=Kind.VOLUME, name=volume.name, instance=instance, bytes=found.sizes.get(volume.name, 0))
        if user := users.get(volume.name):
            kept.append(Kept(thing, f"the container {user} uses it"))
        elif volume.name == _data_of(instance) and not data and not _is_empty(found, volume.name):
            kept.append(Kept(thing, "it is data: `--data` removes it as well, after a backup"))
        else:
            things.append(thing)
    return things, kept


def _images(
    found: Found, stays: Sequence[FoundContainer], with_data: Collection[str]
) -> tuple[list[Thing], list[Kept]]:
    """Return the images that go: what the starts of these instances used, of nobody's else, and then what is below.

    :param with_data: the instances whose data stays
    """
    opened = {found.databases[name]: name for name in with_data if name in found.databases}
    others = {image for name, used in found.images.items() if name not in found.instances for image in used}
    wanted = dict.fromkeys(image for name in found.instances for image in found.images.get(name, ()))
    bases = found.bases if found.whole else ()
    users = {row.image: row.name for row in stays}
    things: list[Thing] = []
    kept: list[Kept] = []
    for reference in (*(image for image in wanted if image not in bases), *bases):
        image = found.engine.image(reference)
        if image is None or reference in others:
            continue
        thing = Thing(kind=Kind.IMAGE, name=reference, bytes=image.bytes)
        going = {thing.name for thing in things}
        above = [
            other
            for other in found.engine.images
            if other.id != image.id
            and other.references
            and not going.issuperset(other.references)
            and image.layers
            and other.layers[: len(image.layers)] == image.layers
        ]
        if user := users.get(image.id):
            kept.append(Kept(thing, f"the container {user} uses it"))
        elif name := opened.get(reference):
            kept.append(Kept(thing, f"the data of {name} is opened with it"))
        elif reference in bases and above:
            kept.append(Kept(thing, f"{above[0].references[0]} is made from it"))
        else:
            things.append(thing)
    return things, kept
