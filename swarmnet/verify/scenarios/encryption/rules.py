"""Scenario: on every host, the firewall has the engine's rules for every encrypted overlay."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence, claims
from swarmnet.verify.captures import UNENCRYPTED, encrypted
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import EMPTY
from swarmnet.verify.keys import SAVE, SAVE_LEGACY, SAVE_NFT, command
from swarmnet.verify.scenario import Answers, Findings, HostCommand, Question, Scenario, Setup, in_steps

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim
    from swarmnet.verify.iptables import Rule, Ruleset
    from swarmnet.verify.keys import Key

COMMANDS: dict[Key[Ruleset], str] = {
    SAVE: "iptables-save",
    SAVE_LEGACY: "iptables-legacy-save",
    SAVE_NFT: "iptables-nft-save",
}
"""The host's own variant; the other two are asked where it shows a rule missing, since an engine may use another."""
MATCHES = command("rules/matches")
"""The matches that the kernel knows; an engine that failed to load one left its rules out, with a line in its log."""
BY_BPF = ((20, 10, 24), (23, 0, 3))
"""The first versions that match by ``bpf`` where the kernel has no ``u32``, and refuse containers without either."""


class Duty(Enum):
    """What a rule does for an encrypted network: the table that holds it, and the verb for people."""

    MARKS = ("mangle", "encrypts the packets")
    DROPS = ("filter", "drops plaintext")

    def __init__(self, table: str, words: str) -> None:
        """Keep both."""
        self.table = table
        self.words = words

    def claim(self, host: str, network: str) -> Claim:
        """Return what is broken where the rule is missing."""
        return claims.mark(host, network) if self is Duty.MARKS else claims.guard(host, network)


class EncryptionRules(Scenario):
    """One rule that marks a VNI's packets for IPsec, and one before any that accepts which drops plaintext."""

    name: ClassVar[str] = "encryption-rules"
    summary: ClassVar[str] = "every host has the firewall rules of every encrypted overlay"

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask every host for its rules."""
        if not encrypted(setup):
            return ()
        hosts = [probe.host for probe in setup.ready]
        return in_steps(
            answers,
            lambda: [_save(host, SAVE) for host in hosts],
            lambda: [
                _save(host, key)
                for host in hosts
                if any(missing(setup, answers, host, net) for net in encrypted(setup))
                for key in (SAVE_LEGACY, SAVE_NFT)
            ],
            lambda: [
                HostCommand(host, MATCHES.name, ("cat", "/proc/net/ip_tables_matches"), sudo=True)
                for host in (*_without_probe(setup), *hosts)
                if host not in hosts or any(missing(setup, answers, host, net) for net in encrypted(setup))
            ],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for all, or one for each host and network that lacks something."""
        networks = encrypted(setup)
        if not networks:
            return Findings((self.verdict("networks", Status.SKIPPED, UNENCRYPTED),))
        verdicts = []
        for probe in setup.ready:
            why = unreadable(answers, probe.host)
            if why:
                verdicts.append(self.verdict(f"host {probe.host}", Status.INCONCLUSIVE, why))
                continue
            verdicts += [v for net in networks if (v := self._audit(setup, answers, probe.host, net))]
        verdicts += [
            self._unmatched(host, networks[0].spec.name, ())
            for host in _without_probe(setup)
            if _lacks_match(setup, answers, host)
        ]
        if not setup.ready:
            verdicts = [absence.untested(setup, self.name, "cluster", "no probe runs on any host")]
        names = ", ".join(net.spec.name for net in networks)
        fine = count(
            len(setup.ready), f"host marks what {names} sends and drops", f"hosts mark what {names} sends and drop"
        )
        fine += " plaintext for it before any other rule"
        return Findings(tuple(verdicts) or (self.verdict("cluster", Status.OK, fine),))

    def _audit(self, setup: Setup, answers: Answers, host: str, network: Network) -> Verdict | None:
        lacking = missing(setup, answers, host, network)
        name = network.spec.name
        if lacking and _lacks_match(setup, answers, host):
            return self._unmatched(host, name, lacking)
        if lacking:
            words = " and the one that ".join(duty.words for duty in lacking)
            verdict = self._failed(
                (host, name, CauseId.RULES_FLUSHED),
                f"{host} lacks the rule that {words} of {name}: its rules were flushed",
                f"restart Docker on {host} (systemctl restart docker) to recreate them; run verify after every reload"
                " of a"
                " firewall, because no engine up to 28.5 notices one",
            )
            needed = claims.each(claims.rules(host, duty.table) for duty in lacking)
            broken = frozenset(duty.claim(host, name) for duty in lacking)
            return verdict.model_copy(update={"broken": broken, "needed": needed})
        let_in = overridden(setup, answers, host, network)
        if let_in is None:
            return None
        verdict = self._failed(
            (host, name, CauseId.RULES_ORDER),
            f"on {host} a rule accepts UDP {setup.data_path_port} before the one that drops plaintext of {name}:"
            f" -A INPUT {' '.join(let_in.words)}",
            "remove that rule or move it after the other one; engines from 20.10.24 and 23.0.3 put theirs first"
            " (CVE-2023-28840)",
        )
        return verdict.model_copy(update={"broken": frozenset((claims.guard(host, name),))})

    def _unmatched(self, host: str, name: str, lacking: tuple[Duty, ...]) -> Verdict:
        """Return the verdict on a kernel without the match; nothing is ``lacking`` where no container could join."""
        means = f"{name} leaves {host} unencrypted, and plaintext is let in (CVE-2023-28841)"
        verdict = self._failed(
            (host, name, CauseId.NO_VNI_MATCH),
            f"the kernel of {host} has no iptables match (u32 or bpf) by which its engine finds the packets to encrypt:"
            f" {means if lacking else f'no container on {host} can join {name}'}",
            f"run modprobe xt_bpf xt_u32 on {host}, and restart Docker there; engines before 20.10.24 and 23.0.3 need"
            " u32, which Red Hat 8 and 9 do not have: upgrade them",
        )
        broken = frozenset(duty.claim(host, name) for duty in lacking) or frozenset((claims.attach(host),))
        return verdict.model_copy(update={"broken": broken})

    def _failed(self, what: tuple[str, str, CauseId], detail: str, fix: str) -> Verdict:
        host, network, cause = what
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.FAILED,
            detail=detail,
            fix=fix,
            cause=cause,
            evidence={"cause": cause, "hosts": [host], "network": network},
        )


def _save(host: str, key: Key[Ruleset]) -> HostCommand:
    return HostCommand(host, key.name, (COMMANDS[key], "-c"), sudo=True)


def _without_probe(setup: Setup) -> list[str]:
    """Return the hosts that should carry a probe and do not: their engine may have failed to set its rules."""
    return [probe.host for probe in setup.probes if probe.problem is not None and not probe.excused]


def _lacks_match(setup: Setup, answers: Answers, host: str) -> bool:
    """Return whether the kernel certainly has no match that the host's engine uses: it loads what it needs itself."""
    ended, facts = MATCHES.read(answers, host), setup.state.facts(host)
    known = ended.stdout.split() if ended is not None and ended.succeeded else []
    numbers = (facts.engine.version if facts else "").split(".")
    if not known or not all(map(str.isdigit, numbers)):
        return False
    version = tuple(map(int, numbers))
    by_bpf = any(version[:2] == first[:2] and version >= first for first in BY_BPF) or version > BY_BPF[-1]
    return "u32" not in known and not (by_bpf and "bpf" in known)


def unreadable(answers: Answers, host: str) -> str:
    """Return why the host's rules are not known; empty when they are."""
    problem = SAVE.problem(answers, host)
    if problem:
        return f"the rules of {host} were not read: {problem}"
    ended = command(SAVE.name).read(answers, host)
    if ended is None or not ended.succeeded:
        words = (ended.stderr if ended else "").strip().splitlines()
        return f"iptables-save failed on {host}: {words[-1] if words else 'no word'}"
    return ""


def tables(answers: Answers, host: str) -> list[Ruleset]:
    """Return the rules of each firewall that could be read on the host; a kernel may have two."""
    return [ruleset for key in COMMANDS if (ruleset := key.read(answers, host)) is not None]


def missing(setup: Setup, answers: Answers, host: str, network: Network) -> tuple[Duty, ...]:
    """Return what the rules of a host do not do for an encrypted network; nothing where they could not be read."""
    seen = tables(answers, host)
    if not seen or not network.vnis:
        return ()
    port = setup.data_path_port
    lacking: list[Duty] = []
    mangle = [rule for one in seen for rule in one.get("mangle", EMPTY).rules]
    filters = [rule for one in seen for rule in one.get("filter", EMPTY).rules]
    if not all(any(rule.marks(vni, port) for rule in mangle) for vni in network.vnis):
        lacking.append(Duty.MARKS)
    if not all(any(rule.drops(vni, port) for rule in filters) for vni in network.vnis):
        lacking.append(Duty.DROPS)
    return tuple(lacking)


def overridden(setup: Setup, answers: Answers, host: str, network: Network) -> Rule | None:
    """Return a rule before the dropping one that lets plaintext in; None when there is none."""
    port = setup.data_path_port
    for one in tables(answers, host):
        rules = one.get("filter", EMPTY).rules
        drops = [index for index, rule in enumerate(rules) if any(rule.drops(vni, port) for vni in network.vnis)]
        if drops:
            return next((rule for rule in rules[: drops[-1]] if rule.may_accept_plaintext(port)), None)
    return None
