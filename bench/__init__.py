"""How fast, and against what? Run with ``scripts/bench`` or ``python -m bench``; see ``bench/README.md``."""
