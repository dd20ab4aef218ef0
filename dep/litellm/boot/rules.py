"""Who may speak to LiteLLM, and of what: decisions on values, made before a byte of a body is read. Knows no LiteLLM.

A key is looked for where LiteLLM looks, in its order (``get_api_key`` in litellm/proxy/auth/user_api_key_auth.py), so
that both mean the same one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Headers = list[tuple[bytes, bytes]]

__all__ = [
    "HEALTH",
    "PROFILE",
    "SPEAKER",
    "Hosts",
    "Refusal",
    "as_client",
    "from_elsewhere",
    "given_key",
    "is_for_clients",
    "is_page",
    "is_plausible",
    "names_environment",
    "refers_to_environment",
]

PROFILE = b"x-run-claude-profile"
SPEAKER = b"x-run-claude-speaker"  # the guard's word to the callbacks: `admin`, `client`, `other`
HEALTH = frozenset({"/health/liveliness", "/health/liveness", "/health/readiness"})  # what probes ask, without a key

_KEYS = (
    b"x-litellm-api-key",
    b"authorization",
    b"api-key",
    b"x-api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
)
_LOGIN = b"sk-ant-oat"  # of a Claude subscription: for Anthropic, beside a key of ours
# What is asked of a model, and the list of models. A subset of LiteLLM's own `LiteLLMRoutes.llm_api_routes`, without
# what acts on a provider's account or passes a request through as it is (tests/image compares the two).
_FOR_CLIENTS = re.compile(
    r"""/v1/messages(/count_tokens)?
    | (/v1)?/(chat/completions | completions | embeddings | moderations)
    | (/v1)?/(images/(generations|edits) | audio/(transcriptions|speech))
    | (/v1)?/responses(/[^/]+(/(cancel|input_items))?)?
    | (/v[12])?/rerank
    | (/v1)?/models(/.+)?
    | (/v1beta)?/models/.+:(countTokens|generateContent|streamGenerateContent)""",
    re.VERBOSE,
)
_REFERENCES = re.compile(r"os\.environ/|oidc/(env|file|env_path)/")
_GENERATES = re.compile(r"(/v1beta)?/models/.+:(countTokens|generateContent|streamGenerateContent)")
# LiteLLM's admin pages, before somebody has logged in to them; their calls bring a key.
_PAGE = re.compile(
    r"""/ | /ui(/.*)? | /_next/.* | /litellm-asset-prefix/.* | /favicon\.ico | /get_(image|favicon|logo_url)
    | /(v[23]/)?login(/.*)? | /fallback/login | /sso/.* | /onboarding/.* | /get/ui_(theme_)?settings
    | (/litellm)?/\.well-known/litellm-ui-config | /public/.*""",
    re.VERBOSE,
)


_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
_NESTED = 4


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the guard's own.

    :param reason: under which it is counted
    :param message: what the client is told
    """

    status: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names that this proxy is called by.

    :param any_address: whether it listens on each address of the machine; a page that gives its own name another
        address (DNS rebinding) needs a name for it
    """

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, bind: str, names: Iterable[str]) -> Hosts:
        """Return those of a proxy that listens on an address, with the loopback names and others."""
        bare = bind.strip("[]") or "127.0.0.1"
        loopback = ("localhost", "127.0.0.1", "::1", "host.docker.internal")
        ours = {_bare(name.strip().lower()) for name in (*loopback, bare, *names)}
        return cls(frozenset(ours - {""}), bare in ("0.0.0.0", "::"))  # noqa: S104 (not bound here)

    def __contains__(self, host: str) -> bool:
        """Whether a Host header's value, with or without a port, is one of them."""
        name = _bare(host.lower())
        return name in self.names or (self.any_address and _is_address(name))


def from_elsewhere(method: str, headers: Mapping[bytes, bytes], hosts: Hosts, own: str) -> Refusal | None:
    """Return why a request is not for this proxy, or is not from a page of its own; ``None`` if it may go on.

    :param own: the address that the connection has on this side
    """
    host = headers.get(b"host", b"").decode("latin-1")
    if not host or not (host in hosts or _bare(host) == own):
        words = "This proxy is not called by this name. RUN_CLAUDE_ALLOWED_HOSTS adds one (run-claude config set)."
        return Refusal(421, "for a foreign Host", words)
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host.lower():
        return Refusal(403, "from a foreign page", "Pages of other origins may not use this proxy.")
    # A page's images, forms and scripts bring no Origin; browsers say so here.
    if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
        return Refusal(403, "from a foreign page", "Pages of other origins may not use this proxy.")
    if method == "OPTIONS":
        return Refusal(403, "preflights", "Pages of other origins may not use this proxy.")
    return None


def given_key(path: str, headers: Mapping[bytes, bytes], query: bytes) -> tuple[bytes, str]:
    """Return where a request has its key (a header's name, or ``?key``), and the key; both empty without one."""
    for name in _KEYS:
        value = headers.get(name)
        if value is None or (name == b"authorization" and not value):
            continue
        text = value.decode("latin-1")
        if name == b"authorization":
            return name, text[7:].strip() if text[:7] in ("Bearer ", "bearer ") else ""
        return name, text.removeprefix("Bearer ").removeprefix("bearer ").strip() if name == _KEYS[0] else text
    if _GENERATES.fullmatch(path) and (key := dict(parse_qsl(query.decode("latin-1"))).get("key")):
        return b"?key", key
    for protocol in headers.get(b"sec-websocket-protocol", b"").decode("latin-1").split(","):
        if (key := protocol.strip()).startswith("openai-insecure-api-key."):
            return b"sec-websocket-protocol", key.partition(".")[2]
    return b"", ""


def is_plausible(key: str) -> bool:
    """Whether a key may be one that LiteLLM knows: its own forms have more than this."""
    return bool(re.fullmatch(r"[!-~]{16,8192}", key))


def is_for_clients(path: str) -> bool:
    """Whether a client's key is for this path."""
    return _FOR_CLIENTS.fullmatch(path) is not None


def is_page(path: str) -> bool:
    """Whether a path is of the admin pages, before a login."""
    return _PAGE.fullmatch(path) is not None


def as_client(headers: Headers, query: bytes, where: bytes, key: str, profile: str) -> tuple[Headers, bytes]:
    """Return a client's headers and query as LiteLLM gets them: this key and no other, and the profile.

    A subscription's login stays where our key has a header of its own.

    :param where: as :func:`given_key` returns it
    """
    kept = [(name, value) for name, value in headers if name not in _KEYS and name not in (PROFILE, SPEAKER)]
    if where == _KEYS[0]:
        kept += [
            (name, value)
            for name, value in headers
            if name == b"authorization" and value[:7].lower() == b"bearer " and value[7:].startswith(_LOGIN)
        ][:1]
    value = f"Bearer {key}".encode() if where in _KEYS[:2] else key.encode()
    kept += [(b"x-goog-api-key" if where == b"?key" else where, value)]
    kept += [(PROFILE, profile.encode("latin-1")), (SPEAKER, b"client")]
    if where == b"?key":  # the access log has the query
        query = urlencode([pair for pair in parse_qsl(query.decode("latin-1")) if pair[0] != "key"]).encode()
    return kept, query


def refers_to_environment(body: bytes) -> bool:
    """Whether a body of the administration names a variable of the environment, in JSON or in a form."""
    from urllib.parse import unquote_plus

    if not any(part in body for part in (b"environ", b"oidc", b"\\u", b"%")):
        return False
    text = unquote_plus(body.decode("latin-1"))
    for _ in range(_NESTED):  # JSON in a text of JSON is escaped once more for each level
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return names_environment(text.replace("\\", ""))


def names_environment(text: str) -> bool:
    """Whether a text has one of LiteLLM's references to a variable, or to a file of the container's."""
    return _REFERENCES.search(text) is not None


def _bare(host: str) -> str:
    """Return a host without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
