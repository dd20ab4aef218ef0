"""Where a profile's requests go, as `profiles show` says it."""

from __future__ import annotations

import pytest

from run_claude.cli.views.routes import SAMPLES, explained, sample
from run_claude.config.model import ROUTES, Profile, Routes
from run_claude.deploy.routing import routing

ROUTED = {route: f"for-{route}" for route in ROUTES}
MINE = Profile(name="mine", opus="big", sonnet="middle", haiku="small", routes=Routes(**ROUTED, over=50_000))


def everything(_: str) -> bool:
    return True


@pytest.mark.parametrize("route", ROUTES)
def test_a_sample_takes_its_route(route: str) -> None:
    (row,) = [row for row in explained(MINE, everything) if row.request == route]
    assert row.model == f"for-{route}"
    assert row.why.startswith(f"route {route}: ")


def test_a_sample_of_a_long_prompt_is_not_much_longer_than_it_has_to_be() -> None:
    _, request = sample("long_context", MINE)
    assert 50_000 < routing().tokens(request) < 60_000


def test_tiers_come_first_and_routes_that_there_are_not_are_left_out() -> None:
    rows = explained(Profile(name="plain", opus="big"), everything)
    assert [row.request for row in rows] == ["opus", "sonnet", "haiku", "fable"]
    assert {row.model for row in rows} == {"big"}
    assert [row.request for row in explained(MINE, everything)] == list(SAMPLES)


def test_a_background_that_cannot_be_told_apart_is_seen() -> None:
    one = Profile(name="one", opus="only", routes=Routes(background="quick"))
    (row,) = [row for row in explained(one, everything) if row.request == "background"]
    assert row.model == "only"
