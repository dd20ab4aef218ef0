"""Requests in the shape in which Claude Code 2.1.197 sends them (recorded), in words of our own."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.exchange import marker

__all__ = [
    "BETAS",
    "BROWN",
    "CACHED",
    "MCP_TOOLS",
    "PDF",
    "PNG",
    "TOOLS",
    "assistant",
    "call",
    "history",
    "request",
    "result",
    "text",
    "user",
]

CACHED = {"cache_control": {"type": "ephemeral"}}
BETAS = {
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,thinking-token-count-2026-05-13,"
    "context-management-2025-06-27,prompt-caching-scope-2026-01-05,mid-conversation-system-2026-04-07,effort-2025-11-24"
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjEKMSAwIG9iago8PD4+CmVuZG9iagp0cmFpbGVyCjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo="
BROWN = "The quick brown fox jumps over the lazy dog. "


def _schema(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties}
    return {**schema, **({"required": list(required)} if required else {}), "additionalProperties": False}


_TEXT = {"type": "string"}
# Six of the 24, with every construct that the schemas of all of them use.
TOOLS: list[dict[str, Any]] = [
    {
        "name": "Read",
        "description": "Reads a file.",
        "input_schema": _schema(
            {
                "file_path": {"type": "string", "description": "The absolute path of the file"},
                "offset": {"type": "integer", "minimum": 0, "maximum": 9007199254740991},
                "limit": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991},
            },
            "file_path",
        ),
    },
    {
        "name": "Edit",
        "description": "Replaces text in a file.",
        "input_schema": _schema(
            {
                "file_path": _TEXT,
                "old_string": _TEXT,
                "new_string": _TEXT,
                "replace_all": {"default": False, "type": "boolean"},
            },
            "file_path",
            "old_string",
            "new_string",
        ),
    },
    {
        "name": "Bash",
        "description": "Runs a command.",
        "input_schema": _schema({"command": _TEXT, "timeout": {"type": "number"}}, "command"),
    },
    {
        "name": "Agent",
        "description": "Starts an agent.",
        "input_schema": _schema(
            {"description": _TEXT, "prompt": _TEXT, "model": {"type": "string", "enum": ["sonnet", "opus", "haiku"]}},
            "description",
            "prompt",
        ),
    },
    {
        "name": "TaskUpdate",
        "description": "Changes a task.",
        "input_schema": _schema(
            {
                "taskId": _TEXT,
                "status": {
                    "anyOf": [
                        {"type": "string", "enum": ["pending", "in_progress"]},
                        {"type": "string", "const": "deleted"},
                    ]
                },
                "addBlocks": {"type": "array", "items": _TEXT},
                "metadata": {"type": "object", "propertyNames": _TEXT, "additionalProperties": {}},
            },
            "taskId",
        ),
    },
    {"name": "CronList", "description": "Lists jobs.", "input_schema": _schema({})},
]

# What pydantic, zod and hand-written MCP servers make of their parameters.
MCP_TOOLS: list[dict[str, Any]] = [
    {
        "name": "mcp__db__query",
        "description": "Queries.",
        "input_schema": {
            "type": "object",
            "title": "QueryArguments",
            "$defs": {
                "Filter": {
                    "type": "object",
                    "title": "Filter",
                    "properties": {
                        "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 1},
                        "sub": {"anyOf": [{"$ref": "#/$defs/Filter"}, {"type": "null"}], "default": None},
                    },
                    "required": ["name"],
                }
            },
            "properties": {
                "filter": {"$ref": "#/$defs/Filter"},
                "limit": {"type": ["integer", "null"], "default": 10, "exclusiveMaximum": 100, "multipleOf": 1},
                "since": {"type": "string", "format": "date-time", "examples": ["2026-01-01T00:00:00Z"]},
                "order": {"oneOf": [{"const": "asc"}, {"enum": ["desc", "none"]}]},
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 0},
                "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
                "extra": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}},
                "any": {},
                "level": {"enum": [1, 2, 3]},
                "all": {"allOf": [{"type": "object", "properties": {"x": {"type": "string"}}}], "deprecated": True},
            },
            "required": ["filter"],
        },
    },
    {"name": "mcp__none__list", "description": "Lists.", "input_schema": {"type": "object"}},
    {"name": "mcp__none__plain", "input_schema": {"type": "object", "properties": {}}},
]


def request(name: str, *messages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a request without what only some requests have: thinking, efforts, betas.

    :param name: the exchange's
    :param messages: what is said, before the last words; these carry the marker
    :param changes: fields that are different, or left out (`None`)
    """
    body: dict[str, Any] = {
        "max_tokens": 8000,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197.7c8; cc_entrypoint=sdk-cli;"},
            {"type": "text", "text": "You are an agent that works on code.", **CACHED},
            {"type": "text", "text": "\nUse tools in parallel where you can.\n", **CACHED},
        ],
        "messages": [*messages] if messages else [user(f"Do the work of {marker(name)}.")],
        "tools": TOOLS,
        "metadata": {
            "user_id": json.dumps({"device_id": "9c12" * 16, "account_uuid": "", "session_id": "74f22d8b-067e-4324"})
        },
        "stream": True,
    }
    body |= changes
    if messages:
        body["messages"] = _marked(name, body["messages"])
    return {name: value for name, value in body.items() if value is not None}


def _marked(name: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages whose first has the marker: it must be the user's."""
    first, *rest = messages
    words = text(f"Begin with {marker(name)}.")
    content = first["content"]
    blocks = [text(content)] if isinstance(content, str) else content
    return [{**first, "content": [words, *blocks]}, *rest]


def text(words: str, **more: Any) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": words, **more}


def user(*content: Any) -> dict[str, Any]:
    """Return a message of the user's."""
    return {"role": "user", "content": [text(part) if isinstance(part, str) else part for part in content]}


def assistant(*content: Any) -> dict[str, Any]:
    """Return a message of the model's."""
    return {"role": "assistant", "content": [text(part) if isinstance(part, str) else part for part in content]}


def call(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    """Return a block of a tool call."""
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def result(id: str, content: Any = None, **more: Any) -> dict[str, Any]:
    """Return a block of a tool's result."""
    block: dict[str, Any] = {"tool_use_id": id, "type": "tool_result"}
    return {**block, **({} if content is None else {"content": content}), **more}


def history(*content: Any) -> list[dict[str, Any]]:
    """Return a conversation in which a tool was called, and its result is what is said last."""
    asked = user("Read the file.")
    called = assistant("I will.", call("toolu_01", "Read", file_path="/a.txt"))
    return [asked, called, user(*content)]
