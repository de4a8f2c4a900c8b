from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.ssh_sessions import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path) as fleet:
        yield fleet
