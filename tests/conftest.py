"""Fixtures for the whole test suite."""

from tests.labs import lab, make_lab, session_lab

__all__ = ["lab", "make_lab", "session_lab"]
