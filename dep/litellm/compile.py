"""Compile an installed environment to bytecode: on a read-only root, what is not compiled here never is.

Left out is what the proxy does not import, half of all files: tests, command lines, other servers than uvicorn.
"""

from __future__ import annotations

import compileall
import re
import sys
from pathlib import Path

NEVER_IMPORTED = re.compile(
    r"/(tests?|testing|f2py|granian|gunicorn|InquirerPy|prompt_toolkit|rq|nodeenv|markdown_it|wcwidth"
    r"|litellm/proxy/client|litellm/harness)/|/pygments/lexers/[a-z]"
)


def main() -> int:
    """Compile on all cores; returns 1 if a file cannot be compiled."""
    packages = next((Path(sys.argv[1]) / "lib").glob("python3.*/site-packages"))
    return not compileall.compile_dir(str(packages), quiet=1, workers=0, rx=NEVER_IMPORTED)


if __name__ == "__main__":
    sys.exit(main())
