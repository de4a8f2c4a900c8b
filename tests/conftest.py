"""Fixtures for the whole test suite."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from swarmnet.model.sensitive import SENSITIVE
from tests.support.group_times import pytest_addoption, pytest_terminal_summary
from tests.support.labs import healed_lab, lab, make_lab, session_lab, take_down_orphans
from tests.support.own_cluster import own_cluster, pytest_runtest_teardown, uses_own_cluster

# A busy machine must not fail a law: laws have no time limit of their own. CI draws the same inputs in each run, so
# that one commit has one answer; new inputs are drawn everywhere else, and in great numbers by `make soak`.
settings.register_profile("swarmnet", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("soak", deadline=None, max_examples=20_000)  # make soak
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "swarmnet"))

# Shells start background jobs deaf to Ctrl-C, and their children inherit it: tests that press it want it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


OWN_KERNELS = {"test_lost_hosts", "test_readme", "test_own_lifecycle"}
"""Files with labs of their own whose hosts have own kernels: one group, since each such kernel fills a processor."""
LONGEST = (
    "own_cluster",
    "own_kernels",
    "test_others",
    "test_verify_lab",
    "test_apply_lab",
    "test_verify_options",
    "test_killed_apply",
    "test_engine",
    "test_members",
    "test_unlock_lab",
    "test_total_loss",
    "test_every_field",
    "test_consent",
    "tests/report/test_shown.py",
    "tests/cli/test_options.py",
    "tests/workflows/test_archives_in_parts.py",
)
"""Groups that take more than a minute, or nearly, and the longest of the others; `--group-seconds` shows them."""
LONG_NAME = 100
"""Characters of a parameter that may be part of a test's name."""
TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Let each worker read the files of all tests from another one on.

    What takes longest is to rewrite their assertions: a worker that comes to a file later finds that done by another.
    """
    worker = getattr(config, "workerinput", None)
    if worker is not None and config.args == [TESTS.name]:
        files = sorted(str(path) for path in TESTS.rglob("test_*.py"))
        first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        config.args[:] = [*files[first:], *files[:first]]


@pytest.hookimpl(tryfirst=True)  # before the workers' own hook, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share hosts with the same worker, and begin with those that take longest.

    Those of the own-kernel cluster share it, and those of one file share their lab, or what the file computes once. A
    long one that came last would run alone, while the other workers have nothing to do.
    """
    order: dict[pytest.Item, int] = {}
    for item in items:
        group = group_of(item)
        item.add_marker(pytest.mark.xdist_group(group))
        last = len(LONGEST) if item.get_closest_marker("lab") else len(LONGEST) + 1
        order[item] = LONGEST.index(group) if group in LONGEST else last
    items.sort(key=lambda item: (order[item], item.path))


def group_of(item: pytest.Item) -> str:
    """Return which tests share hosts, processors, or what their file computes once, with a test."""
    if not item.get_closest_marker("lab"):
        return item.nodeid.partition("::")[0]
    if uses_own_cluster(item):
        return "own_cluster"
    return "own_kernels" if item.path.stem in OWN_KERNELS else item.path.stem


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its length: some have ten million characters, and each worker sends every name."""
    return f"{argname}-of-{len(val)}" if isinstance(val, str | bytes) and len(val) > LONG_NAME else None


@pytest.fixture(autouse=True)
def secrets_of_one_test() -> Iterator[None]:
    """Let no test see masked what is a secret in another one: all of a worker share a process."""
    with SENSITIVE.scoped():
        yield


@pytest.hookimpl(trylast=True)  # after the workers have ended
def pytest_unconfigure() -> None:
    """Leave no lab behind, however the run ended."""
    if "PYTEST_XDIST_WORKER" not in os.environ and os.geteuid() == 0:
        take_down_orphans()


__all__ = [
    "healed_lab",
    "lab",
    "make_lab",
    "own_cluster",
    "pytest_addoption",
    "pytest_runtest_teardown",
    "pytest_terminal_summary",
    "secrets_of_one_test",
    "session_lab",
]
