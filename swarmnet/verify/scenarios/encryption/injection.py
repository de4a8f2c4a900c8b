"""Scenario: plaintext VXLAN that is forged into an encrypted overlay is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Claim, Status, Verdict
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.captures import FORGERY, heard_from, next_of, observed_probes
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.encryption.captured import SightedScenario

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.verify.scenario import Answers, Setup


class PlaintextInjection(SightedScenario):
    """Forged packets reach a probe on a plain overlay (the control) and none on an encrypted one."""

    name: ClassVar[str] = "injection"
    summary: ClassVar[str] = "plaintext VXLAN forged into encrypted overlays is dropped by every host"
    level: ClassVar[Level] = Level.FULL

    def judge_networks(self, setup: Setup, answers: Answers, networks: tuple[Network, ...]) -> list[Verdict]:
        """Return one verdict a network."""
        return [self._network(setup, answers, net) for net in networks]

    def _network(self, setup: Setup, answers: Answers, network: Network) -> Verdict:
        name, subject = network.spec.name, f"network {network.spec.name}"
        routes = [(probe.host, next_of(setup, probe.host)) for probe in observed_probes(setup)]
        pairs = [(source, target) for source, target in routes if target is not None]
        open_to = [pair for pair in pairs if arrived(answers, pair, name)]
        if open_to:
            hosts = sorted({target for _, target in open_to})
            return Verdict(
                scenario=self.name,
                subject=subject,
                status=Status.FAILED,
                detail=f"{', '.join(hosts)} accepts plaintext VXLAN into encrypted {name}: any machine on the"
                " underlay can"
                " send into it",
                fix="restart Docker there: the rule that drops plaintext is missing, or comes after one that accepts"
                " UDP"
                f" {setup.data_path_port}. Upgrade engines before 20.10.24 and 23.0.3, which"
                " append it (CVE-2023-28840, CVE-2023-28842)",
                cause=CauseId.INJECTION,
                evidence={"cause": CauseId.INJECTION, "hosts": [*hosts], "network": name},
                needed=claims.each(claims.guard(host, name) for host in hosts),
            )
        unproved = self._unproved(setup, answers, pairs, name)
        if unproved:
            verdict = self.verdict(subject, Status.INCONCLUSIVE, f"not proved: {unproved}")
            return verdict.model_copy(update={"needed": _needed(setup, answers, pairs)})
        control = setup.plain.spec.name if setup.plain else ""
        detail = (
            f"{count(len(pairs), 'host drops', 'hosts drop')} forged plaintext; the same packets"
            f" arrive on plain {control}"
        )
        return self.verdict(subject, Status.OK, detail)

    def _unproved(self, setup: Setup, answers: Answers, pairs: list[tuple[str, str]], name: str) -> str:
        if setup.plain is None:
            return f"there is no plain overlay as a positive control ({setup.control_problem or 'none was made'})"
        control = setup.plain.spec.name
        for source, target in pairs:
            for network in (name, control):
                why = _not_sent(answers, source, network)
                if why:
                    return f"{source} could not forge packets on {network}: {why}"
            if arrived(answers, (source, target), name) is None:
                return f"the probe of {target} did not report what it heard"
        deaf = [pair for pair in pairs if not arrived(answers, pair, control)]
        return f"forged packets did not arrive on plain {control} either ({deaf[0][0]} -> {deaf[0][1]})" if deaf else ""


def _needed(setup: Setup, answers: Answers, pairs: list[tuple[str, str]]) -> tuple[frozenset[Claim], ...]:
    """Return what the control needed between the hosts where it did not arrive."""
    if setup.plain is None:
        return ()
    control = setup.plain.spec.name
    deaf = [pair for pair in pairs if not arrived(answers, pair, control)]
    return tuple(frozenset((claims.vxlan(*pair), claims.overlay(control, *pair))) for pair in deaf)


def arrived(answers: Answers, pair: tuple[str, str], network: str) -> bool | None:
    """Return whether the target's probe heard packets that the source forged; None when it did not answer."""
    source, target = pair
    log = heard_from(answers, target, f"inject/{network}")
    return None if log is None else source in log


def _not_sent(answers: Answers, host: str, network: str) -> str:
    key = FORGERY.on(network)
    return (key.problem(answers, host) or "") if key.was_asked(answers, host) else "an address or VNI is not known"
