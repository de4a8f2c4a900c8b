"""A raft archive goes all its ways in parts: of any size, the memory it needs is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.backup_targets import KINDS

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 96
"""MiB of the archive: more than the bound, so that one that is whole in memory anywhere is seen."""
BOUND = 64
"""MiB that all steps may need; S3's parts, three of 8 MiB under way, need 45, the others 10."""


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_large_archive_no_more_than_parts_are_in_memory(kind: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.support.streaming_child", kind, str(tmp_path), str(SIZE)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    peaks: dict[str, float] = json.loads(done.stdout)
    more = {step: round(peak - peaks["start"]) for step, peak in peaks.items()}
    assert max(more.values()) < BOUND, more
