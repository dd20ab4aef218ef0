"""`routes` and `fallbacks` in profiles.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.config.model import Routes
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

MINE = """\
profiles:
  mine:
    extends: demo
    routes:
      think: demo-opus
      background: demo-haiku
      long_context: {over: 60000, model: demo-sonnet}
    fallbacks: [demo-sonnet, demo-haiku]
"""


def test_routes_and_fallbacks_are_read(paths: Paths, write: Write) -> None:
    write("profiles.yaml", MINE)
    mine = load_catalogue(paths).profile("mine")
    assert mine.routes == Routes(think="demo-opus", background="demo-haiku", long_context="demo-sonnet", over=60_000)
    assert mine.fallbacks == ("demo-sonnet", "demo-haiku")


def test_what_a_route_or_a_fallback_names_is_served(paths: Paths, write: Write) -> None:
    write(
        "profiles.yaml",
        "profiles:\n  a:\n    opus: demo-opus\n    routes: {image: demo-sonnet}\n    fallbacks: demo-haiku\n",
    )
    assert load_catalogue(paths).profile("a").served == ("demo-opus", "demo-sonnet", "demo-haiku")


def test_a_profile_takes_routes_over_one_by_one_and_fallbacks_as_a_whole(paths: Paths, write: Write) -> None:
    more = (
        "  late: {extends: mine, routes: {think: null, image: demo-haiku}}\n"
        "  none: {extends: mine, routes: {long_context: null}, fallbacks: []}\n"
    )
    write("profiles.yaml", MINE + more)
    catalogue = load_catalogue(paths)
    late, none = catalogue.profile("late"), catalogue.profile("none")
    assert late.routes == Routes(image="demo-haiku", background="demo-haiku", long_context="demo-sonnet", over=60_000)
    assert late.fallbacks == ("demo-sonnet", "demo-haiku")
    assert none.routes == Routes(think="demo-opus", background="demo-haiku")
    assert none.fallbacks == ()


@pytest.mark.parametrize(
    ("lines", "line", "key", "code", "help"),
    [
        ("routes: {thnik: demo-opus}", 4, "routes.thnik", "unknown-key", "Did you mean think?"),
        ("routes: [think]", 4, "routes", "config-invalid", "key: value"),
        ("routes: {think: 7}", 4, "routes.think", "config-invalid", "quotes"),
        ("routes:\n      think: demo-opsu", 5, "routes.think", "unknown-model", "Did you mean demo-opus"),
        ("routes: {long_context: demo-opus}", 4, "routes.long_context", "config-invalid", "key: value"),
        ("routes: {long_context: {model: demo-opus}}", 4, "routes.long_context", "config-invalid", "{over: 100000"),
        ("routes: {long_context: {over: 5}}", 4, "routes.long_context", "config-invalid", "{over: 100000"),
        ("routes: {long_context: {ovr: 5}}", 4, "routes.long_context.ovr", "unknown-key", "Did you mean over?"),
        (
            "routes: {long_context: {over: many, model: demo-opus}}",
            4,
            "routes.long_context.over",
            "config-invalid",
            "{over: 100000",
        ),
        (
            "routes: {long_context: {over: 5, model: demo-opsu}}",
            4,
            "routes.long_context.model",
            "unknown-model",
            "Did you mean demo-opus",
        ),
        ("fallbacks: [demo-opsu]", 4, "fallbacks.0", "unknown-model", "Did you mean demo-opus"),
        ("fallbacks: {a: b}", 4, "fallbacks", "config-invalid", "[one, two]"),
        ("fallbacks: [demo-opus, demo-haiku, demo-opus]", 4, "fallbacks.2", "fallback-circle", "Name demo-opus once"),
    ],
)
def test_what_cannot_be_used_names_file_line_and_key(
    paths: Paths, write: Write, lines: str, line: int, key: str, code: str, help: str
) -> None:
    path = write("profiles.yaml", f"profiles:\n  a:\n    extends: demo\n    {lines}\n")
    with pytest.raises(ConfigError) as raised:
        load_catalogue(paths)
    assert raised.value.facts == {"file": str(path), "line": line, "key": f"profiles.a.{key}"}
    assert raised.value.code == code
    assert help in raised.value.help


def test_a_circle_of_fallbacks_is_shown(paths: Paths, write: Write) -> None:
    write("profiles.yaml", "profiles:\n  a: {extends: demo, fallbacks: [demo-opus, demo-haiku, demo-opus]}\n")
    with pytest.raises(ConfigError, match="demo-opus → demo-haiku → demo-opus"):
        load_catalogue(paths)


def test_a_model_that_was_removed_leaves_the_routes_of_built_in_profiles(paths: Paths, write: Write) -> None:
    write("models.yaml", "models: {demo-haiku: null}\n")
    assert load_catalogue(paths).profile("demo").role("haiku") == "demo-sonnet"


def test_a_profile_can_be_used_without_the_keys_of_its_routes_and_fallbacks(paths: Paths, write: Write) -> None:
    write("profiles.yaml", "profiles:\n  a: {extends: demo, routes: {think: gpt-6-luna}, fallbacks: [gpt-6-luna]}\n")
    catalogue = load_catalogue(paths)
    profile = catalogue.profile("a")
    assert catalogue.missing(profile, lambda _: False) == {"gpt-6-luna": ("OPENAI_API_KEY",)}
    assert catalogue.usable(profile, lambda _: False)
    assert not catalogue.usable(catalogue.profile("openai"), lambda _: False)
