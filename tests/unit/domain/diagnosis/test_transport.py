"""What a failed connection means is the same for each of the three HTTP clients."""

from __future__ import annotations

import errno
import ssl

import aiohttp
import h11
import httpx
import pytest

from run_claude.docker.http import HttpError
from run_claude.domain.diagnosis import engine_unreachable, gateway_unreachable, quoted
from run_claude.domain.diagnosis.transport import Failure, failure_of


def caused_by(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
DENIED = PermissionError(errno.EACCES, "Permission denied")
MISSING = FileNotFoundError(errno.ENOENT, "No such file or directory")
RESET = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        # h11 over asyncio
        (REFUSED, Failure.REFUSED),
        (DENIED, Failure.DENIED),
        (MISSING, Failure.MISSING),
        (TimeoutError(), Failure.TIMEOUT),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), Failure.TLS),  # its 1 is no EPERM
        (caused_by(HttpError("alert"), ssl.SSLError(1, "tlsv13 alert certificate required")), Failure.TLS),
        (caused_by(HttpError("reset"), RESET), Failure.BROKEN),
        (caused_by(HttpError("not HTTP"), h11.RemoteProtocolError("not HTTP")), Failure.BROKEN),
        # aiodocker, over aiohttp
        (aiohttp.ClientOSError(errno.EACCES, "Permission denied"), Failure.DENIED),
        (caused_by(aiohttp.ClientError("Cannot connect"), REFUSED), Failure.REFUSED),
        (aiohttp.ServerTimeoutError(), Failure.TIMEOUT),
        (aiohttp.ClientPayloadError("incomplete"), Failure.BROKEN),
        # httpx
        (httpx.ConnectError("All connection attempts failed"), Failure.REFUSED),
        (caused_by(httpx.ConnectError(""), REFUSED), Failure.REFUSED),
        (httpx.ReadTimeout("slow"), Failure.TIMEOUT),
        (caused_by(httpx.ReadError(""), RESET), Failure.BROKEN),
        (httpx.RemoteProtocolError("not HTTP"), Failure.BROKEN),
    ],
    ids=lambda value: value.name if isinstance(value, Failure) else type(value).__name__,
)
def test_one_reading_for_what_each_client_raises(error: BaseException, failure: Failure) -> None:
    assert failure_of(error) is failure


@pytest.mark.parametrize(
    ("error", "engine", "gateway"),
    [
        (REFUSED, "engine-not-running", "gateway-unreachable"),
        (TimeoutError(), "engine-frozen", "gateway-timeout"),
        (ssl.SSLError(1, "unknown ca"), "engine-tls", "gateway-unreachable"),
        (RESET, "engine-connection", "gateway-unreachable"),
    ],
    ids=["refused", "time-out", "tls", "reset"],
)
def test_a_failure_is_a_cause_of_the_side_that_was_asked(error: BaseException, engine: str, gateway: str) -> None:
    assert engine_unreachable("unix:///var/run/docker.sock", error).code == engine
    assert gateway_unreachable("http://127.0.0.1:4444", error).code == gateway


def test_what_the_other_side_said_is_quoted_on_one_line_without_secrets() -> None:
    said = "Incorrect API key provided:\n  sk-planted-1234567890; see http://user:planted@proxy/ and my-own-planted-key"
    text = quoted(said, {"my-own-planted-key"})
    assert "planted" not in text
    assert "\n" not in text
    assert quoted("x" * 1000, length=300) == "x" * 300
    error = engine_unreachable("tcp://10.0.0.1:2375", RuntimeError("via http://user:planted@proxy/"))
    assert "planted" not in str(error.as_json())
