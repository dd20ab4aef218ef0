"""The engine's fixtures, for tests that interrupt."""

from tests.engine.conftest import instance

__all__ = ["instance"]
