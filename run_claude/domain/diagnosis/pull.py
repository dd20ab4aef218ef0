"""Find out why an image cannot be pulled: what registries, credential helpers and both image stores say."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.transport import quoted
from run_claude.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["pull_failure", "retry_after"]


def _status(numbers: str) -> str:
    """Return a pattern of an HTTP status, as a number alone may be anything: a size, a port."""
    return rf"(?:(?:[Ss]tatus|HTTP|[Cc]ode|[Rr]esponse)\b.*[\s=]|: ){numbers}(?![\w.])(?! ?[kMG]?i?B\b)"


class _Failure(NamedTuple):
    """How a pull fails; in its texts, ``{0}`` is the first group, ``{named}`` the image, ``{said}`` the line."""

    code: str
    pattern: str
    message: str = "{named} cannot be pulled: {said}"
    help: str = ""


# One line may match several; the first one counts. A proxy refuses before any registry is asked; a limit is told with
# the words of a refusal as well ("pull access denied for …: denied: … exceeded pull rate limit").
_FAILURES = (
    _Failure(
        "base-image-credentials",
        r"error (?:getting|listing) credentials - err: exec: \"([^\"]+)\": executable file not found",
        "{named} cannot be pulled: Docker's credential helper {0} is not installed.",
        "Install {0}, or remove credsStore and credHelpers that name it from Docker's config.json (~/.docker): public "
        "images need no login.",
    ),
    _Failure("base-image-credentials", r"error (?:getting|listing) credentials|credentials store error"),
    _Failure(
        "base-image-clock",
        r"certificate (?:has expired or )?is not (?:yet )?valid(?: yet)?: current time (\S+) is before",
        "{named} cannot be pulled: the engine's clock says {0}, which is before the registry's certificate.",
    ),
    _Failure("base-image-clock", r"certificate has expired|certificate is not yet valid|not yet valid: current time"),
    _Failure("base-image-certificate", r"x509: |tls: [\w ]*certificate|certificate signed by unknown authority"),
    _Failure(  # of an answer to CONNECT, Go's client has the reason alone
        "base-image-proxy",
        rf"proxyconnect|Proxy Authentication Required|{_status('407')}"
        r"|\"?https://[^\s\"]+\"?: (?!EOF\b)[A-Z][A-Za-z]*(?: [A-Za-z]+)*\s*$",
    ),
    _Failure(
        "base-image-limit",
        rf"(?i)toomanyrequests|too many requests|{_status('429')}|rate ?limit|pull limit|rate exceeded|quota exceeded"
        r"|limit exceeded",
    ),
    _Failure(
        "image-platform",
        r"no matching manifest for (\S+)|no match for platform|(?:match|provide) the specified platform",
        "{named} is not made for this engine's processor: {said}",
    ),
    _Failure(
        "base-image-registry",
        _status(r"5\d\d"),
    ),
    _Failure(
        "base-image-network",
        r"no such host|server misbehaving|i/o timeout|connection refused|network is unreachable|no route to host"
        r"|TLS handshake timeout|does not look like a TLS handshake|HTTP response to HTTPS client"
        r"|Client\.Timeout|deadline exceeded|connection reset|broken pipe|\bEOF\b"
        # Whatever else happens there: nothing was answered yet.
        r"|\bdial (?:tcp|udp)|\b(?:read|write) (?:tcp|udp)|\blookup [\w.-]+(?: on |: )|\btls: "
        r"|transport connection broken",
    ),
    _Failure(
        "base-image-unknown",
        r"pull access denied|manifest unknown|not found|unauthorized|denied|no basic auth credentials"
        rf"|{_status('40[134]')}",
    ),
)
_IMAGE = r"failed to resolve source metadata for (\S+?): |pull access denied for ([^\s,]+)|manifest for (\S+) not found"
# What only a pull says. Everything else may be said of other things as well.
_PULL = (
    r"failed to resolve source metadata for |failed to do request|\"https?://|dial tcp|lookup [\w.-]+(?: on |: )"
    r"|Proxy Auth"
    r"|pull access denied|manifest (?:unknown|for \S+ not found)"
    r"|error (?:getting|listing) credentials|httpReadSeeker|pulling from host|unexpected (?:HTTP )?status"
    r"|error from registry|toomanyrequests|no matching manifest|no match for platform"
    r"|error parsing HTTP|was found but does not (?:match|provide)"
)
# `retry-after: 985.86µs`, `Retry-After: 60`, `try again in 1 minute 30 seconds`, `retry in 1h2m3.5s`
_WHEN = r"(?i)(?:retry[- ]after:?|(?:try again|retry) (?:in|after)) +((?:[0-9.]+ ?[a-zµμ]*(?:,? (?:and )?(?=[0-9]))?)+)"
_UNITS = (
    (r"ns|nano\w*", 1e-9),
    (r"[uµμ]s|micro\w*", 1e-6),
    (r"ms|milli\w*", 1e-3),
    (r"(?:s|secs?|seconds?)?", 1),
    (r"m|mins?|minutes?", 60),
    (r"h|hrs?|hours?", 3600),
    (r"d|days?", 86400),
)
_LONGEST_WAIT = 30 * 86400  # seconds; whatever says more is none


def pull_failure(command: str, said: str, tail: str, known: Mapping[str, object]) -> RunClaudeError | None:
    """Return why an image cannot be pulled; ``None`` if a build step failed, whatever it printed about its network.

    :param command: what Compose was asked: of a ``pull``, every line is about one
    :param said: what Compose and the engine say themselves
    :param known: facts; ``image`` is named where the text names none
    :param tail: the end of the whole output, for people
    """
    if "did not complete successfully" in said:
        return None
    for line in reversed(said.splitlines()):
        if not re.search(_PULL, line) and not (command.startswith("pull") and line.strip()):
            continue
        for failure in _FAILURES:
            if match := re.search(failure.pattern, line):
                return _told(failure, match, line, said, tail, known)
    return None


def _told(
    failure: _Failure, match: re.Match[str], line: str, said: str, tail: str, known: Mapping[str, object]
) -> RunClaudeError:
    words = re.sub(r"^(?:.*Error response from daemon|failed to solve): ", "", line.strip())
    words = re.split(r"failed to (?:do request|resolve source metadata for \S+|resolve reference \S+): ", words)[-1]
    group = next((text for text in match.groups() if text), "")
    image = next(
        (name for found in re.finditer(_IMAGE, said) for name in found.groups() if name), known.get("image", "")
    )
    named = f"The base image {image}" if image else "A base image"
    facts: dict[str, object] = {**known, "image": image}
    help = failure.help
    if failure.code == "base-image-limit" and (seconds := retry_after(said)) is not None:
        facts["retry_after"] = seconds
        help = f"Try again in {seconds} s, or raise the limit with `docker login`."
    return caused(
        failure.code,
        failure.message.format(group, named=named, said=quoted(words, length=200)),
        help=help.format(group),
        kind=BuildError if failure.code == "image-platform" else None,
        detail=tail,
        facts=facts,
    )


def retry_after(said: str) -> int | None:
    """Return in how many seconds to try again, rounded up; ``None`` if the text does not say when."""
    if (found := re.search(_WHEN, said)) is None:
        return None
    seconds = 0.0
    for number, unit in re.findall(r"([0-9]+(?:\.[0-9]+)?) ?([a-zµμ]*)", found[1].lower()):
        factor = next((factor for names, factor in _UNITS if re.fullmatch(names, unit)), None)
        if factor is None:
            return None
        seconds += float(number) * factor
    return max(1, ceil(seconds)) if seconds <= _LONGEST_WAIT else None
