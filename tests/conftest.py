"""Fixtures for the whole test suite."""

from hypothesis import settings

from tests.labs import lab, make_lab, session_lab

# A busy machine is no wrong answer: laws have no time limit of their own.
settings.register_profile("swarmnet", deadline=None)
settings.load_profile("swarmnet")

__all__ = ["lab", "make_lab", "session_lab"]
