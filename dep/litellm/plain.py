"""Start LiteLLM without a container, behind the same guard. The arguments are LiteLLM's; the last is its configuration.

Run by `run_claude.deploy.local`, in an environment that has LiteLLM.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from boot.serving import import_litellm, serve_guarded


def main() -> None:
    """Start the proxy; returns when it has ended."""
    import_litellm()
    serve_guarded(yaml.safe_load(Path(sys.argv[-1]).read_bytes()))
    from litellm.proxy.proxy_cli import run_server

    run_server()


if __name__ == "__main__":
    main()
