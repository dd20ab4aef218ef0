"""The profiles as the proxy reads them, and its decision, asked here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from callbacks import routing as in_the_container
from run_claude.config.catalogue import load_catalogue
from run_claude.config.model import ROLES, ROUTES, Profile, Routes
from run_claude.deploy.plan import plan
from run_claude.deploy.prepare import prepare
from run_claude.deploy.routing import (
    decide,
    default_profile,
    profile_data,
    render_profiles,
    routing,
    set_default_profile,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings

    Write = Callable[[str, str], Path]

MINE = Profile(
    name="mine",
    opus="a",
    haiku="b",
    subagent="c",
    models=("d",),
    routes=Routes(think="e", long_context="f", over=1000),
    fallbacks=("g", "b"),
)


def test_a_profile_is_what_the_decision_takes() -> None:
    assert profile_data(MINE, lambda _: True) == {
        "tiers": {"opus": "a", "sonnet": "a", "haiku": "b"},
        "models": ["c", "d", "e", "f", "g", "b"],
        "routes": {"think": "e", "long_context": {"over": 1000, "model": "f"}},
        "fallbacks": ["g", "b"],
    }


def test_a_model_without_its_key_is_nowhere_in_it() -> None:
    data = profile_data(MINE, lambda name: name in ("b", "d"))
    assert data == {"tiers": {"haiku": "b"}, "models": ["d", "b"], "routes": {}, "fallbacks": ["b"]}


def test_the_table_has_every_profile_and_no_value_of_a_variable(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    table = json.loads(render_profiles(catalogue, {"OPENAI_API_KEY"}.__contains__))["profiles"]
    assert table.keys() == catalogue.profiles.keys()
    assert table["openai"]["tiers"]["haiku"] == "gpt-6-luna"
    assert table["gemini"]["tiers"] == {}


@pytest.mark.usefixtures("packaged")
def test_a_new_profile_changes_a_file_and_nothing_that_a_container_is_made_from(
    settings: Settings, write: Write
) -> None:
    before = prepare(settings, profile="demo", database=True)
    write("profiles.yaml", "profiles:\n  mine: {extends: demo, routes: {think: demo-haiku}}\n")
    after = plan(settings, profile="mine", database=True)
    path = settings.paths.profiles_table
    assert json.loads(after.files[path])["profiles"]["mine"]["routes"] == {"think": "demo-haiku"}
    assert (after.inputs, after.fingerprint) == (before.inputs, before.fingerprint)
    assert {name for name in after.files if after.files[name] != before.files[name]} == {path}


def test_the_default_is_a_file_beside_the_table(settings: Settings) -> None:
    assert default_profile(settings.paths) == ""
    set_default_profile(settings, "mine")
    assert default_profile(settings.paths) == "mine"
    assert settings.paths.default_profile.parent == settings.paths.profiles_table.parent == settings.paths.routes


def test_the_decision_is_the_containers_own() -> None:
    ours, theirs = routing(), in_the_container
    assert ours.__file__ == theirs.__file__
    found: Any = decide("claude-opus-4-8", MINE, {"thinking": {"type": "adaptive"}}, lambda _: True)
    assert (found.model, found.route, found.fallbacks) == ("e", "think", ("g", "b"))


def test_both_sides_know_the_same_routes_and_tiers() -> None:
    assert set(in_the_container.ROUTES) == set(ROUTES)
    assert (*ROLES, "fable") == in_the_container.TIERS
