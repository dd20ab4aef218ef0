"""The engine's JSON as our values: tables of what engines send, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from run_claude.docker.inspect import container_event, container_of, service_of, service_state, snapshot_of, stranger_of
from run_claude.domain.lifecycle import ContainerEvent, Phase, Service, Snapshot, parse_time
from run_claude.errors import EngineError

ZERO = "0001-01-01T00:00:00Z"
STARTED, FINISHED = "2026-01-02T03:04:05.000000006Z", "2026-01-02T03:05:00Z"


def labels(service: str = "litellm", **more: str) -> dict[str, str]:
    return {
        "com.docker.compose.project": "test",
        "com.docker.compose.service": service,
        "com.docker.compose.oneoff": "False",
        **more,
    }


def inspected(service: str = "litellm", *, id: str = "a" * 64, created: str = STARTED, **state: Any) -> dict[str, Any]:
    return {
        "Id": id,
        "Name": f"/test-{service}",
        "Created": created,
        "RestartCount": 0,
        "State": {"Status": "running", "StartedAt": STARTED, "FinishedAt": ZERO, "ExitCode": 0, **state},
        "Config": {"Image": "image:tag", "Labels": labels(service), "Healthcheck": {"Test": ["CMD", "probe"]}},
    }


def event(action: object, *, type: str = "container", **more: Any) -> dict[str, Any]:
    attributes = {**labels(), **more.pop("attributes", {})}
    return {"Type": type, "Action": action, "Actor": {"ID": "a" * 64, "Attributes": attributes}, "timeNano": 42, **more}


NETWORKS: dict[str, dict[str, Any]] = {
    "connected": {"HostConfig": {"NetworkMode": "net"}, "NetworkSettings": {"Networks": {"net": {"NetworkID": "n1"}}}},
    "by ID": {"HostConfig": {"NetworkMode": "n1"}, "NetworkSettings": {"Networks": {"net": {"NetworkID": "n1"}}}},
    "the host's": {"HostConfig": {"NetworkMode": "host"}, "NetworkSettings": {"Networks": {}}},
    "another container's": {"HostConfig": {"NetworkMode": "container:x"}, "NetworkSettings": {"Networks": {}}},
    "not told": {"HostConfig": {"NetworkMode": "net"}, "NetworkSettings": {"Networks": None}},
}
CUT_OFF: dict[str, dict[str, Any]] = {
    "from all": {"HostConfig": {"NetworkMode": "net"}, "NetworkSettings": {"Networks": {}}},
    "from ours": {"HostConfig": {"NetworkMode": "net"}, "NetworkSettings": {"Networks": {"mine": {"NetworkID": "n2"}}}},
}


@pytest.mark.parametrize("networks", NETWORKS.values(), ids=NETWORKS)
def test_a_container_on_its_network_is_as_healthy_as_it_says(networks: dict[str, Any]) -> None:
    state = service_state({**inspected(Health={"Status": "healthy"}), **networks})
    assert (state.phase, state.cut_off) == (Phase.HEALTHY, False)


@pytest.mark.parametrize("networks", CUT_OFF.values(), ids=CUT_OFF)
def test_a_container_that_nobody_reaches_is_unhealthy_whatever_it_says(networks: dict[str, Any]) -> None:
    state = service_state({**inspected(Health={"Status": "healthy"}), **networks})
    assert (state.phase, state.cut_off) == (Phase.UNHEALTHY, True)
    assert state.health_output == "it is not connected to its network"
    stopped = service_state({**inspected(Status="exited"), **networks})
    assert (stopped.phase, stopped.cut_off) == (Phase.EXITED, True)


# --- states -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "phase", "exit_code"),
    [
        ({"Status": "created", "StartedAt": ZERO}, Phase.CREATED, None),
        ({"Health": {"Status": "starting"}}, Phase.STARTING, None),
        ({"Health": {"Status": "healthy"}}, Phase.HEALTHY, None),
        ({"Health": {"Status": "unhealthy"}}, Phase.UNHEALTHY, None),
        ({"Health": None}, Phase.HEALTHY, None),  # no health check
        ({"Health": {"Status": ""}}, Phase.HEALTHY, None),
        ({"Health": {"Status": "none"}}, Phase.HEALTHY, None),
        ({"Status": "paused", "Health": {"Status": "unhealthy"}}, Phase.PAUSED, None),
        ({"Status": "restarting", "Running": True, "ExitCode": 3}, Phase.RESTARTING, 3),
        ({"Status": "exited", "ExitCode": 137, "Health": {"Status": "unhealthy"}}, Phase.EXITED, 137),
        ({"Status": "exited", "ExitCode": 0}, Phase.EXITED, 0),
        ({"Status": "dead", "ExitCode": 255}, Phase.EXITED, 255),
        ({"Status": "removing"}, Phase.REMOVING, None),
    ],
)
def test_a_state_is_read_as_its_phase(state: dict[str, Any], phase: Phase, exit_code: int | None) -> None:
    read = service_state(inspected(**state))
    assert (read.phase, read.exit_code) == (phase, exit_code)


def test_every_field_is_read() -> None:
    raw = inspected(Status="exited", FinishedAt=FINISHED, ExitCode=137, OOMKilled=True, Error="no such device")
    raw["RestartCount"] = 4
    raw["Config"]["Labels"] |= {"com.docker.compose.config-hash": "c0ffee", "run-claude.inputs": "beef"}
    read = service_state(raw)
    assert read.name == "test-litellm"
    assert read.started_ns == 1_767_323_045_000_000_006
    assert read.finished_ns == parse_time(FINISHED)
    assert (read.oom_killed, read.error, read.restarts) == (True, "no such device", 4)
    assert (read.image, read.config_hash, read.inputs) == ("image:tag", "c0ffee", "beef")
    assert read.label("com.docker.compose.project") == "test"


def test_what_an_engine_leaves_out_is_unset() -> None:
    read = service_state({"Id": "a", "State": {"Status": "created"}})
    assert read.phase is Phase.CREATED
    assert (read.name, read.created_ns, read.started_ns, read.image, read.labels) == ("", None, None, "", ())


def test_health_began_with_the_unbroken_run_of_good_probes() -> None:
    ends = [f"2026-01-02T03:05:{second:02}Z" for second in range(4)]
    log = [{"ExitCode": code, "End": end, "Output": "x\n"} for code, end in zip([0, 1, 0, 0], ends, strict=True)]
    read = service_state(inspected(Health={"Status": "healthy", "Log": log}))
    assert read.healthy_ns == parse_time(ends[2])
    assert read.health_output == "x"
    unhealthy = service_state(inspected(Health={"Status": "unhealthy", "Log": log}))
    assert unhealthy.healthy_ns is None


def test_of_five_good_probes_nobody_knows_when_the_first_was_and_the_start_counts() -> None:
    log = [{"ExitCode": 0, "End": f"2026-09-30T10:00:{second:02}Z"} for second in range(10, 15)]
    read = service_state(inspected(StartedAt="2026-09-30T09:00:00Z", Health={"Status": "healthy", "Log": log}))
    assert read.healthy_ns is None
    assert read.since_ns == parse_time("2026-09-30T09:00:00Z")


def test_probes_of_a_life_before_the_restart_do_not_count() -> None:
    ends = ["2026-01-02T03:04:00Z", "2026-01-02T03:05:00Z"]  # it started in between
    log = [{"ExitCode": 0, "End": end} for end in ends]
    read = service_state(inspected(Health={"Status": "healthy", "Log": log}))
    assert read.healthy_ns == parse_time(ends[1])


@pytest.mark.parametrize("log", [None, []])
def test_an_empty_probe_log_is_none(log: object) -> None:
    read = service_state(inspected(Health={"Status": "healthy", "Log": log}))
    assert (read.healthy_ns, read.health_output) == (None, "")


# --- which container counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("these", "service"),
    [
        (labels(), Service.LITELLM),
        (labels("timescaledb"), Service.TIMESCALEDB),
        (labels("redis"), None),
        (labels() | {"com.docker.compose.oneoff": "True"}, None),
        ({"com.docker.compose.service": "litellm"}, Service.LITELLM),
        ({}, None),
    ],
)
def test_labels_name_the_service(these: dict[str, Any], service: Service | None) -> None:
    assert service_of(these) is service


def looked(raws: list[dict[str, Any]]) -> Snapshot:
    return snapshot_of(found for raw in raws if (found := container_of(raw)) is not None)


@pytest.mark.parametrize("answer", [{}, {"Id": "x"}, inspected(Status="sleeping"), inspected(Health=["x"])])
def test_an_answer_that_cannot_be_understood_is_an_error_of_the_engine(answer: dict[str, Any]) -> None:
    config = {"Labels": labels(), "Healthcheck": {"Test": ["CMD", "probe"]}}
    answer = {"Name": "/test-litellm", "Config": config} | answer
    with pytest.raises(EngineError) as raised:
        container_of(answer)
    assert raised.value.code == "engine-answer"


OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ({"id": "1", "created": OLD}, {"id": "2", "created": NEW}, "2"),
        ({"id": "1", "created": OLD}, {"id": "2", "created": NEW, "Status": "created"}, "1"),
        ({"id": "1", "created": OLD, "Status": "exited"}, {"id": "2", "created": NEW, "Status": "created"}, "2"),
        ({"id": "1", "created": OLD, "Status": "exited"}, {"id": "2", "created": NEW}, "2"),
    ],
)
def test_of_two_containers_the_running_one_counts_then_the_newest(
    first: dict[str, Any], second: dict[str, Any], counts: str
) -> None:
    raws = [inspected(**first), inspected(**second)]
    assert looked(raws).litellm.id == counts
    assert looked(raws[::-1]).litellm.id == counts


def test_no_containers_are_absent_and_others_do_not_matter() -> None:
    snapshot = looked([inspected("redis"), {"Id": "x", "State": {}, "Config": {"Labels": None}}])
    assert snapshot.litellm.phase is snapshot.timescaledb.phase is Phase.ABSENT


# --- events -------------------------------------------------------------------------------------------------------


def said(action: str, **more: Any) -> ContainerEvent:
    return ContainerEvent(service=Service.LITELLM, action=action, at_ns=42, container_id="a" * 64, **more)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (event("start"), said("start")),
        (event("start", status="start", id="a" * 64, **{"from": "image"}), said("start")),  # before API 1.52
        (event("die", attributes={"exitCode": "137"}), said("die", exit_code=137)),
        (event("kill", attributes={"signal": "15"}), said("kill", signal=15)),
        (event("health_status: healthy"), said("health_status", health="healthy")),
        (event("health_status: unhealthy"), said("health_status", health="unhealthy")),
        (event("destroy"), said("destroy")),
        (event("exec_start: sh -c true"), said("exec_start", health="sh -c true")),
        # odd, and still of use
        (event("die", attributes={"exitCode": "many"}), said("die")),
        (event("die", attributes={"exitCode": "-1"}), said("die", exit_code=-1)),
    ],
)
def test_an_event_is_read(raw: dict[str, Any], expected: ContainerEvent) -> None:
    assert container_event(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        {},
        event("connect", type="network"),
        event("pull", type="image"),
        event(None),
        event(7),
        event("start", attributes={"com.docker.compose.service": "redis"}),
        event("start", attributes={"com.docker.compose.oneoff": "True"}),
        {"Type": "container", "Action": "start", "Actor": None},
        {"Type": "container", "Action": "start", "Actor": {"ID": "a", "Attributes": None}},
        {"status": "start", "id": "a", "time": 1},  # an engine too old to know actors
    ],
)
def test_what_is_not_about_a_service_of_ours_is_no_event(raw: dict[str, Any]) -> None:
    assert container_event(raw) is None


# --- containers that only look like ours ------------------------------------------------------------------------------

STRANGERS: dict[str, dict[str, Any]] = {
    "a sleep with our labels": {"Name": "/sleepy", "Config": {"Image": "busybox", "Labels": labels()}},
    "with our name, too": {"Config": {"Image": "busybox", "Labels": labels()}},
    "another name": {"Name": "/theirs"},
    "another service's name": {"Name": "/test-timescaledb"},
    "no health check": {"Config": {"Image": "x", "Labels": labels(), "Healthcheck": {"Test": ["NONE"]}}},
}


@pytest.mark.parametrize("differs", STRANGERS.values(), ids=STRANGERS)
def test_labels_alone_make_no_container_ours(differs: dict[str, Any]) -> None:
    raw = {**inspected(), **differs}
    assert container_of(raw) is None
    assert stranger_of(raw) == (raw["Name"].lstrip("/"), raw["Config"]["Image"])


@pytest.mark.parametrize("name", ["/test-litellm", "/0123456789ab_test-litellm", "/test-litellm-renamed"])
def test_a_container_that_is_being_recreated_or_was_renamed_is_ours(name: str) -> None:
    raw = {**inspected(), "Name": name}
    assert container_of(raw) is not None
    assert stranger_of(raw) is None


def test_what_belongs_to_no_service_of_ours_is_no_stranger() -> None:
    assert stranger_of({"Name": "/x", "Config": {"Labels": {"com.docker.compose.service": "mine"}}}) is None
    assert stranger_of({"Name": "/x", "Config": {"Labels": labels(**{"com.docker.compose.oneoff": "True"})}}) is None
