"""Packages from npm by their lock: checked hashes, no install scripts, and errors that name their cause."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

OPTIONS = (
    *("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
    # By default it tries for over a minute before it says that there is no registry.
    *("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"),
)
WAYS_ON = "or build with Prisma's own engines (RUN_CLAUDE_PRISMA=native) or without a database client (off)"


def fail(text: str, *help_lines: str, output: str = "") -> NoReturn:
    """End the build with a cause and what helps, at the end of the output, where it is seen."""
    print(output, file=sys.stderr)
    for line in (f"error: {text}", *(f"help: {line}" for line in help_lines)):
        print(f"run-claude: {line}", file=sys.stderr)
    sys.exit(1)


def run(*argv: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command; its output is kept, for the error that may follow."""
    environ = os.environ | {"HOME": "/tmp/home", "NPM_CONFIG_CACHE": "/tmp/npm"} | variables  # noqa: S108 (a tmpfs)
    return subprocess.run(argv, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def install(lock: Path, target: Path, *, what: str, ways_on: str) -> None:
    """Install the packages of ``lock``, a folder with package.json and package-lock.json, into ``target``.

    :param what: what they are, for an error
    :param ways_on: what helps where npm's registry cannot be used
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(lock / name, target / name)
    node = Path(shutil.which("node") or "/")
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"  # a wheel has no links: its bin/npm leads nowhere
    done = run(str(node), str(npm), "ci", *OPTIONS, cwd=target)
    if done.returncode == 0:
        return
    if found := re.search(r"EINTEGRITY|integrity checksum failed", done.stdout):
        package = re.search(r"(?<=/)(?P<file>[^/\s]+\.tgz)", done.stdout)
        named = f": {package['file']}" if package else ""
        fail(
            f"npm's registry served another file than the lock names ({found[0]}){named}",
            "the registry or a proxy on the way changes packages: check NPM_CONFIG_REGISTRY,",
            ways_on,
            output=done.stdout,
        )
    code = re.search(r"(?m)^npm (?:error|ERR!) code (\S+)", done.stdout)
    fail(
        f"{what} cannot be fetched from npm's registry" + (f" ({code[1]})" if code else ""),
        "check network, proxy and NPM_CONFIG_REGISTRY,",
        ways_on,
        output=done.stdout,
    )
