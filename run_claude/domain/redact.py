"""Remove secrets from a text: known values, and whatever looks like a secret. Pure."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from run_claude.domain.words import is_plain, is_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["is_secret", "looks_secret", "redacted", "secret_values"]

_GONE = "[redacted]"

_SECRET_NAME = re.compile(
    r"(?i)key|token|secret|passw|pwd|credential|auth|cookie|session|dsn|private|signature|(?:^|_)pat(?:$|_)"
)
_PUBLIC_NAME = re.compile(  # settings of run-claude and Compose: a report needs their values
    r"^(?:RUN_CLAUDE_(?!.*PASS)\w+|LITELLM_PORT|LITELLM_LOG|COMPOSE_\w+|DOCKER_(?!.*(?:PASS|AUTH))\w+"
    r"|SSH_AUTH_SOCK|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|XAUTHORITY|XDG_SESSION_\w+|DESKTOP_SESSION"
    r"|DBUS_SESSION_BUS_ADDRESS|GPG_KEY|PWD|OLDPWD|MAX_THINKING_TOKENS)$"
)
_OURS = re.compile(
    r"^(?:LITELLM_(?:MASTER|SALT)_KEY|UI_PASSWORD|RUN_CLAUDE_\w*PASSWORD|DATABASE_PASSWORD)$"
)  # as they are
_SHORTEST = 4  # characters; anything shorter is no secret, and would remove half of the text


def _unless_said(found: re.Match[str]) -> str:
    """Take a secret's value out; leave what is said of fetching one: ``failed to fetch oauth token: unexpected …``."""
    name = found[1].lower()
    said = name.endswith("token: ") and found[2].isalpha() and is_plain(found[2])
    address = name.endswith('": ') and found.string[: found.start()].endswith("/")  # `Get "https://…/token": EOF`
    return found[0] if said or address else found[1] + _GONE


_PATTERNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL if "BEGIN" in pattern else 0), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", _GONE),
        (r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?:\w+\s+)?[^\s\"',}]+", rf"\1{_GONE}"),
        (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", rf"\1 {_GONE}"),
        (r"(?i)\b((?:x-)?(?:litellm-)?api[-_]?key[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+", rf"\1{_GONE}"),
        # In parameters of signed addresses.
        (r"(?i)((?:\\u0026|\b)(?:\w+-){0,4}(?:signature|credential|sig)=)[^\s&\"']+", rf"\1{_GONE}"),
        (
            r"(?i)\b(\w*(?:password|passwd|secret|token)[\"']?\s*[:=]\s*[\"']?)(?!\[redacted)([^\s\"',}]{3,})",
            _unless_said,
        ),
        (r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@\"']+@", rf"\1{_GONE}@"),
        (r"\bsk-[A-Za-z0-9_-]{4,}", _GONE),
        (
            r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|hf_|gsk_|dckr_[po]at_|pplx-|r8_|nvapi-|AKIA|ASIA|AIza|ya29\.)[\w-]{8,}",
            _GONE,
        ),
        (r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?", _GONE),
    )
)


def looks_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret, judging by the name alone."""
    return bool(_SECRET_NAME.search(name)) and not _PUBLIC_NAME.match(name)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable's value is none to show: by its name, unless it is plain, or by the form of the value."""
    if _ours(name) or redacted(value, ()) != value:
        return True
    return looks_secret(name) and bool(value) and not is_plain(value)


def secret_values(file: Mapping[str, str], process: Mapping[str, str]) -> set[str]:
    """Return the values that must not be shown.

    Our own secrets count whatever they look like. Of the others, a value that is a number, a switch, a path or a common
    word is no secret because of the name of its variable: without it, no message could be read.

    :param file: the variables in `.env`: all count, except run-claude's own settings
    :param process: the process environment: variables with the name of a secret count
    """
    found = {
        value for name, value in file.items() if not _PUBLIC_NAME.match(name) and (_ours(name) or not is_plain(value))
    }
    found |= {
        value
        for name, value in process.items()
        if looks_secret(name) and (_ours(name) or not (is_plain(value) or is_word(value)))
    }
    return {value for value in found if len(value.strip()) >= _SHORTEST}


def _ours(name: str) -> bool:
    return bool(_OURS.match(name))


def redacted(text: str, secrets: Iterable[str], *, home: str = "") -> str:
    """Return the text without the secrets, in any encoding, and without anything that looks like a secret.

    :param home: the user's home folder, which contains the user's name; it is replaced with ``~``
    """
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):  # longest first: one may be part of another
        text = text.replace(form, _GONE)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text.replace(home, "~") if len(home) > 1 else text


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, as URLs, JSON, YAML and headers encode it, and each of its lines.

    A variable's value need not be UTF-8: what is not stands in it as surrogates, and in a log in one of several ways.
    """
    data = _bytes(secret)
    forms = {
        secret,
        secret.strip(),
        quote(data, safe=""),
        quote_plus(data),
        secret.replace("'", "''"),
        repr(secret)[1:-1],
    }
    forms |= {quote(data), quote(data, safe="").replace("%7E", "~")}
    forms |= {re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in list(forms) if "%" in form}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    forms |= {base64.b64encode(data).decode().rstrip("="), base64.urlsafe_b64encode(data).decode().rstrip("=")}
    forms |= {data.decode(errors=errors) for errors in ("replace", "backslashreplace", "ignore")} | {
        data.decode("latin-1")
    }
    forms |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= 8}
    return {form for form in forms if len(form) >= _SHORTEST}


def _bytes(text: str) -> bytes:
    """Return the bytes of a text that may have been decoded from anything."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
