"""Checks everything that a working stack needs, says what is wrong, fixes what is safe, and writes a report."""

from run_claude.doctor.checks import diagnose
from run_claude.doctor.context import lenient_settings
from run_claude.doctor.repairs import repair
from run_claude.doctor.report import write_report

__all__ = ["diagnose", "lenient_settings", "repair", "write_report"]
