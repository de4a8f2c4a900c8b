"""The image of a scheduler in the swarm, built by Docker from what ``schedule image`` writes, and what runs in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from tests.support.in_swarm_story import AWAY, HOSTS, backs_itself_up
from tests.support.labs import fresh_name
from tests.support.scheduler_image import build_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.lab
@pytest.mark.timeout(1800)
def test_docker_builds_the_image_and_the_swarm_backs_itself_up_with_it(tmp_path: Path) -> None:
    spec = LabSpec(name=fresh_name(), hosts=len(HOSTS), managers=len(HOSTS), extras=(AWAY,))
    with Lab.up(spec) as lab:
        backs_itself_up(lab, tmp_path, build_image(lab, tmp_path, HOSTS))
