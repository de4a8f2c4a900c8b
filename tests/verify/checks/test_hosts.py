"""Each check of hosts names what is wrong, and where; healthy hosts have no finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.hosts import Host, Inventory
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.service import Protocol
from swarmnet.model.state import ClusterState, OpenPort, Route
from swarmnet.model.subnet import Subnet
from swarmnet.verify.checks import CHECKS
from swarmnet.verify.checks.asked import FILES
from swarmnet.verify.checks.clocks import Clocks
from swarmnet.verify.checks.daemon_json import DaemonJson
from swarmnet.verify.checks.dns import Resolvers
from swarmnet.verify.checks.engines import Engines
from swarmnet.verify.checks.features import MATCHES, TRIED, KernelFeatures
from swarmnet.verify.checks.identities import Identities
from swarmnet.verify.checks.in_use import SOCKETS, PortsInUse
from swarmnet.verify.checks.planned import planned_of
from swarmnet.verify.checks.room import DISK, INODES, Room
from swarmnet.verify.checks.routes import Routes
from swarmnet.verify.checks.sudo import TRIED as SUDO
from swarmnet.verify.checks.sudo import Sudo
from swarmnet.verify.checks.versions import Versions, below_floor
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import PLACES
from swarmnet.verify.planned import Block, Published
from swarmnet.verify.scenario import Answer
from swarmnet.verify.scenarios.names.upstream import OUTSIDE
from tests.support.checked import HOSTS, address, host_facts, hosts_setup, with_port

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Scenario, Setup


def ended(stdout: str, code: int = 0, stderr: str = "") -> Answer:
    return Answer({"exit": code, "stdout": stdout, "stderr": stderr})


def healthy() -> Answers:
    """Return what healthy hosts with Debian say."""
    found: Answers = {}
    for host in HOSTS:
        files = ["/etc/os-release:ID=debian", f"/etc/machine-id:{host * 8}"]
        files += ["/proc/meminfo:MemTotal: 4096000 kB", "/proc/meminfo:MemAvailable: 2048000 kB"]
        found[host, FILES.name] = ended("\n".join(files) + "\n", 2)
        found[host, PLACES.name] = Answer({"places": {address(host): {"device": "eth0", "mac": f"02{host}"}}})
        tried: JsonObject = {name: {"ok": True, "why": ""} for name in ("vxlan", "bridge", "veth", "ip_vs", "esp")}
        found[host, TRIED.name] = Answer({"targets": tried})
        found |= {(host, key.name): ended("") for key in MATCHES}
        head = "Filesystem 1048576-blocks Used Available Capacity Mounted on\n"
        found |= {(host, key.name): ended(f"{head}/dev/sda1 50000 9000 41000 18% /\n") for key in (DISK, INODES)}
        found[host, OUTSIDE.name] = Answer({"targets": {"outside": {"code": "no such name", "ms": 1.0}}})
        found[host, SUDO.name] = ended("")
    return found


def bad(check: Scenario, setup: Setup, answers: Answers | None = None) -> list[Verdict]:
    found = check.judge(setup, healthy() if answers is None else answers).verdicts
    return [one for one in found if one.status is not Status.OK]


def only(check: Scenario, setup: Setup, answers: Answers | None = None) -> Verdict:
    (found,) = bad(check, setup, answers)
    return found


OF_HOSTS = (
    *(Clocks(), DaemonJson(), Resolvers(), Engines(), KernelFeatures(), Identities(), PortsInUse()),
    *(Room(), Routes(), Sudo(), Versions()),
)


@pytest.mark.parametrize("check", OF_HOSTS, ids=lambda one: one.name)
def test_healthy_hosts_have_no_finding(check: Scenario) -> None:
    assert bad(check, hosts_setup()) == []


ASKING = [one for one in OF_HOSTS if one.name in ("identities", "daemon-json", "kernel-features", "room", "dns")]


@pytest.mark.parametrize("check", ASKING, ids=lambda one: one.name)
def test_what_could_not_be_asked_does_not_pass(check: Scenario) -> None:
    assert {one.status for one in bad(check, hosts_setup(), {})} == {Status.INCONCLUSIVE}


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({one.name for one in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(
    ("engine", "cause", "status"),
    [
        ({"live_restore": True}, CauseId.LIVE_RESTORE, Status.FAILED),
        ({"firewall": "nftables"}, CauseId.NFTABLES, Status.FAILED),
        ({"rootless": True}, CauseId.ROOTLESS, Status.FAILED),
        ({"data_root": "/var/snap/docker/common/var-lib-docker"}, CauseId.SNAP, Status.WARNING),
    ],
)
def test_an_engine_that_cannot_be_in_a_swarm_is_named(engine: dict[str, object], cause: str, status: Status) -> None:
    found = only(Engines(), hosts_setup(host_facts("m1", **engine), host_facts("w1")))

    assert (found.cause, found.status, found.evidence["hosts"]) == (cause, status, ["m1"])


@pytest.mark.parametrize(
    ("version", "is_below"),
    [("20.10.23", True), ("20.10.24", False), ("23.0.2", True), ("23.0.3", False), ("24.0.1", False), ("dev", False)],
)
def test_engines_below_the_floors_of_2023_leak(version: str, is_below: object) -> None:
    assert below_floor(version) is is_below


@pytest.mark.parametrize(("version", "is_named"), [("24.0.2", True), ("24.0.3", False), ("25.0.0", False)])
def test_an_engine_that_encrypts_on_one_port_alone_is_named_where_the_data_path_has_another(
    version: str, is_named: object
) -> None:
    setup = hosts_setup(host_facts("m1", version=version), encrypted=True, data_path_port=7789)

    assert any("7789" in one.detail for one in bad(Versions(), setup)) is is_named


@pytest.mark.parametrize(("encrypted", "status"), [(True, Status.FAILED), (None, Status.WARNING)])
def test_an_old_engine_is_as_bad_as_encryption_is_wanted(encrypted: object, status: Status) -> None:
    setup = hosts_setup(host_facts("m1", version="20.10.21"), host_facts("w1"), encrypted=encrypted is True or None)

    assert only(Versions(), setup).status is status


def test_a_playbook_without_encryption_needs_no_floor() -> None:
    assert bad(Versions(), hosts_setup(host_facts("m1", version="20.10.21"), encrypted=False)) == []


@pytest.mark.parametrize(("ahead", "status"), [(90.0, Status.FAILED), (-20.0, Status.WARNING)])
def test_the_clock_that_is_off_is_named(ahead: float, status: Status) -> None:
    found = only(Clocks(), hosts_setup(*map(host_facts, HOSTS[:2]), host_facts("w2", ahead=ahead)))

    assert (found.cause, found.status, found.evidence["hosts"]) == (CauseId.CLOCK, status, ["w2"])
    assert "timedatectl set-ntp true" in str(found.evidence["commands"])


def test_a_wrong_clock_of_the_operator_is_not_a_finding() -> None:
    assert bad(Clocks(), hosts_setup(*(host_facts(host, ahead=300.0) for host in HOSTS))) == []


def test_of_two_hosts_the_one_that_agrees_with_the_operator_is_right() -> None:
    found = only(Clocks(), hosts_setup(host_facts("m1", ahead=90.0), host_facts("w1")))

    assert found.evidence["hosts"] == ["m1"]


@pytest.mark.parametrize(
    ("config", "status"),
    [
        ({"cluster-store": "etcd://x"}, Status.FAILED),
        ({"graph": "/data"}, Status.FAILED),
        ({"live-restore": True}, Status.FAILED),
        ({"iptables": False}, Status.FAILED),
        ({"swarm-default-advertise-addr": "198.51.100.1"}, Status.WARNING),
        ({"dns": ["127.0.0.1"]}, Status.WARNING),
    ],
)
def test_a_key_of_daemon_json_that_is_in_the_way_is_named(config: dict[str, object], status: Status) -> None:
    answers = healthy()
    written = "".join(f"/etc/docker/daemon.json:{line}\n" for line in json.dumps(config, indent=1).splitlines())
    answers["w1", FILES.name] = ended(written)

    found = only(DaemonJson(), hosts_setup(), answers)

    assert (found.cause, found.status, found.evidence["hosts"]) == (CauseId.DAEMON_CONFIG, status, ["w1"])
    assert next(iter(config)) in found.detail


def test_a_daemon_json_that_cannot_be_read_is_named() -> None:
    answers = healthy()
    answers["w1", FILES.name] = ended("/etc/docker/daemon.json:{'live-restore': false}\n")

    assert only(DaemonJson(), hosts_setup(), answers).evidence["hosts"] == ["w1"]


def test_a_port_that_a_program_has_is_named_with_the_program() -> None:
    busy = with_port(host_facts("w1"), OpenPort(port=7946, protocol=Protocol.UDP, uid=100))
    answers = healthy()
    answers["w1", SOCKETS.name] = ended('udp UNCONN 0 0 0.0.0.0:7946 0.0.0.0:* users:(("serf",pid=812,fd=7))\n')

    found = only(PortsInUse(), hosts_setup(host_facts("m1"), busy), answers)

    assert (found.cause, found.evidence["hosts"]) == (CauseId.PORT_TAKEN, ["w1"])
    assert "serf (pid 812)" in found.detail


def test_without_root_the_user_of_the_port_is_named() -> None:
    busy = with_port(host_facts("w1"), OpenPort(port=4789, protocol=Protocol.UDP, uid=100))

    assert "a process of user 100" in only(PortsInUse(), hosts_setup(host_facts("m1"), busy)).detail


def test_a_worker_may_have_a_program_on_the_managers_port() -> None:
    busy = with_port(host_facts("w1"), OpenPort(port=2377, protocol=Protocol.TCP, uid=0))

    assert bad(PortsInUse(), hosts_setup(host_facts("m1"), busy)) == []


def test_a_port_that_the_playbook_publishes_is_needed_everywhere() -> None:
    busy = with_port(host_facts("w1"), OpenPort(port=80, protocol=Protocol.TCP, uid=33))

    found = only(PortsInUse(), hosts_setup(host_facts("m1"), busy, published=(Published(80, "tcp", "web"),)))

    assert "service web publishes it" in found.detail


def test_a_route_into_a_pool_is_named_with_its_hosts() -> None:
    away = Route(prefix="10.20.0.0/16", device="tun0")
    facts = host_facts("w1")
    vpn = facts.model_copy(update={"routes": (*facts.routes, away)})

    found = only(Routes(), hosts_setup(host_facts("m1"), vpn, blocks=(Block("10.20.0.0/14", "address pool"),)))

    assert (found.cause, found.evidence["hosts"]) == (CauseId.SUBNET_HIDES_ROUTE, ["w1"])


def test_a_bridge_on_the_hosts_own_network_is_named() -> None:
    spec = NetworkSpec(name="old", driver="bridge", subnets=(Subnet(subnet="192.0.2.8/30"),))
    facts = host_facts("w2").model_copy(update={"networks": (Network(id="n", spec=spec),)})

    found = only(Routes(), hosts_setup(*map(host_facts, HOSTS[:2]), facts))

    assert (found.cause, found.evidence["hosts"]) == (CauseId.BRIDGE_ON_UNDERLAY, ["w2"])
    assert found.evidence["commands"] == ["docker network rm old", "systemctl restart docker"]


@pytest.mark.parametrize(
    ("feature", "cause", "status"),
    [
        ("vxlan", CauseId.KERNEL_LACKS, Status.FAILED),
        ("ip_vs", CauseId.NO_IPVS, Status.FAILED),
        ("esp", CauseId.NO_ESP, Status.WARNING),
    ],
)
def test_a_feature_that_a_kernel_lacks_is_named(feature: str, cause: str, status: Status) -> None:
    answers = healthy()
    tried = answers["w1", TRIED.name].value["targets"]
    assert isinstance(tried, dict)
    tried[feature] = {"ok": False, "why": "Operation not supported"}

    found = only(KernelFeatures(), hosts_setup(), answers)

    assert (found.cause, found.status, found.evidence["hosts"]) == (cause, status, ["w1"])
    assert "apt-get install -y linux-image-$(dpkg --print-architecture)" in str(found.evidence["commands"])


@pytest.mark.parametrize(("host", "is_named"), [("w1", True), ("w2", False)])
def test_esp_by_ipv6_matters_where_overlays_go_by_ipv6_and_a_mixture_of_both_never_works(
    host: str, *, is_named: bool
) -> None:
    answers = healthy()
    tried = answers[host, TRIED.name].value["targets"]
    assert isinstance(tried, dict)
    tried["esp6"] = {"ok": False, "why": "Operation not supported"}
    setup = hosts_setup(data_paths={"m1": address("m1"), "w1": "fd00:db8::1", "w2": address("w2")})

    assert [one.cause for one in bad(KernelFeatures(), setup, answers)] == [CauseId.NO_ESP] * is_named
    mixed = only(Identities(), setup)
    assert (mixed.cause, mixed.status, mixed.evidence["hosts"]) == (CauseId.MIXED_FAMILIES, Status.FAILED, ["w1"])


@pytest.mark.parametrize(("version", "causes"), [("20.10.24", [CauseId.ENGINE_OLD]), ("26.1.5", []), ("", [])])
def test_an_engine_whose_overlays_cannot_go_by_ipv6_is_named_where_they_should(
    version: str, causes: list[CauseId]
) -> None:
    six = {host: f"fd00:db8::{number}" for number, host in enumerate(HOSTS, 1)}
    hosts = (host_facts("m1"), host_facts("w1", version=version), host_facts("w2"))

    by_ipv6 = hosts_setup(*hosts, encrypted=False, addresses=six, data_paths=six)
    by_ipv4 = hosts_setup(*hosts, encrypted=False)

    assert [one.cause for one in bad(Versions(), by_ipv6)] == causes
    assert bad(Versions(), by_ipv4) == []


def test_a_kernel_that_refuses_both_matches_cannot_mark_what_is_to_be_encrypted() -> None:
    answers = healthy()
    said = "iptables v1.8.9 (legacy): Couldn't load match\n"
    answers |= {("w1", key.name): ended("", 1, said) for key in MATCHES}

    assert only(KernelFeatures(), hosts_setup(encrypted=True), answers).status is Status.FAILED


def test_no_sudo_does_not_mean_a_missing_feature() -> None:
    answers = healthy()
    answers |= {("w1", key.name): ended("", 1, "sudo: a password is required\n") for key in MATCHES}

    assert bad(KernelFeatures(), hosts_setup(encrypted=True), answers) == []


@pytest.mark.parametrize(
    ("row", "cause", "status"),
    [
        ("/dev/sda1 50000 49500 500 99% /", CauseId.DISK_LOW, Status.WARNING),
        ("/dev/sda1 50000 50000 0 100% /", CauseId.DISK_FULL, Status.FAILED),
    ],
)
def test_a_disk_that_is_full_is_named(row: str, cause: str, status: Status) -> None:
    answers = healthy()
    answers["m1", DISK.name] = ended(f"Filesystem ...\n{row}\n")

    found = only(Room(), hosts_setup(), answers)

    assert (found.cause, found.status, found.evidence["hosts"]) == (cause, status, ["m1"])


def test_little_memory_is_named() -> None:
    answers = healthy()
    answers["m1", FILES.name] = ended("/proc/meminfo:MemTotal: 256000 kB\n/proc/meminfo:MemAvailable: 128000 kB\n")

    assert only(Room(), hosts_setup(), answers).cause == CauseId.LOW_MEMORY


def test_a_host_whose_look_ups_fail_while_others_work_is_named() -> None:
    answers = healthy()
    answers["w2", OUTSIDE.name] = Answer({"targets": {"outside": {"code": None, "why": "no answer", "ms": 3000.0}}})

    found = only(Resolvers(), hosts_setup(), answers)

    assert (found.cause, found.evidence["hosts"]) == (CauseId.UPSTREAM_DNS, ["w2"])


def test_no_sudo_is_reported_and_not_a_fault() -> None:
    answers = healthy()
    answers["w2", SUDO.name] = ended("", 1, "sudo: a password is required")

    assert only(Sudo(), hosts_setup(), answers).status is Status.SKIPPED


@pytest.mark.parametrize(("encrypted", "causes"), [(True, [CauseId.IPSEC_SOURCE]), (False, []), (None, [])])
def test_encryption_that_is_planned_next_to_a_data_path_of_its_own_is_a_warning(
    encrypted: bool | None,  # noqa: FBT001 - a case
    causes: list[CauseId],
) -> None:
    found = bad(Identities(), hosts_setup(encrypted=encrypted, apart={"w1": "10.77.0.2, not 192.0.2.2"}))
    assert [one.cause for one in found] == causes
    assert all((one.status, one.evidence["hosts"]) == (Status.WARNING, ["w1"]) for one in found)
    assert all("overlays of w1 (10.77.0.2, not 192.0.2.2) go by" in one.detail for one in found)


def test_addresses_are_compared_as_the_inventory_says_and_an_engine_knows_better() -> None:
    one, two = (Host(name=name, address=address(name)) for name in ("m1", "w1"))
    hosts = (one.model_copy(update={"data_path": "10.77.0.1"}), two.model_copy(update={"data_path": address("w1")}))
    named = Inventory(cluster="c", hosts=hosts)
    seen = ClusterState(hosts=(host_facts("m1"), host_facts("w1")))
    assert planned_of(named, seen).apart == {"m1": f"10.77.0.1, not {address('m1')}"}
    known = seen.hosts[0].model_copy(update={"data_path": address("m1")})
    assert planned_of(named, ClusterState(hosts=(known, seen.hosts[1]))).apart == {}
