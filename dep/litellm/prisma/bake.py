"""Bring LiteLLM's database client and Prisma's engines into the image, so that a start fetches nothing.

Runs at build, with node on PATH and what RUN_CLAUDE_PRISMA says as argument: ``on`` for the engines from npm,
``native`` for Prisma's own. Everything lands below /opt/prisma (but for the generated client, which is part of the
Python package) and is readable by all.
"""

from __future__ import annotations

import sys

import client
import engines
import npm


def main(kind: str) -> None:
    """Do it all, or end the build."""
    from_npm = kind == "on"
    client.install_cli(npm.WAYS_ON if from_npm else "or build without a database client: RUN_CLAUDE_PRISMA=off")
    if from_npm:
        engines.bundle()
    else:
        engines.fetch()
    client.generate(describe=from_npm)
    for path in (engines.ROOT, *engines.ROOT.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


if __name__ == "__main__":
    main(sys.argv[1])
