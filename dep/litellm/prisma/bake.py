"""Generate LiteLLM's database client and bring Prisma's engines into the image, so that a start fetches nothing.

Runs at build, with node on PATH. Everything lands below /opt/prisma (but for the generated client, which is
part of the Python package) and is readable by all.
"""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path("/opt/prisma")
CLI = ROOT / "binaries"  # where the Python package looks for Prisma's command line
ENGINES = ROOT / "engines"
ENGINE_NAMES = ("query-engine", "schema-engine")
LOCK = Path(__file__).parent


def fail(text: str, *help_lines: str, output: str = "") -> NoReturn:
    """End the build with a cause and what helps, at the end of the output, where it is seen."""
    print(output, file=sys.stderr)
    for line in (f"error: {text}", *(f"help: {line}" for line in help_lines)):
        print(f"run-claude: {line}", file=sys.stderr)
    sys.exit(1)


def run(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with Prisma's settings; its output is kept, for the error that may follow."""
    environ = os.environ | {
        "HOME": "/tmp/home",  # noqa: S108 (a tmpfs of the build step: no second copy of the engines stays)
        "NPM_CONFIG_CACHE": "/tmp/npm",  # noqa: S108
        "PRISMA_BINARY_CACHE_DIR": str(CLI),
        "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary",
        "PRISMA_HIDE_UPDATE_MESSAGE": "true",
        "CHECKPOINT_DISABLE": "1",
    }
    if not environ.get("PRISMA_ENGINES_MIRROR"):
        environ.pop("PRISMA_ENGINES_MIRROR", None)  # an empty one is taken for an address
    return subprocess.run(argv, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def install_cli() -> None:
    """Install Prisma's command line from its lock: checked hashes, no install scripts."""
    from prisma import config

    locked = json.loads((LOCK / "package.json").read_text())["dependencies"]["prisma"]
    if locked != config.prisma_version:
        fail(
            f"the Python package prisma wants Prisma {config.prisma_version}, and {locked} is locked",
            "renew the lock: scripts/lock",
        )
    CLI.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(LOCK / name, CLI / name)
    node = Path(shutil.which("node") or "/")
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"  # a wheel has no links: its bin/npm leads nowhere
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
    done = run(str(node), str(npm), "ci", *options, cwd=CLI)
    if done.returncode:
        fail(
            "Prisma's command line cannot be installed with npm",
            "check network, proxy and NPM_CONFIG_REGISTRY, or build without it: RUN_CLAUDE_PRISMA=off",
            output=done.stdout,
        )


def fetch_engines() -> None:
    """Fetch the engines as the package's own install script does, and put them under one name on each platform."""
    package = CLI / "node_modules" / "@prisma" / "engines"
    done = run("node", "scripts/postinstall.js", cwd=package)
    ENGINES.mkdir()
    for name in ENGINE_NAMES:
        # The script also ends with 0 when it could fetch nothing.
        found = [
            path for path in package.glob(f"{name}-*") if path.stat().st_size and path.suffix not in {".gz", ".sha256"}
        ]
        if not found:
            source = os.environ.get("PRISMA_ENGINES_MIRROR") or "Prisma's own host"
            fail(
                f"Prisma's engines cannot be fetched from {source}: no {name}",
                "set PRISMA_ENGINES_MIRROR to a mirror that can be reached from here,",
                "or build without LiteLLM's database client: RUN_CLAUDE_PRISMA=off",
                output=done.stdout,
            )
        shutil.move(found[0], ENGINES / name)
        (ENGINES / name).chmod(0o755)


def generate_client() -> None:
    """Generate the client that LiteLLM imports, for this platform only."""
    import litellm_proxy_extras

    schema = (Path(litellm_proxy_extras.__file__).parent / "schema.prisma").read_text()
    # The schema names five platforms, for images other than this; each would be fetched.
    single = Path("/tmp/schema.prisma")  # noqa: S108
    single.write_text(re.sub(r"(?m)^\s*binaryTargets\s*=.*$", "", schema))
    for name, variable in zip(ENGINE_NAMES, ("PRISMA_QUERY_ENGINE_BINARY", "PRISMA_SCHEMA_ENGINE_BINARY"), strict=True):
        os.environ[variable] = str(ENGINES / name)
    done = run(sys.executable, "-m", "prisma", "generate", f"--schema={single}")
    import prisma

    package = Path(prisma.__file__).parent
    if done.returncode or not (package / "client.py").exists():
        fail("Prisma's client cannot be generated", output=done.stdout)
    compileall.compile_dir(str(package), quiet=1, force=True, workers=0)


def main() -> None:
    """Do it all, or end the build."""
    install_cli()
    fetch_engines()
    generate_client()
    for path in (ROOT, *ROOT.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


if __name__ == "__main__":
    main()
