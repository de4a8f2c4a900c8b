"""A lab to break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab


@pytest.fixture
def broken(healed_lab: Lab) -> Iterator[Lab]:
    """The session's lab, to break; healed afterwards."""
    yield healed_lab
    healed_lab.heal_all()
