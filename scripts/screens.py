"""Make the pictures of README and docs from real runs: `.venv/bin/python scripts/screens.py [NAME…]`.

Starts a stack of its own (instance `docs`, ports, configuration and state that nobody else has), runs each command in a
terminal of 96 columns, writes what it printed to docs/screens/NAME.svg, and removes the stack with its data. Needs an
engine and the base images: `scripts/start` has seen to both.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parent.parent / "docs" / "screens"
COLUMNS = 96
WITHIN = 300  # seconds, for each command
INSTANCE, PORT, DATABASE_PORT = "docs", "4474", "5474"
COMMANDS = {
    "start": ("proxy", "start", "demo"),
    "status": ("proxy", "status"),
    "where": (),
    "watch": ("watch", "--no-notify"),
    "doctor": ("doctor",),
    "profiles": ("profiles", "show", "demo"),
}


class Terminal:
    """A command whose output goes to a terminal; its progress, on stderr, goes nowhere."""

    def __init__(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "run_claude", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=subprocess.DEVNULL,
        )
        os.close(slave)
        self.printed = ""

    def read(self, until: str = "") -> str:
        """Return what it prints, to its end or until a text stands in it."""
        end = time.monotonic() + WITHIN
        while not (until and until in self.printed):
            if time.monotonic() > end:
                self.process.kill()
                raise SystemExit(f"error: no end, or no {until!r}, within {WITHIN} s:\n{self.printed}")
            if select.select([self._master], [], [], 0.2)[0]:
                try:
                    chunk = os.read(self._master, 65536)
                except OSError:  # the other side is closed
                    break
                self.printed += chunk.decode(errors="replace").replace("\r\n", "\n")
        return self.printed


def svg(name: str, arguments: tuple[str, ...], printed: str) -> str:
    """Return a picture of a terminal with a command and what it printed."""
    from rich.console import Console
    from rich.text import Text

    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text.assemble(("$ ", "dim"), (" ".join(("run-claude", *arguments)), "bold")))
        console.print(Text.from_ansi(printed.rstrip()))
        picture = console.export_svg(title="run-claude", unique_id=name)
    return re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # nothing is fetched to show it


@contextmanager
def user() -> Iterator[dict[str, str]]:
    """Yield the environment of a new user; removes what that user has made."""
    with tempfile.TemporaryDirectory() as home:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("RUN_CLAUDE_", "LITELLM_"))}
        images = ("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE")  # as scripts/bases settled them
        own |= {name: os.environ[name] for name in images if name in os.environ}
        own |= {"HOME": home, "RUN_CLAUDE_INSTANCE": INSTANCE, "TERM": "xterm-256color"}
        own |= {"LITELLM_PORT": PORT, "RUN_CLAUDE_TIMESCALEDB_PORT": DATABASE_PORT}
        for name in ("COLUMNS", "NO_COLOR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            own.pop(name, None)
        try:
            yield own
        finally:
            words = ("db", "destroy", "--no-dump", "--yes-destroy-data")
            subprocess.run([sys.executable, "-m", "run_claude", *words], env=own, check=False, capture_output=True)


def healing(environ: Mapping[str, str]) -> str:
    """Return what a watcher prints while the proxy is killed behind its back."""
    terminal = Terminal(COMMANDS["watch"], environ)
    terminal.read("watching:")
    subprocess.run(["docker", "kill", f"{INSTANCE}-litellm"], check=True, capture_output=True)
    terminal.read("healed:")
    terminal.process.terminate()
    return terminal.read()


def main(wanted: list[str]) -> None:
    """Make the pictures of these names; without any, all."""
    FOLDER.mkdir(exist_ok=True)
    with user() as environ:
        subprocess.run([sys.executable, "-m", "run_claude", "install", "-q"], env=environ, check=True)
        for name, arguments in COMMANDS.items():
            printed = healing(environ) if name == "watch" else Terminal(arguments, environ).read()
            if not wanted or name in wanted:
                picture = svg(name, arguments, printed.replace(environ["HOME"], "~"))
                (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")
                print(f"docs/screens/{name}.svg")  # noqa: T201 (a script)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])
