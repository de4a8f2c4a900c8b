"""A schedule that the swarm itself runs, on real engines: no key that opens anything is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.in_swarm_story import HOSTS, backs_itself_up
from tests.support.scheduler_image import load_image

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def test_the_swarm_backs_itself_up_also_what_only_a_worker_has(lab: Lab, tmp_path: Path) -> None:
    backs_itself_up(lab, tmp_path, load_image(lab, tmp_path, HOSTS))
