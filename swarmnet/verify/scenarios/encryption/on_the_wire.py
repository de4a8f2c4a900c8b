"""Scenario: what encrypted overlays carry is never readable on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.captures import MARKS, Capture, capture_of, encrypted, observed_probes, peers_of
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import without_esp
from swarmnet.verify.scenarios.encryption.captured import SightedScenario
from swarmnet.verify.scenarios.encryption.states import current_spis

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Answers, Setup


class EncryptionOnTheWire(SightedScenario):
    """Markers leave every sender in ESP of the current SPI and never in clear; the same filter sees plain ones."""

    name: ClassVar[str] = "encryption"
    summary: ClassVar[str] = "markers on encrypted overlays leave every host as ESP, never unencrypted"

    def judge_networks(self, setup: Setup, answers: Answers, networks: tuple[Network, ...]) -> list[Verdict]:
        """Return one verdict a network: leaks first, then what kept it from being proved."""
        seen = {probe.host: capture_of(setup, answers, probe.host) for probe in observed_probes(setup)}
        return [self._leaks(setup, net, seen) or self._proof(setup, answers, net, seen) for net in networks]

    def _leaks(self, setup: Setup, network: Network, seen: dict[str, Capture]) -> Verdict | None:
        """Return the failure when anything of the network left a host in clear, also by a capture that missed some."""
        name = network.spec.name
        leaks = {host: one.sent.clear.get(name, 0) for host, one in seen.items() if one.sent.clear.get(name)}
        bare = {host: packets for host, one in seen.items() if (packets := plaintext(one, network))}
        if not leaks and not bare:
            return None
        hosts = sorted(leaks.keys() | bare.keys())
        read = f"its marker was read in {count(sum(leaks.values()), 'packet')}" if leaks else "no marker was among them"
        control = setup.plain.spec.name if setup.plain else "none"
        return Verdict(
            scenario=self.name,
            subject=f"network {name}",
            status=Status.FAILED,
            detail=f"{', '.join(hosts)} sends {name} unencrypted:"
            f" {count(sum(bare.values()), 'plaintext VXLAN packet')} left,"
            f" {read}",
            fix="restart Docker there: the rule that marks packets for IPsec is missing."
            " Upgrade engines"
            " before 20.10.24 and 23.0.3, which send unencrypted where the kernel has no xt_u32 (CVE-2023-28841)",
            cause=CauseId.CLEARTEXT,
            evidence={"cause": CauseId.CLEARTEXT, "hosts": [*hosts], "network": name, "control": control},
            needed=tuple(
                frozenset((claims.mark(host, name), *(claims.ipsec(host, peer) for peer in peers_of(setup, host))))
                for host in hosts
            ),
        )

    def _proof(self, setup: Setup, answers: Answers, network: Network, seen: dict[str, Capture]) -> Verdict:
        name = network.spec.name
        unproved = self._unproved(setup, answers, seen)
        if unproved:
            subject = f"network {name}"
            verdict = self.verdict(subject, Status.INCONCLUSIVE, f"not proved: {unproved}")
            kernels = claims.each(claims.esp_kernels(*without_esp(answers)))
            return verdict.model_copy(update={"needed": kernels or _places_to_capture(setup, seen)})
        silent = silent_pairs(setup, answers, seen)
        if silent:
            source, target, left = silent[0]
            return Verdict(
                scenario=self.name,
                subject=f"network {name}",
                status=Status.FAILED,
                detail=f"{len(silent)} of {_pairs(setup)} pairs sent nothing in clear, but not the expected ESP of the"
                f" current SPI either: {source} -> {target} {count(left, 'packet')} of at least {_expected(setup)}",
                fix="compare the IPsec states of both hosts (ip xfrm state), and restart the engine that differs to"
                " renew them (systemctl restart docker)",
                cause=CauseId.NO_ESP_SENT,
                evidence={"cause": CauseId.NO_ESP_SENT, "pairs": [[s, t] for s, t, _ in silent], "network": name},
                needed=tuple(frozenset((claims.ipsec(s, t), claims.sends(s, t))) for s, t, _ in silent),
            )
        packets = sum(sum(one.sent.esp_with(peer) for peer in one.sent.esp) for one in seen.values())
        control = setup.plain.spec.name if setup.plain else ""
        detail = (
            f"markers of {len(seen)} senders to {_pairs(setup)} pairs left in ESP of the current SPI ("
            f"{count(packets, 'packet')}) and never in clear; the same filter read them on {control}"
        )
        return self.verdict(f"network {name}", Status.OK, detail)

    def _unproved(self, setup: Setup, answers: Answers, seen: dict[str, Capture]) -> str:
        """Return why silence proves nothing; empty when it does."""
        incapable = without_esp(answers)
        if incapable:
            return f"the kernel cannot do ESP on {', '.join(sorted(incapable))}"
        broken = [f"{host}: {one.problem}" for host, one in seen.items() if one.problem]
        if broken:
            return broken[0]
        if setup.plain is None:
            return f"there is no plain overlay as a positive control ({setup.control_problem or 'none was made'})"
        control = setup.plain.spec.name
        blind = [host for host, one in seen.items() if not one.sent.clear.get(control)]
        return f"the same filter did not see the marker on plain {control} leaving {', '.join(blind)}" if blind else ""


def plaintext(one: Capture, network: Network) -> int:
    """Return how many VXLAN packets of the network's VNIs left the host in clear."""
    return sum(packets for row in one.sent.vxlan.values() for vni, packets in row.items() if int(vni) in network.vnis)


def silent_pairs(setup: Setup, answers: Answers, seen: dict[str, Capture]) -> list[tuple[str, str, int]]:
    """Return the pairs between which less ESP of a current SPI left than markers were sent, and how much did."""
    found = []
    for host, one in seen.items():
        for peer in peers_of(setup, host):
            row = one.sent.esp.get(seen[peer].vtep, {})
            left = sum(row.get(spi, 0) for spi in current_spis(answers, host, seen[peer].vtep))
            if left < _expected(setup):
                found.append((host, peer, left))
    return found


def _places_to_capture(setup: Setup, seen: dict[str, Capture]) -> tuple[frozenset[Claim], ...]:
    """Return what captures that failed needed: the route to each peer's address says on which device to look."""
    broken = [host for host, one in seen.items() if one.problem]
    return tuple(frozenset(map(claims.data_path, peers_of(setup, host))) for host in broken)


def _expected(setup: Setup) -> int:
    return MARKS * len(encrypted(setup))


def _pairs(setup: Setup) -> int:
    return sum(len(peers_of(setup, probe.host)) for probe in observed_probes(setup))
