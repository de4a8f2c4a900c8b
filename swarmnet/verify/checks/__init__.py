"""The checks of ``check``: what must be right at hosts before they are in a swarm. Pure; one file and one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify.checks.clocks import Clocks
from swarmnet.verify.checks.daemon_json import DaemonJson
from swarmnet.verify.checks.dns import Resolvers
from swarmnet.verify.checks.engines import Engines
from swarmnet.verify.checks.features import KernelFeatures
from swarmnet.verify.checks.identities import Identities
from swarmnet.verify.checks.in_use import PortsInUse
from swarmnet.verify.checks.pairs import Pairs
from swarmnet.verify.checks.present import Present
from swarmnet.verify.checks.room import Room
from swarmnet.verify.checks.routes import Routes
from swarmnet.verify.checks.settings import KernelSettings
from swarmnet.verify.checks.sudo import Sudo
from swarmnet.verify.checks.versions import Versions
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.sizes.underlay import UnderlayMtu

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Scenario

CHECKS: tuple[Scenario, ...] = (
    Present(),
    Identities(),
    Engines(),
    Versions(),
    Clocks(),
    DaemonJson(),
    PortsInUse(),
    Routes(),
    KernelFeatures(),
    KernelSettings(),
    HostFirewall(),
    Pairs(),
    UnderlayMtu(),
    Resolvers(),
    Room(),
    Sudo(),
)
"""Every check, in the order in which it is shown. Those of verify that look at hosts alone are used as they are."""
