"""LiteLLM's database client: Prisma's command line, and the Python client that it generates."""

from __future__ import annotations

import compileall
import importlib.util
import json
import re
import sys
from pathlib import Path

import engines
import npm
from lighten import lighten

SCHEMA = Path("/tmp/schema.prisma")  # noqa: S108 (a tmpfs)


def folder_of(package: str) -> Path:
    """Return where a package is installed, without importing it."""
    spec = importlib.util.find_spec(package)
    if not spec or not spec.origin:
        npm.fail(f"the Python package {package} is not in the image", "renew the lock: scripts/lock")
    return Path(spec.origin).parent


def install_cli(ways_on: str) -> None:
    """Install Prisma's command line, in the version that the Python client was made for.

    :param ways_on: what helps where npm's registry cannot be used
    """
    from prisma import config

    lock = engines.HERE / "cli"
    locked = json.loads((lock / "package.json").read_text())["dependencies"]["prisma"]
    if locked != config.prisma_version:
        npm.fail(
            f"the Python package prisma wants Prisma {config.prisma_version}, and {locked} is locked",
            "renew the lock: scripts/lock",
        )
    npm.install(lock, engines.CLI, what="Prisma's command line", ways_on=ways_on)


def generate(*, describe: bool) -> None:
    """Generate the client that LiteLLM imports, for this platform only.

    :param describe: write what the engines from npm need to know of the schema as well
    """
    schema = (folder_of("litellm_proxy_extras") / "schema.prisma").read_text()
    # The schema names five platforms, for images other than this; each would be fetched.
    schema = re.sub(r"(?m)^\s*binaryTargets\s*=.*$", "", schema)
    if describe:
        generator, target = engines.HERE / "schema_json.py", engines.ENGINES / "schema.json"
        schema += f'\ngenerator description {{\n  provider = "{sys.executable} {generator} {target}"\n}}\n'
    SCHEMA.write_text(schema)
    done = npm.run(
        *(sys.executable, "-m", "prisma", "generate", f"--schema={SCHEMA}"),
        PRISMA_BINARY_CACHE_DIR=str(engines.CLI),
        PRISMA_CLI_QUERY_ENGINE_TYPE="binary",
        PRISMA_QUERY_ENGINE_BINARY=str(engines.path("query-engine")),
        PRISMA_SCHEMA_ENGINE_BINARY=str(engines.path("schema-engine")),
        PRISMA_HIDE_UPDATE_MESSAGE="true",
        CHECKPOINT_DISABLE="1",
    )
    package = folder_of("prisma")
    if done.returncode or not (package / "client.py").exists():
        npm.fail("Prisma's client cannot be generated", "this is a bug: report it", output=done.stdout)
    if wrong := lighten(package):
        print(f"run-claude: warning: the types of all tables will be imported at each start: {wrong}", file=sys.stderr)
    compileall.compile_dir(str(package), quiet=1, force=True, workers=0)
