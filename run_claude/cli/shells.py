"""The completion of the shells, with each word quoted for the line that it is put into.

Names come from the user's files, and those from anybody: put on the line as it is, a model named ``$(…)`` is a command.
Bash takes words as they come, so they are quoted here; zsh and fish quote what they put on the line.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, ClassVar

from asyncclick.shell_completion import BashComplete, FishComplete, add_completion_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncclick.shell_completion import CompletionItem

__all__ = ["install"]

_IN_DOUBLE = re.compile(r'[\\$`"]')


class _Bash(BashComplete):
    """Click's, whose script splits and expands the words once more."""

    environ: ClassVar[Mapping[str, str]] = {}
    source_template = (
        BashComplete.source_template.replace("for completion in $response; do", "while IFS= read -r completion; do")
        .replace("IFS=',' read type value", "IFS=',' read -r type value")
        .replace("COMPREPLY+=($value)", 'COMPREPLY+=("$value")')
        .replace("    done\n\n    return", '    done <<< "$response"\n\n    return')
    )

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Quote the word as the user has begun it: after an open quote, Bash puts in what follows it."""
        words, at = self.environ["COMP_WORDS"].split("\n"), int(self.environ["COMP_CWORD"])
        begun = words[at][:1] if at < len(words) else ""
        value = str(item.value)
        if begun == "'":
            value = value.replace("'", r"'\''")
        elif begun == '"':
            value = _IN_DOUBLE.sub(r"\\\g<0>", value)
        elif item.type == "plain":
            value = shlex.quote(value)
        return f"{item.type},{value}"


class _Fish(FishComplete):
    """Click's, whose script ends a word at its first comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


def install(environ: Mapping[str, str]) -> None:
    """Have Click use them.

    :param environ: the process environment, in which a shell says what stands on its line
    """
    _Bash.environ = environ
    add_completion_class(_Bash)
    add_completion_class(_Fish)
