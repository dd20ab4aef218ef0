"""Tell a key from what only looks like one, in values that are about to be written into a configuration. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from run_claude.config.model import INLINE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.config.yamlfile import KeyPath

__all__ = ["keys_inside"]

_SHORTEST = 16  # characters; servers without keys get `none` or `sk-1234`, and no provider's key is shorter
_SHORTEST_PASSWORD = 6

# By the last word of its name: `max_tokens` and `key_management_system` hold no key.
_KEY_NAME = re.compile(
    r"(?i)(?:^|[_-])(?:key|token|secret|credentials?|authorization|cookie|dsn)$"
    r"|(?:api|access|secret|auth|private|ingestion|license)_?(?:key|token)s?$"
)
_PASSWORD_NAME = re.compile(r"(?i)(?:^|[_-])(?:password|passwd|pwd|passphrase)$")
_PUBLIC_NAME = re.compile(r"(?i)(?:^|_)public_key$|_(?:name|file|path|url|id)$")
_HEADERS = re.compile(r"(?i)headers?$")
_KEY_HEADER = re.compile(r"(?i)auth|key|token|secret|cookie")

_FORMS = re.compile(  # of providers' keys, wherever they stand
    r"""(?x)
    \b(?:sk|pk|rk)-(?:[A-Za-z0-9]+[-_])*[A-Za-z0-9_-]{20,}
    | \b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|hf_|gsk_|pplx-|r8_|nvapi-|xai-|csk-|tgp_v1_|AIza|ya29\.)[\w-]{16,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    """
)
_SCHEME = re.compile(r"(?i)^(?:bearer|basic|token|apikey|api-key|key)[\s:=]+")
_WORDS = re.compile(r"[A-Za-z]+(?:[-_ .:/][A-Za-z]+)*[-_.]?")  # sk-no-key-required, google_secret_manager, NOT_NEEDED
_PLACEHOLDER = re.compile(
    r"(?i)^(?:<.*>|\[.*\]|\.{2,}|\*+|x{3,}|(?:sk-)?(?:1234|0+|x+)\w{0,8})$"
    r"|your[-_ ]|[-_ ]here\b|\bplaceholder|\bexample|\bdummy|\bfake|change[-_]?me|not[-_ ]?(?:needed|required)"
    r"|no[-_ ]?key"
)
_PATH = re.compile(r"^(?:~|\.{1,2})?/[^\s]*$|^[\w./-]+\.(?:json|pem|crt|key|yaml|yml|toml|ini|txt)$")
_QUERY = re.compile(r"(?i)key|token|secret|password|sig(?:nature)?$")


def keys_inside(value: Any, keys: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of each text in a value that is a key, or would become one when ``${NAME}`` is replaced."""
    match value:
        case str():
            if _is_key(value, keys):
                yield keys
        case dict():
            for key, item in value.items():
                yield from keys_inside(item, (*keys, key))
        case list():
            for index, item in enumerate(value):
                yield from keys_inside(item, (*keys, index))
        case _:
            return


def _is_key(text: str, keys: KeyPath) -> bool:
    if REFERENCE.fullmatch(text):
        return False
    if any(_opaque(found[0]) for found in _FORMS.finditer(text)) or _in_url(text):
        return True
    name = next((str(key) for key in reversed(keys) if isinstance(key, str)), "")
    above = [str(key) for key in keys[:-1] if isinstance(key, str)]
    in_header = bool(above) and bool(_HEADERS.search(above[-1])) and bool(_KEY_HEADER.search(name))
    if _PASSWORD_NAME.search(name):
        return bool(INLINE.search(text)) or (
            len(text) >= _SHORTEST_PASSWORD and "://" not in text and not _PLACEHOLDER.search(text)
        )
    if not in_header and (not _KEY_NAME.search(name) or _PUBLIC_NAME.search(name)):
        return False
    secret = _SCHEME.sub("", text.strip())
    return bool(INLINE.search(secret)) or _opaque(secret)


def _opaque(text: str) -> bool:
    """Whether a text is a key rather than words, an address, a file or a placeholder."""
    if len(text) < _SHORTEST or "://" in text or any(blank in text.strip() for blank in " \t"):
        return "PRIVATE KEY-----" in text or '"private_key"' in text
    return not (_WORDS.fullmatch(text) or _PATH.match(text) or _PLACEHOLDER.search(text))


def _in_url(text: str) -> bool:
    """Whether a text is an address with a password, or with a key in its query."""
    try:
        parts = urlsplit(text)
        if not parts.scheme or not parts.netloc:
            return False
        password = parts.password or ""
        queries = [value for name, value in parse_qsl(parts.query) if _QUERY.search(name)]
    except ValueError:
        return False
    if INLINE.search(password) or any(INLINE.search(value) for value in queries):
        return True
    return bool(password and not _PLACEHOLDER.search(password)) or any(map(_opaque, queries))
