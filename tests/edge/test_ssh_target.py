from __future__ import annotations

from pathlib import Path

import pytest

from swarmnet.edge.ssh_target import Target, TargetFinder
from swarmnet.errors import UsageError
from swarmnet.model.hosts import Host, Inventory, SSHSettings

CONFIG = """
Include extra/*.conf
Host web
  HostName 10.0.0.5
  User deploy
  Port 2200
  IdentityFile ~/keys/web
  UserKnownHostsFile /a/kh /b/kh
Host inner
  ProxyJump admin@gate:2022,mid
Host odd
  ProxyCommand nc %h %p
Host plain
  ProxyJump none
  HostKeyAlias other-name
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/one.conf").write_text("Host included\n  User from-include\n")
    return str(tmp_path / "config")


def target(address: str, config: str, **settings: object) -> Target:
    host = Host(name="h", address=address, ssh=SSHSettings.model_validate({"config": config, **settings}))
    return TargetFinder(Inventory(cluster="c", hosts=(host,))).target(host)


def test_ssh_config_fills_what_the_inventory_leaves_open(config: str) -> None:
    found = target("web", config)
    assert found.place == "deploy@10.0.0.5:2200"
    assert found.identities == (Path.home() / "keys/web",)
    assert found.known_hosts[:2] == (Path("/a/kh"), Path("/b/kh"))
    assert found.known_as == "[10.0.0.5]:2200"


def test_the_inventory_wins_over_ssh_config(config: str) -> None:
    found = target("web", config, user="root", port=22, key="/k", known_hosts="/kh")
    assert (found.place, found.key, found.identities) == ("root@10.0.0.5:22", Path("/k"), ())
    assert found.known_hosts == (Path("/kh"),)


def test_included_files_are_read(config: str) -> None:
    assert target("included", config).user == "from-include"


def test_an_empty_path_reads_no_ssh_config() -> None:
    assert target("web", "", user="u").place == "u@web:22"


def test_a_chain_of_jump_hosts_is_gone_through_from_the_left(config: str) -> None:
    found = target("inner", config)
    assert found.via is not None
    assert found.via.hostname == "mid"
    assert found.via.via is not None
    assert found.via.via.place == "admin@gate:2022"


def test_proxy_commands_get_host_and_port_unless_the_inventory_says_otherwise(config: str) -> None:
    assert target("odd", config).command == "nc odd 22"
    assert target("odd", config, jump="gate").command is None


def test_none_means_none_and_an_alias_names_the_key(config: str) -> None:
    found = target("plain", config)
    assert (found.via, found.known_as) == (None, "other-name")


def fleet(**jumps: str | None) -> TargetFinder:
    hosts = tuple(
        Host(name=name, address=f"{name}.test", ssh=SSHSettings(user=f"of-{name}", jump=jump, config=""))
        for name, jump in jumps.items()
    )
    return TargetFinder(Inventory(cluster="c", hosts=hosts))


def test_a_jump_host_of_the_inventory_is_the_same_connection_as_the_host_itself() -> None:
    hosts = {name: Host(name=name, address=name, ssh=SSHSettings(jump="a", config="")) for name in ("a", "b")}
    finder = TargetFinder(Inventory(cluster="c", hosts=tuple(hosts.values())))
    assert finder.target(hosts["a"]).via is None
    assert finder.target(hosts["b"]).via == finder.target(hosts["a"])


def test_jump_hosts_in_a_circle_are_refused() -> None:
    finder = fleet(a="b", b="a")
    with pytest.raises(UsageError, match="a -> b -> a"):
        finder.target(Host(name="a", address="a", ssh=SSHSettings(jump="b", config="")))


@pytest.mark.parametrize(
    ("jump", "place"),
    [("u@[fd00::1]:2022", "u@[fd00::1]:2022"), ("u@gate", "u@gate:22"), ("ssh://u@gate:7", "u@gate:7")],
)
def test_a_jump_host_may_be_written_out(jump: str, place: str) -> None:
    found = target("x", "", jump=jump, user="me")
    assert found.via is not None
    assert found.via.place == place


def test_a_jump_host_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="is not"):
        target("x", "", jump="a b:c:d")


def test_a_config_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read ssh config"):
        target("x", str(tmp_path / "absent"))
