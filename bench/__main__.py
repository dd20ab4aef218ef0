"""``python -m bench``: run scenarios, print tables, write JSON and plots."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from rich.console import Console

from bench.machine import describe_machine
from bench.measure import SCHEMA, Report
from bench.processes import BenchError
from bench.runner import run_scenario
from bench.scenarios import NAMES, load
from bench.table import print_comparison, print_report, print_scenario
from bench.workspace import ROOT, open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> int:
    """Run the benchmark. Return 0 if everything was measured, 1 if something failed, 2 for wrong arguments."""
    arguments = _arguments(sys.argv[1:])
    old = _earlier(arguments.compare) if arguments.compare else None
    console = Console()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up, as after Ctrl-C
    try:
        report = anyio.run(
            partial(_measure, arguments.scenarios, quick=arguments.quick, prefix=arguments.prefix, console=console)
        )
    except BenchError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    print_report(console, report)
    if old is not None:
        print_comparison(console, old, report)
    folder = arguments.output or ROOT / "bench/results" / report.created.replace(":", "")
    _write(report, folder)
    console.print(f"\nWritten to {folder}", highlight=False)
    return 1 if any(result.error for result in report.scenarios) else 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="How fast is run-claude, and compared to what?")
    parser.add_argument("--quick", action="store_true", help="a few minutes; shows the shape, not reliable numbers")
    parser.add_argument("--output", metavar="DIR", type=Path, help="folder for JSON and plots (bench/results/<time>)")
    parser.add_argument("--compare", metavar="OLD.json", type=Path, help="an earlier report to compare with")
    parser.add_argument("--prefix", metavar="NAME", default="", help="prefix of its container names")
    parser.add_argument("scenarios", metavar="SCENARIO", nargs="*", help=f"one of {', '.join(NAMES)}; default: all")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.scenarios) - set(NAMES):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))} (there are {', '.join(NAMES)})")
    arguments.scenarios = [name for name in NAMES if name in arguments.scenarios or not arguments.scenarios]
    return arguments


def _earlier(path: Path) -> Report:
    try:
        return Report.from_json(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        Console(stderr=True).print(f"{path}: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)


async def _measure(names: Sequence[str], *, quick: bool, prefix: str, console: Console) -> Report:
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    results = []
    async with open_workspace(prefix) as workspace:
        machine = await describe_machine(workspace)
        for name in names:
            with console.status(name) as status:
                result = await run_scenario(load(name), workspace, quick=quick, say=status.update)
            results.append(result)
            print_scenario(console, result)
    return Report(created, quick, machine, tuple(results))


def _write(report: Report, folder: Path) -> None:
    from bench.plots import draw  # takes a second to import

    folder.mkdir(parents=True, exist_ok=True)
    document = {"schema": SCHEMA, **asdict(report)}
    (folder / "report.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    draw(report, folder)


if __name__ == "__main__":
    sys.exit(main())
