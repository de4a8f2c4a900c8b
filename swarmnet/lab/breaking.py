"""Break and heal the hosts of a lab. The journal lists exactly what is broken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import LabError, SwarmnetError
from swarmnet.lab.faults import FAMILIES, check_pattern, checked, equal_place, family_of, rules_of, switch_rules
from swarmnet.lab.faults.family import FaultTarget
from swarmnet.lab.machine.waiting import until

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import Event
    from swarmnet.lab.running import RunningLab
    from swarmnet.lab.state import Fault, HostRecord

_BOOT_LIMIT = 180.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """Makes and heals faults on the hosts of one lab."""

    lab: RunningLab

    def put(self, fault: Fault) -> None:
        """Break something; the journal lists it first.

        Raises:
            UsageError: The fault makes no sense.
            LabError: It cannot be made; then the journal does not list it either.
        """
        record = self.lab.record
        fault = checked(fault, record)
        family = family_of(fault)
        for other in (f for f in record.faults if f != fault and equal_place(f, fault)):
            self._take_back(other)
        before = self.lab.record.faults
        staying = [f for f in self.lab.record.faults if f != fault and not _ends(f, fault.host, family.break_causes)]
        self.lab.note((*staying, fault) if family.lasting else tuple(staying))
        try:
            family.put(family.read(fault.options), self._target(fault))
            self._filter(fault)
        except SwarmnetError:
            self.lab.note(before)
            raise
        if "boot" in family.break_causes and "host" not in family.silences:
            self._renew(fault.host)
            self.lab.wait_answering([self.lab.host(fault.host)])

    def heal(self, fault: Fault, *, limit: float | None) -> None:
        """Heal what matches ``fault``; a missing option matches any value.

        Raises:
            UsageError: Unknown host or kind, or options that do not belong to it.
            LabError: The host does not answer within ``limit`` seconds.
        """
        check_pattern(fault, self.lab.record)
        meant = [f for f in self.lab.record.faults if f.matches(fault)]
        if not meant and not family_of(fault).declared():
            # Something may be broken without a command: an engine that died, say.
            meant = [fault]
        for one in meant:
            self._take_back(one)
        self.lab.wait_answering([self.lab.host(fault.host)], limit=limit)

    def heal_all(self, host: str | None, *, limit: float | None) -> None:
        """Heal every fault, or every one of a host; powered-off hosts first."""
        order = list(FAMILIES)
        meant = sorted((f for f in self.lab.record.faults if host in {None, f.host}), key=lambda f: order.index(f.kind))
        for fault in (f for f in meant if f.kind == "kill"):
            self._take_back(fault)
        self.lab.wait_answering(limit=limit)
        for fault in (f for f in meant if f.kind != "kill"):
            # Healing one may have ended another.
            if fault in self.lab.record.faults:
                self._take_back(fault)
        self.lab.wait_answering(limit=limit)

    def reset(self, *, limit: float | None = None) -> None:
        """Give every host an engine without swarm, containers, networks and volumes; heal what is broken.

        Does this by a power cut and a start, which takes the same short time in any state of the engines. Images,
        trusted registries and all files outside of the engine's data stay; SSH connections end.
        """
        for host in self.lab.hosts:
            self.lab.kind(host).power_off(host)
        self._forget_all()
        for host in self.lab.hosts:
            kind = self.lab.kind(host)
            kind.forget(host)
            kind.power_on(host)
        self.lab.wait_answering(limit=limit)

    def _forget_all(self) -> None:
        """Clear the journal's faults, and undo what a wipe of powered-off hosts does not undo."""
        faults = self.lab.record.faults
        self.lab.note(())
        for fault in faults:
            family = family_of(fault)
            family.clear(family.read(fault.options), self._target(fault))
        self.lab.switch.apply_rules([])

    def _take_back(self, fault: Fault) -> None:
        family = family_of(fault)
        staying = (f for f in self.lab.record.faults if f != fault and not _ends(f, fault.host, family.heal_causes))
        before = self.lab.record.faults
        self.lab.note(tuple(staying))
        try:
            family.take_back(family.read(fault.options), self._target(fault))
        except SwarmnetError:
            self.lab.note(before)
            raise
        self._filter(fault)
        if fault.kind == "kill":
            self._renew(fault.host)

    def _filter(self, fault: Fault) -> None:
        if rules_of(fault, self.lab.record):
            self.lab.switch.apply_rules(switch_rules(self.lab.record))

    def _renew(self, name: str) -> None:
        """Make the faults again that outlast a boot, but not by themselves: a new port, a queue, a card."""
        host = self.lab.host(name)
        again = [f for f in self.lab.record.faults if f.host == name and family_of(f).renewed]
        if again:
            booted = partial(self._booted, host)
            until(
                booted,
                limit=_BOOT_LIMIT,
                failing=lambda: f"{name} does not boot; {self.lab.kind(host).last_words(host)}",
            )
        for fault in again:
            family = family_of(fault)
            family.put(family.read(fault.options), self._target(fault))

    def _booted(self, host: HostRecord) -> bool:
        kind = self.lab.kind(host)
        if not kind.powered(host):
            raise LabError(f"{host.name} died while starting; its last words:\n{kind.last_words(host)}")
        return kind.sshd_listens(host)

    def _target(self, fault: Fault) -> FaultTarget:
        host = self.lab.host(fault.host)
        return FaultTarget(host, self.lab.kind(host), self.lab.switch, self.lab.record)


def _ends(fault: Fault, host: str, causes: frozenset[Event]) -> bool:
    return fault.host == host and bool(family_of(fault).ends_with & causes)
