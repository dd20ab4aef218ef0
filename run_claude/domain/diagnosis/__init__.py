"""Turn facts into a cause: what an exit code, a message or a log tail means, and what helps.

Pure: adapters and the controller collect the facts.
"""

from run_claude.domain.diagnosis.compose import compose_failure, port_of
from run_claude.domain.diagnosis.conflict import bind_unavailable, foreign_container, port_taken, stranger
from run_claude.domain.diagnosis.engine import (
    MINIMUM_API,
    engine_frozen,
    engine_newer,
    engine_refused,
    engine_too_old,
    engine_unreachable,
    is_away,
)
from run_claude.domain.diagnosis.foreign import docker_is_podman, engine_elsewhere, engine_is_podman, engine_over_ssh
from run_claude.domain.diagnosis.log import Evidence, database_log, proxy_log, service_log
from run_claude.domain.diagnosis.probe_stages import ProbeStages, first_failing_stage
from run_claude.domain.diagnosis.service import service_failure, start_timeout
from run_claude.domain.diagnosis.transport import gateway_unreachable, quoted

__all__ = [
    "MINIMUM_API",
    "Evidence",
    "ProbeStages",
    "bind_unavailable",
    "compose_failure",
    "database_log",
    "docker_is_podman",
    "engine_elsewhere",
    "engine_frozen",
    "engine_is_podman",
    "engine_newer",
    "engine_over_ssh",
    "engine_refused",
    "engine_too_old",
    "engine_unreachable",
    "first_failing_stage",
    "foreign_container",
    "gateway_unreachable",
    "is_away",
    "port_of",
    "port_taken",
    "proxy_log",
    "quoted",
    "service_failure",
    "service_log",
    "start_timeout",
    "stranger",
]
