"""What a stack owes on every engine: it starts, answers, is well, comes back from a backup, is healed, and stops."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.instance import Instance

    from .machine import Resident

__all__ = ["MachineObligations", "Obligations"]

_WITHIN = 120  # seconds; a healthy stack takes a few


def wait_until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + _WITHIN
    while not holds():
        assert time.monotonic() < end, f"not within {_WITHIN} s: {what}"
        time.sleep(0.3)


class Obligations:
    """For a class of tests with a fixture `stack`: a healthy stack on the engine in question. They leave it healthy."""

    def test_both_services_are_healthy_and_status_says_so(self, stack: Instance) -> None:
        told = stack.json("proxy", "status")
        assert {row["phase"] for row in told["services"].values()} == {"healthy"}
        assert stack.phase("litellm") == stack.phase("timescaledb") == "running healthy"

    def test_a_message_goes_through_the_proxy(self, stack: Instance) -> None:
        assert "demo profile" in stack.run("models", "test", "demo-opus").stdout

    def test_the_doctor_finds_it_well(self, stack: Instance) -> None:
        told: Any = stack.json("doctor", expect=None)
        assert told["well"], [row for row in told["findings"] if row["mark"] != "ok"]

    def test_a_backup_brings_back_what_is_lost(self, stack: Instance) -> None:
        stack.psql("run_claude", "SET ROLE run_claude; CREATE TABLE kept AS SELECT 42 AS answer")
        file = f"{stack.folder}/before.tar"
        stack.run("db", "backup", file)
        stack.psql("run_claude", "DROP TABLE kept")
        stack.run("db", "restore", file, "--yes")
        assert stack.psql("run_claude", "SELECT answer FROM kept") == "42"
        stack.run("proxy", "start")
        assert "demo profile" in stack.run("models", "test", "demo-opus").stdout

    def test_a_watcher_in_the_background_heals_a_killed_proxy(self, stack: Instance) -> None:
        watcher = stack.start_command("watch", "--no-notify")
        try:
            wait_until(lambda: stack.run("watch", "status", expect=None).returncode == 0, "a watcher runs")
            before = stack.inspect("litellm")["State"]["StartedAt"]
            stack.docker("kill", stack.container("litellm"))
            wait_until(
                lambda: (
                    stack.inspect("litellm")["State"]["StartedAt"] != before
                    and stack.phase("litellm") == "running healthy"
                ),
                "the proxy is healthy again",
            )
        finally:
            stack.terminate(watcher)
            done = stack.finish(watcher)
        assert done.returncode == 0, done.stderr
        assert "demo profile" in stack.run("models", "test", "demo-opus").stdout

    def test_a_stop_leaves_the_data_and_nothing_else(self, stack: Instance) -> None:
        stack.run("proxy", "stop", "--all")
        assert sorted(stack.left_over()) == [f"{stack.name}-litellm-logs", f"{stack.name}-timescaledb-data"]
        stack.start()
        assert stack.phase("litellm") == stack.phase("timescaledb") == "running healthy"


class MachineObligations(Obligations):
    """And what is owed on a machine that a test may do anything to."""

    def test_a_machine_that_boots_again_has_its_stack_again(self, stack: Resident) -> None:
        stack.psql("run_claude", "SET ROLE run_claude; CREATE TABLE booted AS SELECT 42 AS answer")
        stack.machine.reboot()
        wait_until(
            lambda: stack.phase("litellm") == stack.phase("timescaledb") == "running healthy", "both are healthy"
        )
        assert stack.psql("run_claude", "SELECT answer FROM booted") == "42"
        assert "demo profile" in stack.run("models", "test", "demo-opus").stdout
        assert stack.json("proxy", "status")["services"]["litellm"]["phase"] == "healthy"
