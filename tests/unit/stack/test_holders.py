"""Who listens where, on this machine."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from run_claude.stack.holders import has_address, is_free, next_free, process_on

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


def test_an_address_is_this_hosts_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_address("127.0.0.1")
    assert has_address("0.0.0.0")  # noqa: S104 (every address of this host)
    assert not has_address("192.0.2.77")

    def without_ipv6(family: int, kind: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", without_ipv6)
    assert not has_address("::1")
