"""``--ask-become-pass``: the password is asked for once, at a terminal alone, and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.support.commands import Operator
from tests.support.ports import free_port
from tests.support.sshd import make_key

if TYPE_CHECKING:
    from pathlib import Path


def inventory(folder: Path) -> None:
    ssh = {"user": "nobody", "key": str(make_key(folder / "key")), "config": "", "connect_attempts": 1}
    hosts = {
        name: {"address": "127.0.0.1", "role": "manager", "ssh": {"port": free_port()}} for name in ("h1", "h2", "h3")
    }
    (folder / "inv.yml").write_text(yaml.safe_dump({"schema": 1, "cluster": "c", "ssh": ssh, "hosts": hosts}))


def test_without_a_terminal_there_is_no_password(tmp_path: Path) -> None:
    inventory(tmp_path)
    said = Operator(tmp_path).types("status", "-i", "inv.yml", "--ask-become-pass", exits=5)
    assert "no sudo password was given; nothing was done" in said


def test_the_password_is_asked_for_once_and_not_shown(tmp_path: Path) -> None:
    inventory(tmp_path)
    screen = Operator(tmp_path).converses(
        "status", "-i", "inv.yml", "-K", "-v", asked="sudo password on the hosts:", keys="very secret\n", exits=75
    )
    assert screen.count("sudo password") == 1
    assert "secret" not in screen
