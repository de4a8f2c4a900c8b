"""``%`` tokens, judged by what the real ssh runs and opens."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.ssh.target import TargetFinder
from swarmnet.model.hosts import Host, Inventory, SSHSettings

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = ("%h", "%n", "%p", "%r", "%u", "%L", "%l", "%i", "%d", "%k", "%C", "%%", "%%h")
CONFIGS = {
    "nothing": "",
    "all": "HostName real.test\nPort 7\nUser u\nHostKeyAlias Al\n",
    "a host name with a token": "HostName %h.test\nPort 2222\n",
    "a final pass": "HostName REAL.test\nMatch final host real.test\n User late\n",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("host", ["web", "Web.Test", "10.0.0.7"])
def test_commands_and_key_files_are_named_as_ssh_names_them(tmp_path: Path, text: str, host: str) -> None:
    in_files, in_commands = "/".join(TOKENS), "%h/%n/%p/%r/%k/%%/%%h"
    config = tmp_path / "config"
    config.write_text(
        f"{text}Host *\n IdentityFile {tmp_path}/{in_files}/${{HOME}}\n ProxyCommand echo '{in_commands}'; false\n"
    )
    argv = ["/usr/bin/ssh", "-v", "-F", str(config), "-o", "BatchMode=yes", host, "true"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    theirs = re.findall(r"identity file (\S+) type", done.stderr)[0]

    inventory = Inventory(cluster="c", hosts=(Host(name="h", address=host, ssh=SSHSettings(config=str(config))),))
    target = TargetFinder(inventory).target(inventory.hosts[0])
    assert str(target.keys.files[0]) == theirs.replace("//", "/")
    assert target.command == re.findall(r"Executing proxy command: exec (.*)", done.stderr)[0].strip()
