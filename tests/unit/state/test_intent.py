from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.state.intent import Intent, load_intent, save_intent

if TYPE_CHECKING:
    from pathlib import Path


@given(
    st.builds(
        Intent,
        wanted=st.sampled_from(["up", "down"]),
        database=st.booleans(),
        profile=st.text(st.characters(codec="utf-8"), min_size=1),
        at=st.floats(0, 1e12),
    )
)
def test_a_saved_intent_is_loaded(tmp_path_factory: pytest.TempPathFactory, intent: Intent) -> None:
    path = tmp_path_factory.mktemp("intent") / "intent.json"
    save_intent(path, intent)
    assert load_intent(path) == (intent, "")


def test_no_file_is_no_intent_and_nothing_to_say(tmp_path: Path) -> None:
    assert load_intent(tmp_path / "no") == (None, "")


def test_what_an_older_release_wrote_at_a_stop_before_the_first_start_is_none(tmp_path: Path) -> None:
    path = tmp_path / "intent.json"
    path.write_text('{"wanted": "down", "database": false, "profile": "", "said": {}, "at": 1.5}')
    assert load_intent(path) == (None, "")


_GOOD = b'{"wanted": "up", "database": true, "profile": "demo", "at": 1.5}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        _GOOD.replace(b'"up"', b'"sideways"'),
        _GOOD.replace(b"true", b'"yes"'),
        _GOOD.replace(b'"demo"', b"7"),
        _GOOD.replace(b"1.5", b'"soon"'),
        _GOOD.replace(b"1.5", b"null"),
    ],
)
def test_a_broken_file_counts_as_none_and_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "intent.json"
    path.write_bytes(content)
    intent, note = load_intent(path)
    assert intent is None
    assert str(path) in note
    assert path.read_bytes() == content


def test_an_unreadable_file_counts_as_none_and_is_said(tmp_path: Path) -> None:
    intent, note = load_intent(tmp_path)
    assert intent is None
    assert "cannot be read" in note
