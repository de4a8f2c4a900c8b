"""Engines, shells and ports in memory, with the engine's rules. Start at :class:`World`."""

from tests.simulator.clock import SimulatedClock
from tests.simulator.engine import SimulatedEngine
from tests.simulator.machine import Machine
from tests.simulator.shell import SimulatedShell
from tests.simulator.world import Request, SimulatedPorts, SlowList, World

__all__ = [
    "Machine",
    "Request",
    "SimulatedClock",
    "SimulatedEngine",
    "SimulatedPorts",
    "SimulatedShell",
    "SlowList",
    "World",
]
