"""What User-Mode Linux preloads sets the registers of a process also where the processor has more than it knows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from swarmnet.lab.roots.cache import RootCache
from swarmnet.lab.roots.engines import KERNEL_ENGINE, release_of
from tests.support import traced_child

pytestmark = pytest.mark.lab


def outcome(**settings: str) -> str:
    argv = [sys.executable, str(traced_child.__file__)]
    return subprocess.run(argv, env=os.environ | settings, check=True, capture_output=True, text=True).stdout.strip()


def test_a_part_of_the_registers_is_set_which_the_kernel_alone_refuses() -> None:
    root = RootCache.default().root(release_of(KERNEL_ENGINE))
    assert outcome() == "Bad address"
    assert outcome(LD_PRELOAD=str(root / "usr/lib/uml/registers.so")) == "set"
