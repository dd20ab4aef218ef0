"""Repairs that are safe without asking: none removes data or anything else of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.files import mend_mode
from run_claude.deploy.image import litellm_image
from run_claude.deploy.initialize import initialize
from run_claude.deploy.services import packaged_services
from run_claude.errors import RunClaudeError
from run_claude.stack import Stack
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_claude.config.settings import Settings
    from run_claude.doctor.findings import Finding
    from run_claude.domain.progress import Reporter

__all__ = ["repair"]


async def repair(settings: Settings, findings: Iterable[Finding], reporter: Reporter) -> list[str]:
    """Make the repairs that the findings name, in the order of their dependencies. Return a sentence for each.

    A repair that fails ends the repairs, since the others depend on it.
    """
    wanted = {finding.repair for finding in findings if finding.repair}
    done: list[str] = []
    steps = {"files": _files, "image": _image, "start": _start}
    for name, step in steps.items():
        if name not in wanted:
            continue
        try:
            done += await step(settings, reporter)
        except RunClaudeError as error:
            return [*done, f"Could not continue: {error.message} {error.help}"]
    return done


async def _files(settings: Settings, reporter: Reporter) -> list[str]:
    """Create folders, secrets and the services folder, fix modes, and migrate legacy files."""
    paths = settings.paths
    absent = [name for name in packaged_services() if not (paths.services / name).is_file()]
    made = [path for path in (paths.config, paths.instance_state, paths.secrets_dir) if not path.is_dir()]
    notes = await initialize(settings, "doctor --fix", on_wait=lambda holder: reporter.step(f"Waiting for {holder}"))
    for path in (paths.litellm_secrets, paths.database_secret, paths.build_secrets):
        if note := mend_mode(path, 0o600):
            notes.append(note)
    if absent:
        some = f"{len(absent)} files" if len(absent) > 3 else ", ".join(absent)
        notes.append(f"Wrote {some} to {paths.services}.")
    return [*(f"Created {path}." for path in made), *notes]


async def _image(settings: Settings, reporter: Reporter) -> list[str]:
    async with Stack.open(settings, reporter=reporter) as stack:
        if await stack.session.api.image(litellm_image(settings)) is not None:
            return []  # another name was meant by files that are repaired now
        return [f"Built {await stack.build_if_missing()}."]


async def _start(settings: Settings, reporter: Reporter) -> list[str]:
    """Start what the user wants, with the current configuration."""
    intent = load_intent(settings.paths.intent_file)[0]
    async with Stack.open(settings, reporter=reporter) as stack:
        started = await stack.up(database=intent.database if intent else True)
    return [f"Started the stack; {settings.base_url} serves profile {started.profile.name}."]
