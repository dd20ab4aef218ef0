"""How fast is run-claude, and compared to what? See ``bench/README.md``."""
