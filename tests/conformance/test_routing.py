"""Where a request goes, and why: pure functions, without LiteLLM."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from callbacks.profiles import Profiles
from callbacks.routing import Decision, Unserved, decide, tier_of

if TYPE_CHECKING:
    from pathlib import Path

PROFILE: dict[str, Any] = {
    "tiers": {"opus": "big", "sonnet": "middle", "haiku": "small"},
    "models": ["other", "claude-opus-9", "deep", "quick", "seer", "finder", "long"],
    "routes": {
        "think": "deep",
        "background": "quick",
        "image": "seer",
        "web_search": "finder",
        "long_context": {"over": 2000, "model": "long"},
    },
    "fallbacks": ["other", "small"],
}
SERVED = {"foreign", "claude-opus-5-5"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a" * 5_000_000}}
THINKING = {"type": "adaptive"}
TOOL = {"name": "Read", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
CALLED = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Read", "input": {}}]}
ANSWERED = {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}]}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def goes(name: str, *, named: bool = True, profile: dict[str, Any] = PROFILE, **request: Any) -> Decision:
    found = decide(name, profile, request, profile_name="mine", named=named, serves=SERVED.__contains__)
    assert isinstance(found, Decision), found
    return found


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("opus", "opus"),
        ("Sonnet", "sonnet"),
        ("haiku[1m]", "haiku"),
        ("fable", "fable"),
        ("claude-opus-4-8", "opus"),
        ("claude-opus-4-8[1m]", "opus"),
        ("claude-fable-5", "fable"),
        ("claude-sonnet-4-5-20250929", "sonnet"),
        ("claude-3-5-haiku-20241022", "haiku"),
        ("claude-3-opus-latest", "opus"),
        ("claude-3.7-sonnet", "sonnet"),
        ("claude-haiku", "haiku"),
        ("anthropic/claude-opus-4.1", "opus"),
        ("us.anthropic.claude-opus-4-20250514-v1:0", "opus"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "sonnet"),
        ("claude-opus-4@20250514", "opus"),
        ("bedrock-claude-opus-5-5", ""),
        ("openrouter-claude-opus-5.5", ""),
        ("claude-opus-router", ""),
        ("my-opus", ""),
        ("opusplan", ""),
        ("claude-2.1", ""),
        ("gpt-6-luna", ""),
        ("", ""),
    ],
)
def test_names_of_claudes_have_a_tier_and_no_others(name: str, tier: str) -> None:
    assert tier_of(name) == tier


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-opus-4-8", "big"),
        ("sonnet", "middle"),
        ("fable", "big"),
        ("other", "other"),
        ("other[1m]", "other"),
        ("claude-opus-9", "claude-opus-9"),  # the profile's own, though it looks like a tier
        ("claude-opus-5-5", "big"),  # served, but whoever names the profile wants its opus
        ("foreign", "foreign"),
    ],
)
def test_a_name_is_looked_for_in_the_profile_then_among_tiers_then_among_all(name: str, model: str) -> None:
    assert goes(name, tools=[TOOL]).model == model


def test_who_names_no_profile_means_a_model_by_its_name_first() -> None:
    assert goes("claude-opus-5-5", named=False).model == "claude-opus-5-5"
    assert goes("claude-opus-4-8", named=False).model == "big"


def test_a_profile_with_a_fable_has_its_own() -> None:
    profile = {**PROFILE, "tiers": {**PROFILE["tiers"], "fable": "huge"}}
    assert goes("claude-fable-5", profile=profile).model == "huge"


def test_what_there_is_not_is_answered_with_what_there_is() -> None:
    found = decide("gpt-5", PROFILE, {}, profile_name="mine", named=True, serves=SERVED.__contains__)
    assert isinstance(found, Unserved)
    for part in ("'gpt-5'", "mine", "opus (big)", "sonnet (middle)", "haiku (small)", "other"):
        assert part in found.message


@pytest.mark.parametrize(
    ("name", "request_", "model", "route"),
    [
        ("opus", {"tools": [TOOL]}, "big", ""),
        ("big", {"tools": [TOOL], "thinking": THINKING}, "deep", "think"),
        ("sonnet", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "deep", "think"),
        ("sonnet", {"thinking": {"type": "disabled"}}, "middle", ""),
        ("haiku", {}, "quick", "background"),
        ("small", {"tools": []}, "quick", "background"),
        ("haiku", {"tools": [TOOL]}, "small", ""),
        ("opus", {}, "big", ""),
        ("haiku", {"tools": [SEARCH]}, "finder", "web_search"),
        ("opus", {"tools": [TOOL, SEARCH], "thinking": THINKING}, "finder", "web_search"),
        ("opus", {"messages": [user(IMAGE)], "thinking": THINKING}, "seer", "image"),
        ("opus", {"messages": [user(IMAGE), CALLED, RESULT]}, "seer", "image"),
        ("opus", {"messages": [user({"type": "tool_result", "content": [IMAGE]})]}, "seer", "image"),
        ("opus", {"messages": [user(IMAGE), ANSWERED, user({"type": "text", "text": "thanks"})]}, "big", ""),
        ("opus", {"messages": [{"role": "user", "content": "x" * 4000}, user(IMAGE)]}, "long", "long_context"),
        ("other", {"thinking": THINKING}, "other", ""),  # asked for by its name
        ("foreign", {"thinking": THINKING}, "foreign", ""),
    ],
)
def test_the_first_route_that_fits_is_taken(name: str, request_: dict[str, Any], model: str, route: str) -> None:
    found = goes(name, **request_)
    assert (found.model, found.route) == (model, route)
    assert found.why
    assert route in found.why


def test_where_one_model_serves_all_tiers_nothing_is_taken_for_background() -> None:
    profile = {"tiers": dict.fromkeys(("opus", "sonnet", "haiku"), "one"), "routes": {"background": "quick"}}
    assert goes("one", profile=profile).model == "one"
    assert goes("claude-haiku-5", profile=profile).model == "quick"


def test_fallbacks_are_the_profiles_without_the_model_itself() -> None:
    assert goes("opus").fallbacks == ("other", "small")
    assert goes("other").fallbacks == ("small",)
    assert goes("foreign").fallbacks == ()  # of another profile, or of none


@pytest.mark.parametrize("odd", [None, 7, "x", {}, [], [None], [{"role": "user"}], [{"content": [None, 7, "x"]}], [7]])
def test_odd_requests_are_decided_too(odd: Any) -> None:
    assert goes("opus", messages=odd, tools=[None]).model == "big"
    assert goes("opus", messages=[odd], system=odd, thinking=odd, tools=odd).model == "big"


def test_a_decision_about_200_kb_is_quick() -> None:
    text = {"type": "text", "text": "x" * 1000}
    messages = [
        message for _ in range(70) for message in (user(text), {**CALLED, "content": [text, *CALLED["content"]]})
    ]
    request: dict[str, Any] = {"messages": messages, "tools": [{**TOOL, "description": "x" * 2500}] * 24}
    assert len(json.dumps(request)) > 200_000
    profile = {**PROFILE, "routes": {**PROFILE["routes"], "long_context": {"over": 10**9, "model": "long"}}}
    times = []
    for _ in range(20):
        began = time.perf_counter()
        goes("opus", profile=profile, **request)
        times.append(time.perf_counter() - began)
    # In bench: under 0.1 ms. Here only that nobody walks through every character.
    assert median(times) < 0.02


# --- the files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def profiles(tmp_path: Path, warnings: list[str]) -> Profiles:
    return Profiles(warnings.append, tmp_path)


def put(path: Path, text: str) -> None:
    """Replace a file as run-claude does."""
    new = path.with_suffix(".tmp")
    new.write_text(f"{text.strip()}\n")
    new.replace(path)


def test_without_files_there_are_no_profiles(profiles: Profiles, warnings: list[str]) -> None:
    profiles.refresh()
    assert (profiles.by_name, profiles.default, warnings) == ({}, "", [])


def test_what_is_replaced_is_read_again(profiles: Profiles, tmp_path: Path) -> None:
    for name in ("one", "two"):
        put(tmp_path / "profiles.json", json.dumps({"profiles": {name: PROFILE}}))
        put(tmp_path / "default", f"{name}\n")
        profiles.refresh()
        assert (set(profiles.by_name), profiles.default) == ({name}, name)


@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"profiles": 7}', '{"profiles": {"a": 1}}'])
def test_a_broken_file_is_told_once_and_changes_nothing(
    profiles: Profiles, warnings: list[str], tmp_path: Path, broken: str
) -> None:
    put(tmp_path / "profiles.json", json.dumps({"profiles": {"one": PROFILE}}))
    profiles.refresh()
    put(tmp_path / "profiles.json", broken)
    profiles.refresh()
    profiles.refresh()
    assert set(profiles.by_name) == {"one"}
    assert len(warnings) == 1
    assert "profiles.json" in warnings[0]


@pytest.mark.parametrize("half", ["", "tw"])
def test_what_is_being_written_is_read_when_it_is_complete(
    profiles: Profiles, warnings: list[str], tmp_path: Path, half: str
) -> None:
    put(tmp_path / "profiles.json", json.dumps({"profiles": {"one": PROFILE}}))
    put(tmp_path / "default", "one")
    profiles.refresh()
    whole = json.dumps({"profiles": {"two": PROFILE}})
    (tmp_path / "default").write_text(half)
    (tmp_path / "profiles.json").write_text(whole[: len(half) * 10])
    profiles.refresh()
    assert (set(profiles.by_name), profiles.default, warnings) == ({"one"}, "one", [])
    put(tmp_path / "default", "two")
    put(tmp_path / "profiles.json", whole)
    profiles.refresh()
    assert (set(profiles.by_name), profiles.default, warnings) == ({"two"}, "two", [])


# --- the other formats ------------------------------------------------------------------------------------------------

INPUT_IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,aWNvbg=="}
ASKED: dict[str, Any] = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}]}
SHOWN: dict[str, Any] = {"type": "message", "role": "user", "content": [INPUT_IMAGE]}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I will."}]}
CALL = {"type": "function_call", "call_id": "1", "name": "shell", "arguments": "{}"}
PATCH = {"type": "custom_tool_call", "call_id": "2", "name": "apply_patch", "input": "*** Begin Patch"}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": "x"}
PICTURE = {"type": "function_call_output", "call_id": "1", "output": [INPUT_IMAGE]}
FUNCTION = {"type": "function", "name": "shell", "parameters": {}}


@pytest.mark.parametrize(
    ("name", "request_", "model", "route"),
    [
        ("opus", {"input": "hello"}, "big", ""),
        ("opus", {"input": [ASKED], "tools": [FUNCTION]}, "big", ""),
        ("opus", {"input": [ASKED], "reasoning": {"effort": "medium", "summary": "auto"}}, "deep", "think"),
        ("opus", {"input": [ASKED], "reasoning": {"effort": "none"}}, "big", ""),
        ("opus", {"input": [ASKED], "reasoning": {"effort": "minimal"}}, "big", ""),
        ("opus", {"input": [ASKED], "reasoning": {"summary": "auto"}}, "big", ""),
        ("opus", {"messages": [user()], "reasoning_effort": "high"}, "deep", "think"),
        ("opus", {"messages": [user()], "reasoning_effort": "none"}, "big", ""),
        ("haiku", {"input": [ASKED]}, "quick", "background"),
        ("haiku", {"input": [ASKED], "tools": [FUNCTION]}, "small", ""),
        ("opus", {"input": [ASKED], "tools": [FUNCTION, {"type": "web_search"}]}, "finder", "web_search"),
        ("opus", {"input": [ASKED], "tools": [{"type": "web_search_preview"}]}, "finder", "web_search"),
        ("opus", {"input": [SHOWN]}, "seer", "image"),
        ("opus", {"input": [SHOWN, SAID, CALL, OUTPUT]}, "seer", "image"),
        ("opus", {"input": [SHOWN, CALL, OUTPUT, SAID, PATCH]}, "seer", "image"),
        ("opus", {"input": [ASKED, CALL, PICTURE]}, "seer", "image"),
        ("opus", {"input": [SHOWN, SAID, ASKED]}, "big", ""),
        ("opus", {"input": [SHOWN, CALL, OUTPUT, SAID, ASKED]}, "big", ""),
        ("opus", {"instructions": "x" * 4000, "input": "x" * 4000}, "long", "long_context"),
        ("opus", {"input": [ASKED, CALL, {**OUTPUT, "output": "x" * 8000}]}, "long", "long_context"),
        ("opus", {"input": [ASKED, {**CALL, "arguments": "x" * 8000}]}, "long", "long_context"),
    ],
)
def test_requests_of_codex_and_opencode_take_routes_too(
    name: str, request_: dict[str, Any], model: str, route: str
) -> None:
    found = goes(name, **request_)
    assert (found.model, found.route) == (model, route)


@pytest.mark.parametrize("odd", [None, 7, {}, [None], [{"type": "message"}], [{"type": 7}], [{"output": 7}]])
def test_odd_requests_of_responses_are_decided_too(odd: Any) -> None:
    assert goes("opus", input=odd, reasoning=odd, instructions=odd).model == "big"
