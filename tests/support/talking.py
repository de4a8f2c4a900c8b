"""A client of an engine whose other side is a script: it records what it is sent, and says what a test wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from tests.support.http_server import Talker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def talker() -> Iterator[Talker]:
    """The other side."""
    with Talker() as talker:
        yield talker


@pytest.fixture
def engine(talker: Talker) -> Iterator[Engine]:
    """A client of ``talker``, as host m1."""
    engine = Engine("m1", talker.open, SystemClock())
    yield engine
    engine.close()
