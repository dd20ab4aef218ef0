"""Who listens where, on this machine."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from run_claude.stack.holders import is_free, next_free, process_on

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free("127.0.0.1", taken)


def test_the_next_free_port_is_above_and_free(taken: int) -> None:
    port = next_free("127.0.0.1", taken)
    assert port is not None
    assert port > taken
    assert is_free("127.0.0.1", port)


def test_there_is_no_next_port_above_the_last() -> None:
    assert next_free("127.0.0.1", 65535) is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_holder_is_named_with_its_pid(taken: int) -> None:
    assert process_on(taken).endswith(f"(pid {os.getpid()})")


def test_nobody_is_named_for_a_free_port(taken: int) -> None:
    port = next_free("127.0.0.1", taken)
    assert port is not None
    assert process_on(port) == ""
