"""Compile an installed environment to bytecode, which a read-only container could not do later.

This includes Python's own library, because Docker's official images come without its bytecode. Half of all files are
left out, because the proxy never imports them: tests, command lines, servers other than uvicorn.
"""

from __future__ import annotations

import compileall
import re
import sys
import sysconfig
from pathlib import Path

NEVER_IMPORTED = re.compile(
    r"/(tests?|testing|f2py|granian|gunicorn|InquirerPy|prompt_toolkit|rq|nodeenv|markdown_it|wcwidth"
    r"|litellm/proxy/client|litellm/harness)/|/pygments/lexers/[a-z]"
)
NEVER_IMPORTED_OF_PYTHON = re.compile(
    r"/(tests?|idlelib|ensurepip|tkinter|turtledemo|lib2to3|pydoc_data|venv|(site|dist)-packages|config-[^/]*)/"
)


def main() -> int:
    """Compile the files without bytecode on all cores; return 1 if one cannot be compiled."""
    packages = next((Path(sys.argv[1]) / "lib").glob("python3.*/site-packages"))
    folders = {str(packages): NEVER_IMPORTED, sysconfig.get_path("stdlib"): NEVER_IMPORTED_OF_PYTHON}
    compiled = [compileall.compile_dir(folder, quiet=1, workers=0, rx=left_out) for folder, left_out in folders.items()]
    return not all(compiled)


if __name__ == "__main__":
    sys.exit(main())
