"""Runs in the image: what LiteLLM is with all types of tables and all routes, and as it starts; prints it as JSON.

Two servers are imported, each in a process of its own: forked where they are still the same, which is half an import.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import sys
import warnings

from boot.lazy_routes import build_routes_when_needed


def of_tables() -> list[str]:
    """Return the modules of types that are imported."""
    return sorted(name for name in sys.modules if name.startswith("prisma.types_of."))


def import_all() -> None:
    """Import the types of all tables, as Prisma's generator has them: in one module."""
    import prisma.types as types

    for table in types.TABLES:
        module = importlib.import_module(f"prisma.types_of.{table}")
        vars(types).update({name: value for name, value in vars(module).items() if not name.startswith("__")})
    del types.__getattr__


def told(which: str) -> dict[str, object]:
    """Import the server and return what it is."""
    if which == "all":
        import_all()
    else:
        build_routes_when_needed()  # as the entrypoint does
    from litellm.proxy.proxy_server import app

    found: dict[str, object] = {"of a start": of_tables()}
    text = json.dumps(app.openapi(), sort_keys=True)
    found |= {"size": len(text), "hash": hashlib.sha256(text.encode()).hexdigest()}
    import prisma.types as types
    from prisma.types import LiteLLM_RetiredAgentCreateInput as row

    found |= {"asked for": of_tables(), "row": row(original_agent_id="x")}
    return found | {"nothing": hasattr(types, "LiteLLM_RetiredAgentNothing")}


def in_a_child(which: str) -> int:
    """Begin with one, and return where its process will write what it has found."""
    read, write = os.pipe()
    if os.fork() == 0:
        with os.fdopen(write, "w") as pipe:
            json.dump(told(which), pipe)
        os._exit(0)
    os.close(write)
    return read


def main() -> None:
    """Print both."""
    warnings.simplefilter("ignore")
    gc.disable()  # as the entrypoint does
    importlib.import_module("litellm.proxy._types")
    assert "prisma" not in sys.modules
    pipes = {which: os.fdopen(in_a_child(which)) for which in ("all", "few")}
    print(json.dumps({which: json.loads(pipe.read()) for which, pipe in pipes.items()}))


if __name__ == "__main__":
    main()
