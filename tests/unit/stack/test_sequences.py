"""Generated sequences of commands and accidents, against a model of what should be remembered."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from run_claude.config.settings import load_settings
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.stack import Stack
from run_claude.state.deployed import is_deployed, load_deployment
from run_claude.state.instance import as_remembered
from tests.fake.compose import gets_healthy
from tests.fake.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fake.engine import Container

pytestmark = pytest.mark.usefixtures("packaged")

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM
DEFAULT_PORT = 4444
SEQUENCES = int(os.environ.get("RUN_CLAUDE_SEQUENCES") or 150)  # a thousand take some 80 s of one core
SICK_PORT = 4666  # a proxy with this port never gets healthy


@dataclass(frozen=True)
class Start:
    """`proxy start` with options, or `with`, which has a profile alone."""

    port: int | None = None
    database: bool | None = None
    profile: str | None = None


@dataclass(frozen=True)
class Restart:
    """`proxy restart`."""


@dataclass(frozen=True)
class Stop:
    """`proxy stop`."""


@dataclass(frozen=True)
class Config:
    """LITELLM_PORT in `.env`; ``None`` removes it."""

    port: int | None


@dataclass(frozen=True)
class Break:
    """models.yaml is broken, or mended."""

    broken: bool


@dataclass(frozen=True)
class Take:
    """Another process listens on a port, or ends."""

    port: int
    taken: bool


@dataclass(frozen=True)
class Dies:
    """The proxy's container crashes."""


@dataclass(frozen=True)
class Kill:
    """Kill -9 in the next command, in a verb of Compose."""

    verb: str


PORTS = st.sampled_from([4601, 4602, SICK_PORT])
STEPS = st.one_of(
    st.builds(
        Start,
        port=st.none() | PORTS,
        database=st.sampled_from([None, None, True, False]),
        profile=st.sampled_from([None, "demo", "groq"]),
    ),
    st.builds(Start, profile=st.sampled_from(["demo", "groq"])),
    st.builds(Restart),
    st.builds(Stop),
    st.builds(Config, port=st.none() | st.sampled_from([4601, 4700])),
    st.builds(Break, broken=st.booleans()),
    st.builds(Take, port=st.sampled_from([DEFAULT_PORT, 4601, 4700]), taken=st.booleans()),
    st.builds(Dies),
    st.builds(Kill, verb=st.sampled_from(["up", "stop"])),
)


# --- the model --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What is remembered of the last start that counted."""

    up: bool
    database: bool
    profile: str
    port: int | None = None  # said by an option
    over: int | None = None  # what `.env` had then

    def effective(self, configured: int | None) -> int:
        if self.port is not None and configured in (None, self.over):
            return self.port
        return configured or DEFAULT_PORT


class Model:
    """What should be remembered, and what should run: told in the user's words."""

    def __init__(self) -> None:
        self.wanted: Wanted | None = None
        self.configured: int | None = None
        self.broken = False
        self.taken: set[int] = set()
        self.database_works = False  # looked up, not foretold
        self.running: int | None = None  # on which port a healthy proxy runs
        self.deployed: int | None = None  # the port on disk, for the watcher and where nothing else can be read
        self.sure = True  # until a command was killed half-way

    def asks(self, step: Start) -> Wanted:
        last = self.wanted or Wanted(up=True, database=True, profile="")
        port, over = (step.port, self.configured) if step.port is not None else (last.port, last.over)
        if port is not None and step.port is None and self.configured not in (None, over):
            port = over = None  # `.env` has said otherwise since
        return Wanted(
            up=True,
            database=last.database if step.database is None else step.database,
            profile=step.profile or last.profile or "groq",
            port=port,
            over=over,
        )

    def start(self, step: Start) -> str:
        """Return how a start ends: ``well``, or the code of its error; and remember."""
        if self.broken:
            return "config"
        wanted = self.asks(step)
        port = wanted.effective(self.configured)
        if self.running is None and not (self.database_works and wanted.database):
            self.deployed = port  # the watcher goes on with it
        if self.running == port and port not in self.taken and port != SICK_PORT:
            self.wanted = wanted
            return "well"
        before, self.wanted = self.wanted, wanted
        if port in self.taken or port == SICK_PORT:
            if self.running is not None or (self.database_works and wanted.database):
                self.wanted = before  # what works is what was wanted before
            return "port-taken" if port in self.taken else "container-unhealthy"
        self.running = self.deployed = port
        return "well"

    def restart(self) -> str:
        """A restart starts what is wanted now, or what was deployed where that cannot be read."""
        if not self.broken:
            return self.start(Start())
        if self.deployed is None:
            return "config"
        assert self.wanted is not None
        self.wanted = replace(self.wanted, up=True)
        if self.deployed in self.taken or self.deployed == SICK_PORT:
            return "port-taken" if self.deployed in self.taken else "container-unhealthy"
        self.running = self.deployed
        return "well"


# --- and the real thing -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing of the process runs on."""


class Play:
    """Plays a sequence on the stage and in the model, and compares after each step."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.model = Model()
        self.kill = ""
        stage.compose.up_makes[PROXY] = self._made

    def _made(self, container: Container) -> None:
        project = self.stage.compose.project
        assert project is not None
        container.labels["test.port"] = project.variables["LITELLM_PORT"]
        if project.variables["LITELLM_PORT"] == str(SICK_PORT):
            container.starts()
            container.turns(Phase.UNHEALTHY)
        else:
            gets_healthy(container)

    async def step(self, step: Any) -> None:
        stage, model = self.stage, self.model
        match step:
            case Start():
                await self._starts(
                    step, lambda stack: stack.up(profile=step.profile, database=step.database), step.port
                )
            case Restart():
                await self._starts(step, lambda stack: stack.restart(), None)
            case Stop():
                await self._stops()
            case Config(port):
                model.configured = port
                stage.settings.paths.config.mkdir(parents=True, exist_ok=True)
                path = stage.settings.paths.env_file
                lines = path.read_text().splitlines() if path.exists() else []
                lines = [line for line in lines if not line.startswith("LITELLM_PORT=")]
                path.write_text("\n".join([*lines, *([f"LITELLM_PORT={port}"] if port else [])]) + "\n")
                path.chmod(0o600)
            case Break(broken):
                model.broken = broken
                stage.settings.paths.config.mkdir(parents=True, exist_ok=True)
                stage.settings.paths.models_file.write_text("models: [" if broken else "models: {}\n")
            case Take(port, taken):
                if port != model.running:  # there it could not listen
                    (model.taken.add if taken else model.taken.discard)(port)
                    (stage.taken.add if taken else stage.taken.discard)(port)
            case Dies():
                if model.running is not None and model.sure:
                    stage.container(PROXY).dies(1)
                    model.running = None
            case Kill(verb):
                self.kill = verb
            case _:
                raise TypeError(step)
        self._compare(step)

    async def _starts(self, step: Start | Restart, act: Callable[[Stack], Any], port: int | None) -> None:
        model = self.model
        if not model.sure:
            model.running = self._healthy_port()
        rows = self.stage.engine.containers
        model.database_works = any(row.service is DB and row.phase is Phase.HEALTHY for row in rows)
        expected = model.restart() if isinstance(step, Restart) else model.start(step)
        ended = await self._run(act, port)
        if ended == "killed":
            assert expected != "config"
            model.sure = False
            model.deployed = self._deployed()
            if expected != "well":
                model.wanted = self._remembered()  # killed while it puts back: either is right
            return
        model.sure = True
        assert ended == expected

    async def _stops(self) -> None:
        model = self.model
        there = any(row.service is PROXY or row.service is DB for row in self.stage.engine.containers)
        ended = await self._run(lambda stack: stack.down(), None)
        if model.wanted is not None or there:
            model.wanted = replace(model.wanted or Wanted(up=False, database=True, profile=""), up=False)
        if ended == "killed":
            model.sure = False
            return
        assert ended == "well"
        model.sure, model.running = True, None

    async def _run(self, act: Callable[[Stack], Any], port: int | None) -> str:
        stage = self.stage
        if self.kill:
            stage.compose.kills = {self.kill: Killed()}
            stage.compose.on_kill = self._keep_files
        loaded = load_settings(stage.settings.environ, instance=stage.settings.instance, port=port)
        try:
            async with Stack.open(loaded, compose=stage.compose) as stack:
                await act(stack)
        except Killed:
            self._put_files_back()
            return "killed"
        except RunClaudeError as error:
            return "config" if isinstance(error, ConfigError) else error.code
        finally:
            stage.compose.kills, self.kill = {}, ""
        return "well"

    def _keep_files(self) -> None:
        self._files = {path: path.read_bytes() for path in self.stage.settings.paths.state.rglob("*") if path.is_file()}

    def _put_files_back(self) -> None:
        """A killed process cleans up nothing: whatever it wrote after its end was never written."""
        for path in [path for path in self.stage.settings.paths.state.rglob("*") if path.is_file()]:
            if path not in self._files:
                path.unlink()
        for path, data in self._files.items():
            path.write_bytes(data)

    def _deployed(self) -> int | None:
        paths = self.stage.settings.paths
        return int(load_deployment(paths).project.variables["LITELLM_PORT"]) if is_deployed(paths) else None

    def _healthy_port(self) -> int | None:
        for row in self.stage.engine.containers:
            if row.service is PROXY and row.phase is Phase.HEALTHY:
                return int(row.labels["test.port"])
        return None

    def _remembered(self) -> Wanted | None:
        intent = self.stage.session.intent()
        if intent is None:
            return None
        word = intent.said.get("port")
        return Wanted(
            up=intent.wanted == "up",
            database=intent.database,
            profile=intent.profile,
            port=int(word.value) if word else None,
            over=int(word.over) if word and word.over else None,
        )

    def _compare(self, step: Any) -> None:
        model, stage = self.model, self.stage
        assert self._remembered() == model.wanted, step
        if not model.sure:
            return
        assert self._healthy_port() == model.running, step
        assert stage.session.unfinished() is None, step
        if model.running is not None and model.wanted is not None and model.wanted.up:
            loaded = load_settings(stage.settings.environ, instance=stage.settings.instance)
            assert as_remembered(loaded).port == model.wanted.effective(model.configured), step


async def play(environ: dict[str, str], steps: Sequence[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        async with staged({**environ, "GROQ_API_KEY": "gsk_planted"}, patch) as stage:
            played = Play(stage)
            for step in steps:
                await played.step(step)


@example([Take(DEFAULT_PORT, True), Start(), Start(port=4601), Start(profile="demo")])  # the case that was seen
@example([Start(database=False), Kill("stop"), Restart(), Start()])
@pytest.mark.slow(15)
@pytest.mark.timeout(300)  # some twelve seconds of a processor, which many tests may share
@settings(max_examples=SEQUENCES, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=3, max_size=9))
def test_what_was_said_is_remembered_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("sequence")
    environ = {"HOME": str(folder), "RUN_CLAUDE_HOME": str(folder / "c"), "RUN_CLAUDE_STATE": str(folder / "s")}
    asyncio.run(play(environ, steps))
