"""Building the image: cold, unchanged, and after a callback changed."""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from typing import TYPE_CHECKING

from bench.docker import inspect, megabytes, remove
from bench.processes import execute
from bench.runner import Recorder, Sample, interleave
from bench.workspace import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from bench.workspace import Workspace

NAME = "build"
TITLE = "Building the image"
BASELINE = "seed"

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)(.*)$", re.MULTILINE)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


async def run(bench: Recorder) -> None:
    """Build both images from the same base, with the same versions of the same packages."""
    workspace = bench.workspace
    contexts = {"ours": workspace.services()}
    if bench.quick:
        bench.note("A quick run does not build the seed's image: each build takes a minute.")
    else:
        contexts["seed"] = seed_context(workspace)

    async def cold(name: str) -> Sample:
        seconds = await _build(workspace, name, contexts[name], "--no-cache")
        return Sample({"cold": ("s", seconds), "image size": ("MB", await megabytes(workspace.name(name)))})

    async def warm(name: str) -> Sample:
        return Sample({"nothing changed": ("s", await _build(workspace, name, contexts[name]))})

    async def changed(name: str) -> Sample:
        callback = contexts[name] / "callbacks/__init__.py"
        before = callback.read_bytes()
        callback.write_bytes(before + os.urandom(8).hex().join(("\n# ", "\n")).encode())
        try:
            return Sample({"a callback changed": ("s", await _build(workspace, name, contexts[name]))})
        finally:
            callback.write_bytes(before)

    for measure, rounds in ((cold, bench.rounds(3, 1)), (warm, bench.rounds(7, 2)), (changed, bench.rounds(7, 2))):
        await interleave(bench, {name: partial(measure, name) for name in contexts}, rounds=rounds)


async def seed_image(workspace: Workspace) -> str:
    """Return the seed's image; build it if it is missing.

    :raises BenchError: if it cannot be built
    """
    name = workspace.name("seed")
    if await inspect("image", name) is None:
        await _build(workspace, "seed", seed_context(workspace))
    return name


def seed_context(workspace: Workspace) -> Path:
    """Return the build context of the seed: its Dockerfile, our callbacks, our lock as constraints."""
    services, context = workspace.services(), workspace.folder / "seed"
    context.mkdir(exist_ok=True)
    shutil.copy(ROOT / "bench/seed/litellm.Dockerfile", context)
    shutil.copytree(services / "callbacks", context / "callbacks", dirs_exist_ok=True)
    # Packages that the lock excludes on all platforms are not in our image, but in the seed's.
    pins = [pin for pin in _PINNED.findall((services / "requirements.txt").read_text()) if "'never'" not in pin[2]]
    (context / "constraints.txt").write_text("".join(f"{name}=={version}\n" for name, version, _ in pins))
    return context


async def _build(workspace: Workspace, name: str, context: Path, *options: str) -> float:
    replaced = await inspect("image", workspace.name(name))
    settings = workspace.settings(workspace.name("build"))
    secrets = {"ca": settings.ca_bundle, "build": settings.paths.build_secrets}
    given = [f"--secret=id={key},src={path}" for key, path in secrets.items() if path and path.exists()]
    proxies = [f"--build-arg={name}" for name in _PROXIES if os.environ.get(name)]
    done = await execute(
        *("docker", "build", "--file", str(context / "litellm.Dockerfile"), "--tag", workspace.name(name), *options),
        *(f"--build-arg=RUN_CLAUDE_PYTHON_IMAGE={settings.python_image}", "--build-arg=RUN_CLAUDE_PRISMA=off"),
        *(*given, *proxies, str(context)),
    )
    if replaced is not None:
        built = await inspect("image", workspace.name(name))
        if built is None or built["Id"] != replaced["Id"]:
            await remove("image", [replaced["Id"]])
    return done.seconds
