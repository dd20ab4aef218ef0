"""From facts to a cause: what an exit code, a message and a log tail mean, and what helps.

Pure: the adapters and the controller collect the facts, this says what they add up to.
"""

from run_claude.core.diagnosis.compose import compose_failure, port_of
from run_claude.core.diagnosis.conflict import foreign_container, port_taken
from run_claude.core.diagnosis.engine import engine_frozen, engine_unreachable
from run_claude.core.diagnosis.service import service_failure, start_timeout

__all__ = [
    "compose_failure",
    "engine_frozen",
    "engine_unreachable",
    "foreign_container",
    "port_of",
    "port_taken",
    "service_failure",
    "start_timeout",
]
