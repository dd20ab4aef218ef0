"""A hook of pytest: with CI set, no test is left out in silence."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["pytest_runtest_makereport"]

# Reasons that hold with all that scripts/test installs. Tests that need the internet are not even selected.
_MAY_BE = [
    r"the official image is there",  # it owes less than a stand-in of ours
    r"no second file system",
    r"has no unix socket",  # the engine, which is reached by tcp
    r"macOS|/proc is Linux's|its service manager is none",
]
if os.geteuid() != 0:
    _MAY_BE.append(r"\broot\b")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for another reason than these into a failure."""
    report = yield
    if os.environ.get("CI") and report.skipped and call.excinfo is not None and not hasattr(report, "wasxfail"):
        reason = str(call.excinfo.value)
        if not re.search("|".join(_MAY_BE), reason):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: skipped, and with CI set that is a failure: {reason}"
    return report
