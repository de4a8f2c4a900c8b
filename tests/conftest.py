"""Fixtures for the whole test suite."""

import signal

from hypothesis import settings

from tests.labs import healed_lab, lab, make_lab, session_lab
from tests.own_cluster import own_cluster

# A busy machine is no wrong answer: laws have no time limit of their own.
settings.register_profile("swarmnet", deadline=None)
settings.load_profile("swarmnet")

# Shells start background jobs deaf to Ctrl-C, and their children inherit it: tests that press it want it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["healed_lab", "lab", "make_lab", "own_cluster", "session_lab"]
