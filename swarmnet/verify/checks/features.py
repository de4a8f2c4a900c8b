"""Check: the kernel has what overlays need, tried in a network namespace that is gone afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify import claims, keys
from swarmnet.verify.checks.asked import distribution, files
from swarmnet.verify.checks.host_check import HostCheck, members, unread_in
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import HostCommand, ProbeTask
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.verify.scenario import Answers, Findings, Question, Setup

TRIED = keys.targets("features/tried")
_RULE = ("unshare", "--net", "iptables", "-A", "OUTPUT")
MATCHES = {
    keys.command("features/xt_bpf"): (*_RULE, "-m", "bpf", "--bytecode", "2,48 0 0 9,6 0 0 0", "-j", "ACCEPT"),
    keys.command("features/xt_u32"): (*_RULE, "-m", "u32", "--u32", "0>>22&0x3C@0=0", "-j", "ACCEPT"),
}
"""By one of them, engines tell which packets are to be encrypted."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that a kernel may lack."""

    name: str
    cause: CauseId
    breaks: str
    modules: str
    for_encryption: bool = False
    by_ipv6: bool | None = None
    """Whether hosts need it whose overlays go by IPv6; None: all do."""

    def concerns(self, setup: Setup, host: str) -> bool:
        """Return whether a host needs it."""
        path = setup.planned.address(host, is_data=True) if setup.planned else ""
        return self.by_ipv6 in (None, ":" in path)


FEATURES = (
    Feature("vxlan", CauseId.KERNEL_LACKS, "no overlay works there", "vxlan"),
    Feature("bridge", CauseId.KERNEL_LACKS, "no network of the engine works there", "bridge br_netfilter"),
    Feature("veth", CauseId.KERNEL_LACKS, "no network of the engine works there", "veth"),
    Feature("ip_vs", CauseId.NO_IPVS, "neither virtual addresses nor the routing mesh work there", "ip_vs ip_vs_rr"),
    *(
        Feature(
            name,
            CauseId.NO_ESP,
            "encrypted overlays carry nothing there",
            modules,
            for_encryption=True,
            by_ipv6=name == "esp6",
        )
        for name, modules in (("esp", "esp4 xfrm_user gcm"), ("esp6", "esp6 xfrm_user gcm"))
    ),
)
PACKAGES: Mapping[str, str] = {
    "debian": "apt-get install -y linux-image-$(dpkg --print-architecture)",
    "ubuntu": "apt-get install -y linux-modules-extra-$(uname -r)",
    "rhel": "dnf install -y kernel-modules-extra-$(uname -r)",
    "fedora": "dnf install -y kernel-modules-extra-$(uname -r)",
    "suse": "zypper install -y kernel-default",
}
"""What brings modules that small kernels leave out."""


class KernelFeatures(HostCheck):
    """VXLAN, bridges, balancing, ESP, and the match by which engines encrypt."""

    name: ClassVar[str] = "kernel-features"
    summary: ClassVar[str] = "kernels have VXLAN, bridges, IPVS, and what encrypted overlays need"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Try each feature on each host."""
        found: list[Question] = []
        for host in setup.watched:
            found += [files(host), ProbeTask(host, TRIED.name, {"kind": "tried"})]
            found += [HostCommand(host, key.name, argv, sudo=True) for key, argv in MATCHES.items()]
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each feature, with the hosts that lack it."""
        encrypted = setup.planned.encrypted if setup.planned else None
        found = [one for feature in FEATURES for one in _lacking(setup, answers, feature, encrypted=encrypted)]
        found += _unmatched(setup, answers, encrypted=encrypted)
        fine = f"the kernels of {count(len(members(setup)), 'host has', 'hosts have')} what overlays need"
        return self.reported(found, fine, unread_in(setup, answers, TRIED))


def _lacking(setup: Setup, answers: Answers, feature: Feature, *, encrypted: bool | None) -> Iterator[Trouble]:
    concerned = [host for host in setup.watched if feature.concerns(setup, host)]
    tried = {host: (TRIED.read(answers, host) or {}).get(feature.name) for host in concerned}
    hosts = [host for host, one in tried.items() if one is not None and one.get("ok") is False]
    if hosts and (encrypted is not False or not feature.for_encryption):
        why = sorted({str((tried[host] or {}).get("why")) for host in hosts})
        claim = claims.esp_kernel if feature.for_encryption else claims.ipvs_kernel
        yield Trouble(
            feature.cause,
            tuple(hosts),
            f"the kernel of {', '.join(hosts)} has no {feature.name}: {feature.breaks} ({'; '.join(why)})",
            "load the modules; where they do not exist, install them or use another kernel:",
            (f"modprobe -a {feature.modules}", *_packages(answers, hosts)),
            Status.WARNING if feature.for_encryption and not encrypted else Status.FAILED,
            broken=frozenset(map(claim, hosts)),
        )


def _unmatched(setup: Setup, answers: Answers, *, encrypted: bool | None) -> Iterator[Trouble]:
    hosts = []
    for host in setup.watched:
        ended = [key.read(answers, host) for key in MATCHES]
        # 127: there is no iptables or unshare; 1 with other words: sudo asks for a password.
        if all(one is not None and one.exit in (1, 2) and _refuses_rule(one.stderr) for one in ended):
            hosts.append(host)
    if hosts and encrypted is not False:
        yield Trouble(
            CauseId.KERNEL_LACKS,
            tuple(hosts),
            f"the kernel of {', '.join(hosts)} has neither xt_bpf nor xt_u32, by which engines mark what is to be"
            " encrypted: encrypted overlays may send in clear there",
            "load the modules; where they do not exist, install them or use another kernel:",
            ("modprobe -a xt_bpf", *_packages(answers, hosts)),
            Status.FAILED if encrypted else Status.WARNING,
        )


def _refuses_rule(stderr: str) -> bool:
    """Return whether it was iptables that failed: its name begins each line that it prints."""
    return any(line.startswith(("iptables", "ip6tables")) for line in stderr.splitlines())


def _packages(answers: Answers, hosts: list[str]) -> tuple[str, ...]:
    known = (next((PACKAGES[one] for one in distribution(answers, host) if one in PACKAGES), "") for host in hosts)
    return tuple(filter(None, dict.fromkeys(known)))
