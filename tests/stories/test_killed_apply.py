"""An apply that is killed (-9) at every step in turn and run again each time, on real engines."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator
from tests.support.docker_view import assert_whole, running
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.lab import Lab
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab

IMAGE = "story:1"
PLAYBOOK = """\
schema: 1
name: story
steps:
  - swarm: {default_addr_pool: [10.128.0.0/12], subnet_size: 25}
  - node: {labels: {site: main}}
  - network: {name: front, attachable: true}
  - network: {name: back, internal: true}
  - network: {name: local, driver: bridge, subnets: [{subnet: 172.29.7.0/24}]}
    on: m1
  - config: {name: page, from: {file: story.yml}}
  - secret: {name: word, from: {file: story.yml}}
  - service:
      name: web
      image: story:1
      command: [sleep, "1000000"]
      networks: [front]
      configs: [{source: page, target: /page}]
      secrets: [word]
      stop_grace_period: 1s
"""
ACTIONS = 16
"""What the playbook does on five hosts: init, four joins, five labels, three networks, config, secret, service."""
WRITES = 12
"""What is written at least on a manager and a worker: ten actions, the lock in the swarm taken and given back."""
EVERY = 3
"""Writes between two kills: on simulated engines the same apply is killed after each (tests/workflows)."""
DONE = ("a second plan is empty", "nothing changed")


def test_an_apply_that_is_killed_at_every_step_gets_further_each_time(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab(hosts=5)
    make_image(lab, IMAGE)
    (tmp_path / "story.yml").write_text(PLAYBOOK, encoding="utf-8")
    kills = 0

    while (ended := apply_until("end", lab, tmp_path)).returncode == -signal.SIGKILL:
        kills += 1
        assert kills <= 2 * ACTIONS, "it does not get any further\n" + ended.stdout + ended.stderr

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert kills >= ACTIONS // 2
    assert_whole(lab, "m1", networks=["front", "back"], label=("site", "main"))
    assert soon(lambda: len(running(lab, "m1", "web")) == 1)
    Operator(tmp_path).types("plan", "story.yml", "-i", str(lab.inventory), "--check")


def test_wherever_an_apply_is_killed_the_next_one_makes_the_cluster_whole(make_lab: MakeLab, tmp_path: Path) -> None:
    lab, operator = make_lab(hosts=2), Operator(tmp_path)
    make_image(lab, IMAGE)
    (tmp_path / "story.yml").write_text(PLAYBOOK, encoding="utf-8")
    kills = 0

    while (ended := apply_until(str(1 + EVERY * kills), lab, tmp_path)).returncode == -signal.SIGKILL:
        kills += 1
        said = operator.types("apply", "story.yml", "-i", str(lab.inventory), "--yes", "-v")
        reported = f"killed at answer {1 + EVERY * (kills - 1)}:\n{ended.stderr}\nand again:\n{said}"
        assert any(word in said for word in DONE), reported
        assert_whole(lab, "m1", networks=["front", "back"], label=("site", "main"), progress=reported)
        assert soon(lambda: len(running(lab, "m1", "web")) == 1), reported
        lab.reset()

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert kills >= WRITES // EVERY


def apply_until(moment: str, lab: Lab, directory: Path) -> subprocess.CompletedProcess[str]:
    """Apply in a process that dies at the moment."""
    argv = [sys.executable, "-m", "tests.support.dying_apply", moment, str(directory / "story.yml"), str(lab.inventory)]
    root = Path(__file__).parents[2]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False, timeout=400)
