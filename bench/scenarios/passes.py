"""What the guard and our callbacks add to a request of 200 kB: where it goes, and what its provider takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.docker import docker
from bench.workspace import ROOT

if TYPE_CHECKING:
    from bench.runner import Recorder

NAME = "passes"
TITLE = "A request of 200 kB on its way through the guard and our callbacks"
BASELINE = ""

ROUTES = "all five routes are tried"


async def run(bench: Recorder) -> None:
    """Measure in the image, with its Python, the functions that the hooks call."""
    image = await bench.workspace.image()
    script = ROOT / "bench/inside/passes.py"
    said = await docker(
        *("run", "--rm", "--volume", f"{script}:/tmp/passes.py:ro", "--entrypoint", "python3"),
        *(image, "/tmp/passes.py", str(bench.rounds(2000, 20))),  # noqa: S108
    )
    found = json.loads(said)
    bench.note(f"The request has {found.pop('size') / 1000:.0f} kB.")
    for what, times in found.items():
        bench.record("run-claude", what, "ms", *(value * 1000 for value in times))
