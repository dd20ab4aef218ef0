"""Check the parts of LiteLLM's configuration beside its models, and say of what cannot be used what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from run_claude.config.checks import mapping, value_at
from run_claude.config.guard import keys_inside
from run_claude.config.model import REFERENCE

if TYPE_CHECKING:
    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["LISTS", "MAPPINGS", "check_no_key_inside", "sections"]

MAPPINGS = (
    "litellm_settings",
    "router_settings",
    "general_settings",
    "environment_variables",
    "callback_settings",
    "mcp_servers",
    "default_vertex_config",
    "assistant_settings",
    "policies",
)
LISTS = (
    "guardrails",
    "credential_list",
    "prompts",
    "search_tools",
    "vector_store_registry",
    "files_settings",
    "finetune_settings",
    "policy_attachments",
    "agent_list",
    "mcp_tools",
)
_FROM_ENV = {  # run-claude sets these, from .env
    "general_settings": ("master_key", "database_url"),
    "environment_variables": ("LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "DATABASE_URL"),
}
_CODE = {  # keys whose value may name a Python object; the image has only its own and those in callbacks/
    "general_settings": ("custom_auth", "custom_key_generate", "custom_sso", "custom_key_update"),
}
_CALLED = ("callbacks", "success_callback", "failure_callback", "post_call_rules", "pre_call_rules")
_IN_IMAGE = ("callbacks.", "litellm.", "litellm_enterprise.")


def sections(document: Document) -> dict[str, Any]:
    """Return what LiteLLM's configuration has beside its models, by the names of its parts.

    :raises ConfigError: with file, line and key, if something cannot be used, or is a key
    """
    found: dict[str, Any] = {}
    for name in MAPPINGS:
        if values := mapping(document, (name,)):
            found[name] = _without_ours(document, name, values)
    for name in LISTS:
        if (rows := value_at(document, (name,))) is None:
            continue
        if not isinstance(rows, list):
            raise document.error((name,), f"{name} must be a list.", "Write its entries as `- name: …`.")
        found[name] = rows
    _check_mcp_servers(document, found.get("mcp_servers", {}))
    _check_code(document, found)
    for name, values in found.items():
        check_no_key_inside(document, (name,), values)
    return found


def check_no_key_inside(document: Document, keys: KeyPath, value: Any) -> None:
    """Reject a key that is in the file, or would get into the generated file.

    :raises ConfigError: with file, line and key
    """
    for path in keys_inside(value, keys):
        raise document.error(
            path,
            "a key must not be in this file.",
            "Put it into .env as NAME=…, and write os.environ/NAME here, as the whole value.",
            code="key-in-config",
        )


def _without_ours(document: Document, section: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return a section without what run-claude sets itself: harmless as a reference, a mistake as a value."""
    ours = _FROM_ENV.get(section, ())
    for key in ours:
        if key in values and not REFERENCE.fullmatch(str(values[key])):
            raise document.error((section, key), "run-claude sets this from .env.", "Remove the line.")
    return {key: value for key, value in values.items() if key not in ours}


def _check_mcp_servers(document: Document, servers: dict[str, Any]) -> None:
    for name in servers:
        keys: KeyPath = ("mcp_servers", name)
        server = mapping(document, keys)
        if server.get("transport") == "stdio" or server.get("command"):
            raise document.error(
                keys,
                f"{name} would be a program in LiteLLM's container, which has none but LiteLLM.",
                "Run it as a server and write its address (url: http://localhost:PORT/mcp, transport: http), "
                "or add it to Claude Code itself: `claude mcp add`.",
            )


def _each(document: Document, keys: KeyPath) -> list[KeyPath]:
    """Return the place of each element of a list; that of the value itself where it is none."""
    value = value_at(document, keys)
    return [(*keys, index) for index in range(len(value))] if isinstance(value, list) else [keys]


def _check_code(document: Document, found: dict[str, Any]) -> None:
    """Reject the name of a Python object in a file beside the configuration: the container has no such file."""
    places: list[KeyPath] = [(name, key) for name, keys in _CODE.items() for key in keys]
    for index, row in enumerate(found.get("guardrails", ())):
        if isinstance(row, dict):
            places.append(("guardrails", index, "litellm_params", "guardrail"))
    places += [(*place, "handler") for place in _each(document, ("mcp_tools",))]
    places += [place for key in _CALLED for place in _each(document, ("litellm_settings", key))]
    places += [(*place, "custom_handler") for place in _each(document, ("litellm_settings", "custom_provider_map"))]
    for keys in places:
        value = value_at(document, keys)
        if isinstance(value, str) and "." in value and not value.startswith(_IN_IMAGE):
            module = value.partition(".")[0]
            raise document.error(
                keys,
                f"{module}.py is not in LiteLLM's container.",
                f"Copy it into services/callbacks/, from which the image is built, and write callbacks.{value}.",
            )
