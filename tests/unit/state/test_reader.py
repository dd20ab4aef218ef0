"""The one reader of the JSON state files: what is broken is named, and counts as missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.state.applied import Applied, load_applied
from run_claude.state.deployed import deployed_secrets
from run_claude.state.intent import load_intent
from run_claude.state.reader import Broken, Fields, decode, load
from run_claude.state.watch_memory import load_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.settings import Settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("row", "read", "said"),
    [
        ({}, lambda row: row.text("name"), "name is missing"),
        ({"name": 7}, lambda row: row.text("name"), "name is not a string"),
        ({"at": "soon"}, lambda row: row.number("at"), "at is not a number"),
        ({"at": True}, lambda row: row.number("at"), "at is not a number"),
        ({"at": float("nan")}, lambda row: row.number("at"), "at is not a number"),
        ({"at": 10**400}, lambda row: row.number("at"), "at is not a number"),
        ({"n": 1.5}, lambda row: row.whole("n"), "n is not an integer"),
        ({"n": True}, lambda row: row.whole("n"), "n is not an integer"),
        ({"on": 1}, lambda row: row.switch("on"), "on is not true or false"),
        ({"all": {}}, lambda row: row.numbers("all"), "all is not a list"),
        ({"all": [1, "x"]}, lambda row: row.numbers("all"), r"all\[1\] is not a number"),
        ({"names": {"a": 1}}, lambda row: row.texts("names"), "names.a is not a string"),
        ({"names": []}, lambda row: row.texts("names"), "names is not an object"),
        ({"in": {}}, lambda row: row.child("in").text("deep"), "in.deep is missing"),
        ([], lambda row: row, "the content is not an object"),
    ],
)
def test_what_is_broken_is_named(row: object, read: Callable[[Fields], object], said: str) -> None:
    with pytest.raises(Broken, match=f"^{said}$"):
        read(Fields(row))


def test_what_is_well_is_returned() -> None:
    row = Fields({"name": "n", "at": 1, "n": 2, "on": False, "all": [1, 2.5], "names": {"a": "b"}, "none": None})
    found: list[Any] = [row.text("name"), row.number("at"), row.whole("n"), row.switch("on"), row.numbers("all")]
    assert found == ["n", 1.0, 2, False, (1.0, 2.5)]
    assert (row.texts("names"), row.texts("others"), row.optional("none")) == ({"a": "b"}, {}, None)
    assert row.text("other", "default") == "default"


@pytest.mark.parametrize("data", ["", "{", "nul", b"\xff", "[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(data: str | bytes) -> None:
    with pytest.raises(Broken, match=r"not JSON|not an object"):
        decode(data, lambda row: row)


def test_the_note_names_file_and_field(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"at": "soon"}')
    found, note = load(path, lambda row: row.number("at"))
    assert found is None
    assert note == f"{path} is ignored: at is not a number. The next start writes a new one."
    assert load(tmp_path / "none", lambda row: row.number("at")) == (None, "")


@given(row=JSON)
def test_no_file_of_ours_can_be_broken_in_a_way_that_fails(
    tmp_path_factory: pytest.TempPathFactory, row: object
) -> None:
    import json

    path = tmp_path_factory.mktemp("state") / "file.json"
    path.write_text(json.dumps(row), encoding="utf-8", errors="surrogatepass")
    load_intent(path)
    load_memory(path)
    assert isinstance(load_applied(path), Applied)
    os.unlink(path)  # noqa: PTH108 (thousands of them)


def test_secrets_that_cannot_be_read_count_as_none(settings: Settings) -> None:
    settings.paths.secrets_dir.mkdir(parents=True)
    settings.paths.litellm_secrets.write_text('{"LITELLM_MASTER_KEY": 7}')
    assert deployed_secrets(settings.paths) == {}
