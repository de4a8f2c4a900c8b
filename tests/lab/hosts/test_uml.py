"""What own kernels need of the machine is asked for before anything is made, and `auto` follows what works."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.hosts.uml import UserModeLinux, available_mib, proves_all, require_own_kernels
from swarmnet.lab.kernels import with_kernels
from swarmnet.lab.layout import lay_out
from swarmnet.lab.machine.capabilities import Capability, kernel_capabilities
from swarmnet.lab.roots.engines import KERNEL_ENGINE
from swarmnet.lab.roots.setup import own_kernel_wanted
from swarmnet.lab.spec import KernelWish, LabSpec


def capability(name: str, *, works: bool) -> Capability:
    return Capability(name=name, works=works, need="proof", serves=name, reason="" if works else "no")


def with_program(root: Path) -> Path:
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/linux.uml").touch(mode=0o755)
    return root


def with_modules(root: Path, release: str) -> Path:
    modules = root / "usr/lib/uml/modules" / release
    modules.mkdir(parents=True)
    (modules / "modules.dep").touch()
    return root


@pytest.mark.parametrize("half", ["nothing", "program", "modules"])
def test_a_root_without_the_whole_kernel_is_named_with_what_builds_one(tmp_path: Path, half: str) -> None:
    if half == "program":
        with_program(tmp_path)
    if half == "modules":
        with_modules(tmp_path, "6.12.113")

    with pytest.raises(LabError, match=f"{tmp_path} does not have it") as reported:
        UserModeLinux.of(tmp_path)

    assert "lab setup --kernel own --yes" in (reported.value.hint or "")


def test_the_newest_modules_name_the_release(tmp_path: Path) -> None:
    root = with_modules(with_modules(with_program(tmp_path), "6.12.113"), "6.12.99")

    uml = UserModeLinux.of(root)

    assert (uml.root, uml.kernel, uml.modules.name) == (root, Path("/usr/bin/linux.uml"), "6.12.113")


@pytest.mark.lab
def test_a_machine_without_tun_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="net/tun, and it cannot be opened"):
        require_own_kernels(1, tun=tmp_path / "net/tun")


@pytest.mark.lab
def test_too_little_memory_is_refused_with_both_numbers(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 8000000 kB\nMemAvailable: 4096000 kB\n")

    with pytest.raises(LabError, match=r"4000 MiB of memory are free, 3 hosts .* need 4608 MiB"):
        require_own_kernels(3, meminfo=meminfo)


def test_available_memory_is_not_free_memory() -> None:
    assert available_mib("MemFree: 1024 kB\nMemAvailable: 2048 kB\n") == 2


@pytest.mark.parametrize("lacking", ["ipvs", "esp"])
def test_a_kernel_without_mesh_or_encryption_does_not_prove_all(lacking: str) -> None:
    kernel = [capability(name, works=name != lacking) for name in ("ipvs", "esp", "netem")]

    assert not proves_all(kernel)


def test_a_kernel_proves_all_also_without_things_that_no_promise_needs() -> None:
    assert proves_all([capability("ipvs", works=True), capability("esp", works=True), capability("vlan", works=False)])


def test_setup_installs_own_kernels_as_asked() -> None:
    assert own_kernel_wanted("own")
    assert not own_kernel_wanted("shared")


def test_one_kernel_serves_all_hosts_and_a_list_serves_each() -> None:
    spec = LabSpec(hosts=3, kernels=("shared", "own", "own"), extras=("registry",))
    roots = {"26.1": Path("/root")}

    hosts = lay_out(spec, subnet=IPv4Network("10.9.0.0/24"), lab_id="0", roots=roots)

    assert [host.kernel for host in hosts] == ["shared", "own", "own", "shared"]
    assert [host.kernel_root for host in hosts] == [None, Path("/root"), Path("/root"), None]


def test_own_kernels_need_the_root_that_holds_their_kernel_whatever_engine_they_run() -> None:
    def needs(*kernels: KernelWish) -> set[str]:
        return {release.version for release in LabSpec(hosts=1, engines=("28.5",), kernels=kernels).root_releases()}

    assert needs("shared") == {"28.5"}
    assert needs("own") == {"28.5", KERNEL_ENGINE}


def test_kernels_that_do_not_match_the_hosts_are_refused() -> None:
    with pytest.raises(UsageError, match="2 kernels for 3 hosts"):
        LabSpec(hosts=3, kernels=("own", "shared"))


def test_auto_takes_shared_kernels_where_mesh_and_encryption_work() -> None:
    all_there = (capability("ipvs", works=True), capability("esp", works=True), capability("vlan", works=False))
    said: list[str] = []

    decided = with_kernels(LabSpec(hosts=2, kernels=("auto",)), say=said.append, machine=lambda: all_there)

    assert set(decided.kernel_wishes().values()) == {"shared"}
    assert said == ["lab default: --kernel auto means shared here"]


@pytest.mark.lab
@pytest.mark.parametrize("lacking", ["ipvs", "esp"])
def test_auto_takes_own_kernels_where_one_of_them_is_missing_and_leaves_other_wishes(lacking: str) -> None:
    kernel = tuple(capability(name, works=name != lacking) for name in ("ipvs", "esp"))

    decided = with_kernels(LabSpec(hosts=2, kernels=("auto", "shared")), say=lambda _: None, machine=lambda: kernel)

    assert decided.kernels == ("own", "shared")


@pytest.mark.lab
def test_auto_follows_what_the_kernel_itself_registers() -> None:
    tried = {c.name: c.works for c in kernel_capabilities()}

    assert tried["ipvs"] == Path("/proc/net/ip_vs").exists()
    assert tried["esp"] == ("rfc4106(gcm(aes" in Path("/proc/crypto").read_text())
