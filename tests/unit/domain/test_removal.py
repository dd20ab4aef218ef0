"""What `uninstall` removes and what it keeps, from values alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from run_claude.domain.belongings import Belongings, FoundContainer, FoundImage, FoundNetwork, FoundVolume
from run_claude.domain.removal import Found, Kind, Removal, Thing, plan_removal

HOME = "/home/me/.config/run-claude/services"
OTHER = "/home/other/.config/run-claude/services"
ENV = "/home/me/.config/run-claude/.env"
LITELLM, DATABASE, PYTHON, DEBIAN = "run-claude-litellm:aaa", "run-claude-base/db:1", "run-claude-base/py:1", "deb:1"


def containers(name: str, *, directory: str = HOME) -> tuple[FoundContainer, ...]:
    database = FoundContainer(
        id=f"{name}1",
        name=f"{name}-timescaledb",
        project=name,
        directory=directory,
        service="timescaledb",
        image=DATABASE,
        volumes=frozenset({f"{name}-timescaledb-data"}),
    )
    litellm = replace(
        database,
        id=f"{name}2",
        name=f"{name}-litellm",
        service="litellm",
        image=LITELLM,
        volumes=frozenset({f"{name}-litellm-logs"}),
    )
    return database, litellm


def engine(*names: str, directory: str = HOME) -> Belongings:
    """An engine with the whole stack of each of these instances, and the images that all of them use."""
    return Belongings(
        containers=tuple(row for name in names for row in containers(name, directory=directory)),
        volumes=tuple(
            FoundVolume(name=f"{name}-{kind}", project=name)
            for name in names
            for kind in ("timescaledb-data", "litellm-logs", "litellm-files", "timescaledb-files")
        ),
        networks=tuple(FoundNetwork(id=f"{name}n", name=f"{name}-network", project=name) for name in names),
        images=(
            FoundImage(id=DEBIAN, references=(DEBIAN,), bytes=1, layers=("d",)),
            FoundImage(id=PYTHON, references=(PYTHON,), bytes=2, layers=("d", "p")),
            FoundImage(id=DATABASE, references=(DATABASE,), bytes=3, layers=("d", "t")),
            FoundImage(id=LITELLM, references=(LITELLM,), bytes=4, layers=("d", "p", "l")),
        ),
    )


HERE = (
    Thing(kind=Kind.CONFIGURATION, name=ENV),
    Thing(kind=Kind.STATE, name="/state/one", instance="one"),
    Thing(kind=Kind.WATCHER, name="watch", target="7", instance="one"),
    Thing(kind=Kind.UNIT, name="unit", instance="one"),
    Thing(kind=Kind.BACKUP, name="/state/backups/old.tar"),
    Thing(kind=Kind.SYSTEM, name="/etc/apt/x"),
)
ALL = Found(
    instances=("one",),
    started=frozenset({"one"}),
    services=HOME,
    engine=engine("one"),
    images={"one": (LITELLM,)},
    bases=(PYTHON, DATABASE, DEBIAN),
    here=HERE,
    keys=frozenset({ENV}),
    record="compose.env",
)


def names(removal: Removal) -> list[str]:
    return [thing.name for thing in removal.things]


def why(removal: Removal, name: str) -> str:
    return next(item.why for item in removal.kept if item.thing.name == name)


def test_all_of_it_goes_in_the_order_that_brings_nothing_back() -> None:
    removal = plan_removal(ALL, data=True)
    assert names(removal) == [
        "unit",
        "watch",
        "one-litellm",
        "one-timescaledb",
        "one-network",
        "one-timescaledb-data",
        "one-litellm-logs",
        "one-litellm-files",
        "one-timescaledb-files",
        LITELLM,
        PYTHON,
        DATABASE,
        DEBIAN,
        "/state/one",
        "/state/backups/old.tar",
        ENV,
    ]
    assert removal.data == ("one",)
    assert [item.thing.name for item in removal.kept] == ["/etc/apt/x", "of the Docker engine"]  # the build cache


def test_without_data_the_volume_stays_and_what_opens_and_finds_it() -> None:
    removal = plan_removal(ALL, data=False)
    assert removal.data == ()
    assert "--data" in why(removal, "one-timescaledb-data")
    assert "one is opened with its keys" in why(removal, ENV)
    assert "backup is data" in why(removal, "/state/backups/old.tar")
    assert {"one-litellm-logs", "one-litellm-files", "one-timescaledb-files"} <= set(names(removal)), "no data in them"
    state = next(thing for thing in removal.things if thing.kind is Kind.STATE)
    assert state.spare == frozenset({"compose.env"})


def test_callbacks_and_a_container_that_has_filled_volumes_go_as_well() -> None:
    callbacks = FoundVolume(name="one-litellm-callbacks-abc", project="one")
    foreign = FoundVolume(name="one-litellm-callbacks-x", project="other")
    engine = replace(
        ALL.engine,
        volumes=(*ALL.engine.volumes, callbacks, foreign),
        containers=(FoundContainer(id="c", name="one-files", carrier="one"),),
    )
    found = names(plan_removal(replace(ALL, engine=engine), data=False))
    assert {"one-litellm-callbacks-abc", "one-files"} <= set(found)
    assert "one-litellm-callbacks-x" not in found


def test_data_that_stays_keeps_the_image_that_opens_it_and_what_that_is_made_from() -> None:
    removal = plan_removal(replace(ALL, databases={"one": DATABASE}), data=False)
    assert why(removal, DATABASE) == "the data of one is opened with it"
    assert "is made from it" in why(removal, DEBIAN)
    assert {LITELLM, PYTHON} <= set(names(removal))
    assert DATABASE in names(plan_removal(replace(ALL, databases={"one": DATABASE}), data=True))


def test_without_any_data_the_keys_go_as_well() -> None:
    found = replace(ALL, engine=replace(ALL.engine, volumes=()))
    assert ENV in names(plan_removal(found, data=False))


@pytest.mark.parametrize("data", [True, False])
def test_an_instance_of_the_same_name_in_another_home_is_not_touched(data: bool) -> None:
    removal = plan_removal(replace(ALL, engine=engine("one", directory=OTHER)), data=data)
    assert not {"one-litellm", "one-timescaledb", "one-network", "one-timescaledb-data", "one-litellm-logs"} & set(
        names(removal)
    )
    assert OTHER in why(removal, "one-litellm")
    assert "one-litellm uses it" in why(removal, LITELLM)
    assert not {"/state/one", "watch", "unit", ENV} & set(names(removal)), "it may be what that stack runs from"
    assert "its keys" in why(removal, ENV)


def test_the_keys_stay_for_data_of_a_state_that_is_gone() -> None:
    found = replace(
        ALL,
        instances=(),
        started=frozenset(),
        engine=replace(engine("lost"), containers=()),
        configured=frozenset({"lost"}),
    )
    assert "the data of lost" in why(plan_removal(found, data=True), ENV)
    empty = replace(found, sizes={"lost-timescaledb-data": 0})
    assert ENV in names(plan_removal(empty, data=True))


def test_earlier_backups_stay_where_there_is_no_place_for_them() -> None:
    removal = plan_removal(ALL, data=True, backups=False)
    assert "no place" in why(removal, "/state/backups/old.tar")


def test_a_volume_without_containers_is_ours_only_if_the_instance_was_started_from_here() -> None:
    alone = replace(ALL, engine=replace(ALL.engine, containers=()))
    assert "one-timescaledb-data" in names(plan_removal(alone, data=True))
    never = replace(alone, started=frozenset())
    assert not [thing for thing in plan_removal(never, data=True).things if thing.kind in (Kind.VOLUME, Kind.NETWORK)]


def test_one_of_two_instances_leaves_what_they_share() -> None:
    found = replace(
        ALL,
        engine=engine("one", "two"),
        whole=False,
        images={"one": (LITELLM, "run-claude-litellm:bbb"), "two": (LITELLM,)},
        here=HERE[1:4],
    )
    removal = plan_removal(found, data=True)
    assert not [name for name in names(removal) if "two-" in name]
    assert not [thing for thing in removal.things if thing.kind is Kind.IMAGE]


def test_an_image_that_a_container_of_anybody_uses_stays() -> None:
    other = FoundContainer(id="x", name="theirs", image=LITELLM)
    found = replace(ALL, engine=replace(ALL.engine, containers=(*ALL.engine.containers, other)))
    removal = plan_removal(found, data=True)
    assert why(removal, LITELLM) == "the container theirs uses it"
    assert "is made from it" in why(removal, PYTHON)
    assert "is made from it" in why(removal, DEBIAN)
    assert DATABASE in names(removal)


def test_a_base_image_from_which_somebody_else_has_made_one_stays() -> None:
    other = FoundImage(id="o", references=("theirs:1",), layers=("d", "t", "x"))
    found = replace(ALL, engine=replace(ALL.engine, images=(*ALL.engine.images, other)))
    removal = plan_removal(found, data=True)
    assert why(removal, DATABASE) == "theirs:1 is made from it"
    assert {LITELLM, PYTHON} <= set(names(removal))


def test_images_that_no_start_has_recorded_stay_unmentioned() -> None:
    removal = plan_removal(replace(ALL, images={}, bases=()), data=True)
    assert not [thing for thing in removal.things if thing.kind is Kind.IMAGE]


def test_an_empty_volume_is_no_data() -> None:
    removal = plan_removal(replace(ALL, sizes={"one-timescaledb-data": 0}), data=False)
    assert {"one-timescaledb-data", ENV} <= set(names(removal))
    assert plan_removal(replace(ALL, sizes={"one-timescaledb-data": 0}), data=True).data == ()


def test_what_a_killed_start_has_left_goes() -> None:
    probe = FoundContainer(id="p", name="one-timescaledb-probe")
    found = replace(ALL, engine=replace(ALL.engine, containers=(probe,)))
    assert "one-timescaledb-probe" in names(plan_removal(found, data=False))


def test_a_container_of_the_users_with_the_name_of_ours_stays() -> None:
    theirs = FoundContainer(id="c", name="one-files")
    other = FoundContainer(id="d", name="two-files", carrier="two")
    found = replace(ALL, engine=replace(ALL.engine, containers=(theirs, other)))
    assert not {"one-files", "two-files"} & set(names(plan_removal(found, data=True)))
