"""Apply our changes to the installed LiteLLM, each only where it fits exactly.

A patch is a TOML file beside this one: the LiteLLM it was read in, the public issue, why, the file, and the texts to
replace. One that does not fit ends the build: what was reviewed in one release is not put into another unseen.

    apply.py SITE_PACKAGES

Exit codes: 0; 1 a patch does not fit: one line says which, and one what to do.
"""

from __future__ import annotations

import importlib.metadata
import py_compile
import sys
import tomllib
from pathlib import Path
from typing import Any


class DoesNotFit(Exception):
    """A patch that was not made for what is installed."""


def main() -> int:
    """Apply all patches, or none."""
    packages = Path(sys.argv[1])
    folder = Path(__file__).parent
    installed = importlib.metadata.distribution("litellm").version
    try:
        changed: dict[Path, str] = {}
        for path in sorted(folder.glob("*.toml")):
            apply(path.stem, tomllib.loads(path.read_text()), packages, installed, changed)
    except DoesNotFit as error:
        print(f"run-claude: error: {error}", file=sys.stderr)
        print(
            "  → Look whether that LiteLLM has mended it (the tests of tests/conformance tell): if so remove the patch,"
            " else read the file again and write down what is to be replaced.",
            file=sys.stderr,
        )
        return 1
    for file, text in changed.items():
        file.write_text(text)
        py_compile.compile(str(file), doraise=True)
    return 0


def apply(name: str, patch: dict[str, Any], packages: Path, installed: str, changed: dict[Path, str]) -> None:
    """Put a patch's changes into ``changed``.

    :raises DoesNotFit: if it was read in another release, or a text is not there exactly once
    """
    if patch["litellm"] != installed:
        raise DoesNotFit(f"patch {name} was read in LiteLLM {patch['litellm']}, and {installed} is installed.")
    file = packages / patch["file"]
    if not file.is_file():
        raise DoesNotFit(f"patch {name}: LiteLLM {installed} has no {patch['file']}.")
    text = changed.get(file) or file.read_text()
    for number, change in enumerate(patch["replace"], 1):
        if (found := text.count(change["old"])) != 1:
            raise DoesNotFit(f"patch {name}: text {number} is {found} times in {patch['file']}, not once.")
        text = text.replace(change["old"], change["new"])
    changed[file] = text


if __name__ == "__main__":
    sys.exit(main())
