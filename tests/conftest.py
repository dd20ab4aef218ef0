"""Fixtures for every tier: no test can reach the user's own stack, files or engine settings.

Also how tests share workers, and what is told at the end of a run: see README.md.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
from collections import defaultdict
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import ready, runs
from tests.planted import Processes
from tests.skips import pytest_runtest_makereport  # noqa: F401 (a hook)
from tests.stand_in import release
from tests.stand_in.database import SETTING as DATABASE
from tests.stand_in.database import database_image

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

# Times are for bench/; the same examples in every run, so that a red test stays red.
hypothesis.settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("fast", hypothesis.settings.get_profile("tests"), max_examples=25)
hypothesis.settings.load_profile("tests")

_OURS = ("RUN_CLAUDE_", "LITELLM_", "ANTHROPIC_", "OPENAI_", "CLAUDE_", "COMPOSE_")
# What scripts/bases settled for this machine, and whose processes these are.
_KEPT = {
    "RUN_CLAUDE_PYTHON_IMAGE",
    "RUN_CLAUDE_TIMESCALEDB_IMAGE",
    "RUN_CLAUDE_MACHINE_IMAGE",
    runs.VARIABLE,
}

_WHOLE_FILE_NEEDS_AN_ENGINE = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.engine\b", re.M)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _away_from_the_users_own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a home, a configuration and a state of its own: where it has no folder, those of nobody.

    A folder costs 2 ms, more than most tests that want none.
    """
    wants_folder = "tmp_path" in request.fixturenames or request.node.get_closest_marker("engine") is not None
    place: Path = request.getfixturevalue("tmp_path" if wants_folder else "_nobodys")
    for name in os.environ:
        if name.startswith(_OURS) and name not in _KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setenv("RUN_CLAUDE_HOME", str(place / "config"))
    monkeypatch.setenv("RUN_CLAUDE_STATE", str(place / "state"))
    if wants_folder:
        (place / "home").mkdir()
    yield
    if not wants_folder and (os.listdir(place) != ["home"] or os.listdir(place / "home")):  # noqa: PTH208 (quick)
        left = sorted(str(path.relative_to(place)) for path in place.rglob("*"))
        shutil.rmtree(place)
        (place / "home").mkdir(parents=True)
        pytest.fail(f"has not asked for tmp_path, and has written into its home: {left}")


@pytest.fixture(scope="session")
def _nobodys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing is made: that tests share it makes none depend on another."""
    place = tmp_path_factory.mktemp("nobody")
    (place / "home").mkdir()
    return place


@pytest.fixture(scope="session")
def ready_database() -> Iterator[dict[str, str]]:
    """The environment of a run-claude whose new databases are copies of one."""
    with database_image() as image:
        yield {DATABASE: image}


@pytest.fixture(scope="session")
def stand_in_release(tmp_path_factory: pytest.TempPathFactory, ready_database: dict[str, str]) -> dict[str, str]:
    """The environment of a run-claude whose image has a stand-in for LiteLLM, and whose database is a copy."""
    return release(tmp_path_factory.mktemp("release")) | ready_database


@pytest.fixture(scope="session", autouse=True)
def _no_secret_in_the_process_list() -> Iterator[None]:
    """Look at the command lines of the machine for as long as the tests run."""
    with Processes(every=0.2) as processes:
        yield
    assert not processes.seen, "a command line holds a secret"


@pytest.fixture(scope="session", autouse=True)
def _no_process_waits_for_commands_any_more() -> Iterator[None]:
    yield
    ready.close()


# --- a run, from its first process to its last ---------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    assert config.cache is not None
    # A test's home is new: without this each process that draws looks through all fonts first, 5 s of CPU.
    os.environ["MPLCONFIGDIR"] = str(config.cache.mkdir("matplotlib"))
    if runs.begin():  # before xdist starts the workers, which inherit it
        config.pluginmanager.register(_Run(config), "run")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the files of which no test would run: it takes a third of a whole collection, and what they import."""
    if collection_path.suffix != ".py" or collection_path.stem == "conftest":
        return None
    if config.option.markexpr == "quiet":
        return "mark.quiet" not in collection_path.read_text() or None
    if config.option.markexpr in ("not engine", "not engine and not slow"):  # as scripts/test has them
        return _WHOLE_FILE_NEEDS_AN_ENGINE.search(collection_path.read_text()) is not None or None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without collecting garbage, which takes half of that time; what is there now stays for good."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# --- which tests share a worker, and which come first --------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups after it
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the internet; keep together what shares a module's fixture; begin with the longest."""
    if "RUN_CLAUDE_TEST_INTERNET" not in os.environ:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("internet")])
        items[:] = [item for item in items if not item.get_closest_marker("internet")]
    for item in items:
        if item.get_closest_marker("xdist_group") is None and (_cheap(item) or _shares(item)):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    if config.getoption("randomly_seed", None) is not None:
        return
    assert config.cache is not None
    known: dict[str, float] = config.cache.get(_Run.KEY, {})
    seconds: defaultdict[str, float] = defaultdict(float)
    for item in items:
        seconds[_group(item)] += known.get(item.nodeid, _guess(item))
    items.sort(key=lambda item: -seconds[_group(item)])


def _cheap(item: pytest.Item) -> bool:
    """Whether it costs more to hand the test out by itself than it can gain: some thousands of a few milliseconds.

    Each test of its own makes all later decisions of xdist's slower. And what a module computes once is computed on
    one worker.
    """
    return not item.get_closest_marker("engine") and not item.get_closest_marker("slow")


def _shares(item: pytest.Item) -> bool:
    """Whether the test uses a fixture that lives as long as its module, class or package."""
    assert isinstance(item, pytest.Function)
    definitions = (last for *_, last in item._fixtureinfo.name2fixturedefs.values())
    return any(definition.scope in ("class", "module", "package") for definition in definitions)


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else item.nodeid


def _guess(item: pytest.Item) -> float:
    """Return how many seconds a test takes of which nothing is known yet."""
    if slow := item.get_closest_marker("slow"):
        return float(slow.args[0]) if slow.args else 12
    return 6 if item.get_closest_marker("engine") else 0.03


class _Run:
    """Clears away what killed runs and this one have left, and tells how long each tier took.

    How long each test took is remembered for the order of the next run.
    """

    KEY = "run-claude/seconds"

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._figures: list[str] = []  # what a test has measured and wants shown

    def pytest_sessionstart(self) -> None:
        if not self._config.option.collectonly:
            for line in runs.remove_leftovers():
                print(f"removed what a killed run has left: {line}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._figures += [str(value) for name, value in report.user_properties if name == "figure"]
        self._seconds[re.sub(r"@[^\]]*$", "", report.nodeid)] += report.duration  # xdist adds @GROUP

    def pytest_sessionfinish(self) -> None:
        assert self._config.cache is not None
        known = self._config.cache.get(self.KEY, {})
        self._config.cache.set(self.KEY, known | self._seconds)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in runs.end():
            terminalreporter.write_line(f"removed what a test has left: {line}")
        for line in self._figures:
            terminalreporter.write_line(line)
        tiers: defaultdict[str, list[float]] = defaultdict(list)
        for nodeid, seconds in self._seconds.items():
            tiers[nodeid.split("/")[1]].append(seconds)
        if len(tiers) > 1:
            terminalreporter.section("time of each tier (added up over all workers)")
            for tier, times in sorted(tiers.items(), key=lambda row: -sum(row[1])):
                terminalreporter.write_line(f"{sum(times):7.1f} s  {len(times):5} tests  {tier}")
