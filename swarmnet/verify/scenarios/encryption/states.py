"""Scenario: every pair of hosts with an encrypted overlay has the IPsec states and policies that the engine promises.

Facts of engines 20.10 to 28.5 (seen in the kernel's own lists): for each peer one outgoing policy with mark 0xd0c4e3
for the data path port, one outgoing state with the policy's SPI, and up to three incoming ones, since the two hosts
change keys at different moments. Keys are never asked for.

Engines encrypt what leaves from the address that they take for their own in the swarm. They send VXLAN to the addresses
of data paths, and the kernel chooses the source by its route: where it is another address, no policy matches, packets
leave in clear, and receivers drop them (moby#41421, seen on 20.10, 26.1 and 28.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.captures import IPSEC, delta, observed_probes
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import ways_out, without_esp
from swarmnet.verify.scenarios.encryption.captured import SightedScenario
from swarmnet.verify.scenarios.encryption.flushed import flushed
from swarmnet.verify.scenarios.sizes.overlay import ways

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.network import Network
    from swarmnet.verify.scenario import Answers, Question, Setup

MARK = 0xD0C4E3
CIPHER = "rfc4106(gcm(aes))"
WORN = 0.75 * 2**32
"""Of the 2**32 numbers that one key may give to packets; engines use no extended numbers (moby#52005)."""
RENEW = "restart Docker on the host that differs (systemctl restart docker): it gets the keys from its peers again"
UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - looked for, not bound to


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the states of a pair; pairs with the same trouble get one verdict."""

    words: str
    """For people."""
    cause: CauseId = CauseId.IPSEC
    fix: str = RENEW
    status: Status = Status.FAILED


class IpsecStates(SightedScenario):
    """States and policies of all pairs agree, and the kernel dropped no packet because of them."""

    name: ClassVar[str] = "ipsec"
    summary: ClassVar[str] = "IPsec states and policies of every pair agree, no packet was dropped by them"
    needs_control: ClassVar[bool] = False

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask also from which addresses hosts send to each other: policies match these alone."""
        asked = super().ask(setup, answers)
        return (*asked, *(ways(setup, probe.host) for probe in observed_probes(setup))) if asked else ()

    def judge_networks(self, setup: Setup, answers: Answers, _networks: tuple[Network, ...]) -> list[Verdict]:
        """Return one verdict for all, or one a kind of trouble with the pairs or hosts that have it."""
        incapable = without_esp(answers)
        hosts = [probe.host for probe in observed_probes(setup) if probe.host not in incapable]
        unread = {host: why for host in hosts if (why := unreadable(answers, host))}
        vteps = {one.host: one.vtep for one in setup.observers if one.host in hosts and one.host not in unread}
        verdicts = self._pairs(setup, answers, vteps)
        verdicts += flushed(self.name, setup, answers, vteps)
        verdicts += [v for host in vteps for v in self._worn(answers, host)]
        verdicts += [v for host in vteps for v in self._dropped(answers, host, set(vteps) - {host})]
        verdicts += [self.verdict(f"host {host}", Status.INCONCLUSIVE, why) for host, why in unread.items()]
        if incapable:
            detail = f"the kernel cannot do ESP on {', '.join(sorted(incapable))}: there are no states to compare"
            verdict = self.verdict("kernels", Status.INCONCLUSIVE, detail)
            verdicts.append(verdict.model_copy(update={"needed": claims.each(claims.esp_kernels(*incapable))}))
        if not verdicts and len(vteps) < 2:  # noqa: PLR2004 - two ends
            verdicts = [self.verdict("cluster", Status.INCONCLUSIVE, "fewer than two hosts could be compared")]
        pairs = len(vteps) * (len(vteps) - 1)
        fine = f"states and policies of all {pairs} ordered pairs agree, and no packet was dropped by IPsec"
        return verdicts or [self.verdict("cluster", Status.OK, fine)]

    def _pairs(self, setup: Setup, answers: Answers, vteps: dict[str, str]) -> list[Verdict]:
        troubles: dict[Trouble, list[tuple[str, str]]] = {}
        for source, target in permutations(vteps, 2):
            trouble = pair_trouble(setup, answers, (source, target), (vteps[source], vteps[target]))
            if trouble is not None:
                troubles.setdefault(trouble, []).append((source, target))
        return [
            Verdict(
                scenario=self.name,
                subject=", ".join(f"{source} -> {target}" for source, target in pairs),
                status=trouble.status,
                detail=f"{trouble.words}: {', '.join(f'{source} -> {target}' for source, target in pairs)}",
                fix=trouble.fix,
                cause=trouble.cause,
                evidence={
                    "cause": trouble.cause,
                    "hosts": [*dict.fromkeys(source for source, _ in pairs)],
                    "pairs": [[*pair] for pair in pairs],
                },
                broken=frozenset(claims.ipsec(*pair) for pair in pairs),
                needed=tuple(frozenset(map(claims.node, pair)) | {*map(claims.data_path, pair)} for pair in pairs),
            )
            for trouble, pairs in troubles.items()
        ]

    def _worn(self, answers: Answers, host: str) -> list[Verdict]:
        worn = [state for state in rows(answers, host, "states") if _number(state.get("sequence")) > WORN]
        if not worn:
            return []
        share = max(_number(state.get("sequence")) for state in worn) / 2**32
        detail = (
            f"{host} has used {share:.0%} of the packet numbers of one key towards {worn[0].get('target')}: at 100 %"
        )
        detail += " the pair falls silent until the next change of keys (every 12 h, counted from the last new leader)"
        fix = (
            "let the present leader run until the keys change, for each new leader begins the 12 hours again; then move"
            " some of the tasks of this pair to other hosts"
        )
        verdict = self.verdict(f"host {host}", Status.WARNING, detail, fix, cause=CauseId.KEY_WORN)
        return [verdict.model_copy(update={"evidence": {**verdict.evidence, "hosts": [host]}})]

    def _dropped(self, answers: Answers, host: str, peers: set[str]) -> list[Verdict]:
        grown = {name: count for name, count in (delta(answers, host, "xfrm") or {}).items() if count > 0}
        if not grown:
            return []
        what = ", ".join(f"{name} +{count}" for name, count in sorted(grown.items()))
        return [
            Verdict(
                scenario=self.name,
                subject=f"host {host}",
                status=Status.FAILED,
                detail=f"IPsec on {host} dropped packets during the run: {what}",
                fix="NoStates and ProtoError mean that the hosts' keys differ, SeqError that a key is used up:"
                " " + RENEW,
                cause=CauseId.IPSEC_DROPS,
                evidence={"cause": CauseId.IPSEC_DROPS, "hosts": [host], "counters": dict(grown)},
                broken=frozenset((claims.ipsec_drops(host),)),
                needed=(frozenset(place for peer in peers for place in claims.both(claims.ipsec, peer, host)),),
            )
        ]


def pair_trouble(setup: Setup, answers: Answers, pair: tuple[str, str], vteps: tuple[str, str]) -> Trouble | None:
    """Return what is wrong with the states from one host to another; None if nothing is."""
    source, target = pair
    policies = [one for one in rows(answers, source, "policies") if one.get("target") == vteps[1]]
    leaving = [one for one in rows(answers, source, "states") if one.get("target") == vteps[1]]
    if not policies:
        return _without_policy(setup, answers, source)
    (policy, *_) = policies
    coming = [one.get("spi") for one in rows(answers, target, "states") if one.get("target") == vteps[1]]
    return (
        _wrong_policy(setup, policy, leaving)
        or _wrong_source(policy, ways_out(answers, source).get(target, {}).get("local"))
        or _wrong_keys(policy, leaving, coming)
    )


def _without_policy(setup: Setup, answers: Answers, source: str) -> Trouble:
    known = {one.vtep for one in setup.observers}
    others = {str(one.get("target")) for one in rows(answers, source, "policies")} - known
    if not others:
        return Trouble("there is no policy that encrypts")
    words = "no policy encrypts to the addresses by which the nodes are known, but some do to others"
    if any(one.unknown for one in setup.observers):
        return Trouble(
            f"{words}: engines may have addresses for VXLAN that could not be read",
            fix="name these addresses in the inventory (data_path:), or let the user of these hosts use sudo, which"
            " reads them from the engines",
            status=Status.INCONCLUSIVE,
        )
    return Trouble(f"{words}: engines keep peers that are gone")


def _wrong_source(policy: JsonObject, leaves_from: JsonValue) -> Trouble | None:
    if not isinstance(leaves_from, str) or policy.get("source") == leaves_from:
        return None
    return Trouble(
        "the engine encrypts what leaves from the address of its node, but VXLAN leaves from that of its data path, in"
        " clear (moby#41421)",
        CauseId.IPSEC_SOURCE,
        "let these hosts leave the swarm and join again with one address for both (advertise: and data_path: in the"
        " inventory, --advertise-addr and --data-path-addr), or make the networks without encryption: no engine"
        " encrypts between addresses of data paths alone",
    )


def _wrong_policy(setup: Setup, policy: JsonObject, leaving: list[JsonObject]) -> Trouble | None:
    if any(one.get("source") in UNSPECIFIED for one in (policy, *leaving)):
        return Trouble(
            "states have 0.0.0.0 as the host's own address",
            CauseId.IPSEC_ADDRESS,
            "let the host leave the swarm, and join it again with --advertise-addr and --listen-addr of its own address"
            " (moby#30766)",
        )
    if policy.get("port") != setup.data_path_port:
        return Trouble(
            f"the policy encrypts port {policy.get('port')}, but VXLAN uses {setup.data_path_port}, and leaves in clear"
            " (moby#45635)",
            CauseId.IPSEC_PORT,
            "upgrade the engine of the sending hosts (24.0.3 and newer encrypt the swarm's own port), or make the swarm"
            " again with the data path port 4789, which these engines always encrypt",
        )
    return None if policy.get("mark") == MARK else Trouble("the policy has another mark than the engine's rules set")


def _wrong_keys(policy: JsonObject, leaving: list[JsonObject], coming: list[JsonValue]) -> Trouble | None:
    spi = policy.get("spi")
    if spi not in [one.get("spi") for one in leaving]:
        return Trouble("there is no state for the policy's SPI")
    if any(one.get("cipher") != CIPHER for one in leaving):
        return Trouble(f"a state has another cipher than {CIPHER}")
    known = spi in coming
    return None if known else Trouble("the receiver has no state for the SPI that the sender uses (their keys differ)")


def rows(answers: Answers, host: str, kind: str) -> list[JsonObject]:
    """Return the host's ``states`` or ``policies`` as last read."""
    for key in reversed(IPSEC):
        found: JsonValue = (key.read(answers, host) or {}).get(kind)
        if isinstance(found, list):
            return [one for one in found if isinstance(one, dict)]
    return []


def unreadable(answers: Answers, host: str) -> str:
    """Return why the host's lists are not known; empty when they are."""
    if not IPSEC[0].was_asked(answers, host):
        return f"{host} was not asked for its IPsec states"
    problem = IPSEC[0].problem(answers, host)
    return f"{host}: {problem}" if problem else ""


def current_spis(answers: Answers, host: str, vtep: str) -> frozenset[str]:
    """Return the SPIs with which the host's policies encrypted towards a peer; two when keys changed meanwhile."""
    found = set()
    for key in IPSEC:
        policies = (key.read(answers, host) or {}).get("policies")
        for policy in policies if isinstance(policies, list) else ():
            if isinstance(policy, dict) and policy.get("target") == vtep:
                found.add(str(policy.get("spi")))
    return frozenset(found)


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0
