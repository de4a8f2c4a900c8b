"""Sessions over private sshds, for tests of the way there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from swarmnet.edge.session import Questions, Session
from swarmnet.model.hosts import Host, Inventory, SSHSettings
from tests.edge.sshd import Sshd, make_key
from tests.simulator import Simulator

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.edge.ssh_socket import Stream
