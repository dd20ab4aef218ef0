"""What a killed command leaves behind for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.domain.lifecycle import Service
from run_claude.state.unfinished import Unfinished, forget_unfinished, load_unfinished, save_unfinished

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("services", [(), (Service.LITELLM,), tuple(Service)])
@pytest.mark.parametrize("password", [True, False])
def test_what_was_begun_is_known(tmp_path: Path, services: tuple[Service, ...], password: bool) -> None:
    path, mark = tmp_path / "unfinished.json", Unfinished(command="proxy restart", services=services, password=password)
    save_unfinished(path, mark)
    assert load_unfinished(path) == mark
    forget_unfinished(path)
    forget_unfinished(path)
    assert load_unfinished(path) is None


def test_a_broken_mark_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "unfinished.json"
    path.write_text('{"command": 7}')
    assert load_unfinished(path) is None
