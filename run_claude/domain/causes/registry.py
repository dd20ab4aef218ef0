"""Every cause that run-claude can name: code, exit code, what it means, what helps, whether trying again does.

The one list that the diagnosis, `docs/errors.md` and the tests agree on. A code that is raised anywhere stands here;
each one has a test that stages it (``@pytest.mark.cause``).
"""

from run_claude.domain.causes.cause import Cause
from run_claude.domain.causes.engine import CAUSES as _ENGINE
from run_claude.domain.causes.stack import CAUSES as _STACK
from run_claude.domain.causes.user import CAUSES as _USER
from run_claude.domain.causes.watch import CAUSES as _WATCH

__all__ = ["CAUSES"]

CAUSES: dict[str, Cause] = {cause.code: cause for cause in (*_ENGINE, *_STACK, *_USER, *_WATCH)}
