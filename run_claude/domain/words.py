"""Values that say nothing: words, numbers, switches, paths. A variable's name alone makes no secret of them. Pure."""

from __future__ import annotations

import re

__all__ = ["is_plain", "is_word"]

_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,:][0-9]+)*(?:%|[a-zA-Z]{1,3})?")  # also sizes, durations, versions, ports
_PATH = re.compile(r"(?:~|\.{1,2})?/[\w.@+ -]*(?:/[\w.@+ -]*)*|[A-Za-z]:\\[^:*?\"<>|]*")
_RANDOM = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*[0-9])[\w+-]{16,}")  # no folder is called that
_LONGEST_WORD = 12  # letters

# Beside the words of our own messages: switches, placeholders for keys that nobody checks, and what engines, databases
# and proxies say when something fails.
_COMMON = """
true false yes on off none null nil undefined unset empty default auto always never maybe optional required enable
enabled disable disabled active inactive ok okay error errors warning warn info debug trace notice critical fatal
dummy unused placeholder example sample demo test testing local localhost production development staging public
private secret secrets password passwd token tokens key keys basic bearer digest negotiate oauth oidc saml ldap
kerberos scram trust peer ident cookie cookies session sessions user users username admin root guest owner group
anonymous nobody postgres postgresql timescaledb litellm ollama llama vllm lmstudio openai anthropic claude gemini
groq mistral cerebras openrouter azure bedrock vertex google amazon microsoft github gitlab docker compose podman
container containers image images volume volumes network networks engine daemon server servers client clients database
databases table tables role roles schema model models profile profiles instance instances service proxy services
permission permissions denied refused allowed forbidden unauthorized authorized authentication access authorization
connection connections connect connected disconnected timeout timed expired invalid valid missing unknown unexpected
failed failure success successful started starting stopped stopping running healthy unhealthy restarting exited paused
removed removing created creating waiting ready pending closed open opened address port ports host hosts file files
folder directory path disk memory space device read write only execute command request requests response status
message system keyring keychain agent store file pass plasma gnome wayland ubuntu debian fedora linux darwin windows
master main first second last next previous current other another before after again still with without from into
cannot could would about available exceeded lookup resolve resolution temporary name names service unit already among
registry registries repository pull pulled pulling limit rate manifest platform processor architecture certificate
certificates clock helper helpers credential credentials buildx buildkit builder build plugin snap selinux label labels
overlap overlaps overlapping pool pools subnet subnets subnetted gateway bind assign requested fully predefined defaults
find found getting executable been have with this that other
mount mounts mounted source target failed driver external connectivity endpoint programming networking listen dial
get head post context
"""
_WORDS = frozenset(_COMMON.split())


def is_plain(value: str) -> bool:
    """Whether a value is a switch, a number, a path or a common word."""
    text = value.strip()
    if _NUMBER.fullmatch(text) or text.lower() in _WORDS:
        return True
    return bool(_PATH.fullmatch(text)) and not any(_RANDOM.fullmatch(part) for part in re.split(r"[/\\]", text))


def is_word(value: str) -> bool:
    """Whether a value has the form of a word."""
    text = value.strip()
    return (
        text.isascii()
        and text.isalpha()
        and len(text) <= _LONGEST_WORD
        and text[1:] in (text[1:].lower(), text[1:].upper())
    )
