"""Prisma's engines: the WebAssembly ones of npm behind two small programs, or the native ones from Prisma's host."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import npm

HERE = Path(__file__).parent
ROOT = Path("/opt/prisma")
ENGINES = ROOT / "engines"
CLI = ROOT / "binaries"  # where the Python package looks for Prisma's command line
WORK = Path("/opt/engines")  # stays behind in the stage of the build
NAMES = ("query-engine", "schema-engine")
# With the address only where there is one: an empty one is taken for an address.
MIRROR = {"PRISMA_ENGINES_MIRROR": found} if (found := os.environ.get("PRISMA_ENGINES_MIRROR")) else {}


def path(name: str) -> Path:
    """Return where an engine is, under one name on each platform."""
    return ENGINES / name


def bundle() -> None:
    """Make one file of each program and what it imports, and put the WebAssembly beside it."""
    npm.install(HERE / "engines", WORK, what="Prisma's engines", ways_on=npm.WAYS_ON)
    for source in (HERE / "engines").glob("*.js"):
        shutil.copyfile(source, WORK / source.name)
    ENGINES.mkdir(parents=True)
    modules = WORK / "node_modules"
    done = npm.run(
        *("node", str(modules / "esbuild/bin/esbuild"), *(f"{name}.js" for name in NAMES), f"--outdir={ENGINES}"),
        *("--bundle", "--platform=node", "--target=node24", "--format=cjs", "--external:pg-native"),
        *("--minify-whitespace", "--legal-comments=eof", f"--banner:js=#!{ROOT}/bin/node", "--log-level=warning"),
        cwd=WORK,
    )
    if done.returncode:
        npm.fail("the programs of Prisma's engines cannot be bundled", "this is a bug: report it", output=done.stdout)
    for name in NAMES:
        (ENGINES / f"{name}.js").rename(path(name))
        path(name).chmod(0o755)
    for module in ("query-engine-wasm/postgresql/query_engine", "schema-engine-wasm/schema_engine"):
        shutil.copy(modules / "@prisma" / f"{module}_bg.wasm", ENGINES)


def fetch() -> None:
    """Fetch the native engines as the install script of Prisma's command line does."""
    package = CLI / "node_modules" / "@prisma" / "engines"
    done = npm.run("node", "scripts/postinstall.js", cwd=package, PRISMA_CLI_QUERY_ENGINE_TYPE="binary", **MIRROR)
    ENGINES.mkdir(parents=True)
    for name in NAMES:
        # The script also ends with 0 when it could fetch nothing.
        found = [
            file for file in package.glob(f"{name}-*") if file.stat().st_size and file.suffix not in {".gz", ".sha256"}
        ]
        if not found:
            source = MIRROR.get("PRISMA_ENGINES_MIRROR", "Prisma's own host")
            npm.fail(
                f"Prisma's engines cannot be fetched from {source}: no {name}",
                "set PRISMA_ENGINES_MIRROR to a mirror that can be reached from here,",
                "or build with the engines from npm (RUN_CLAUDE_PRISMA=on) or without a database client (off)",
                output=done.stdout,
            )
        shutil.move(found[0], path(name))
        path(name).chmod(0o755)
