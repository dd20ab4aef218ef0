"""The registry of causes: code, class, exit code, meaning, help, and whether to retry.

`docs/errors.md` is generated from it. Every code that is raised is registered here, and every registered code has a
test that stages it (``@pytest.mark.cause``).
"""

from run_claude.domain.causes.cause import Cause
from run_claude.domain.causes.engine import CAUSES as _ENGINE
from run_claude.domain.causes.images import CAUSES as _IMAGES
from run_claude.domain.causes.stack import CAUSES as _STACK
from run_claude.domain.causes.user import CAUSES as _USER
from run_claude.domain.causes.watch import CAUSES as _WATCH

__all__ = ["CAUSES"]

CAUSES: dict[str, Cause] = {cause.code: cause for cause in (*_ENGINE, *_IMAGES, *_STACK, *_USER, *_WATCH)}
