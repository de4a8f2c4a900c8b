from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from swarmnet.edge.ssh.target import Target, TargetFinder
from swarmnet.errors import UsageError
from swarmnet.model.hosts import Host, Inventory, SSHSettings

CONFIG = """
Include {folder}/extra/*.conf
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
    (tmp_path / "config").write_text(CONFIG.replace("{folder}", str(tmp_path)))
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/one.conf").write_text("Host included\n  User from-include\n")
    return str(tmp_path / "config")


def target(address: str, config: str, **settings: object) -> Target:
    host = Host(name="h", address=address, ssh=SSHSettings.model_validate({"config": config, **settings}))
    return TargetFinder(Inventory(cluster="c", hosts=(host,))).target(host)


def test_ssh_config_fills_what_the_inventory_leaves_open(config: str) -> None:
    found = target("web", config)
    assert found.place == "deploy@10.0.0.5:2200"
    assert found.keys.files == (Path.home() / "keys/web",)
    assert found.trust.user_files == (Path("/a/kh"), Path("/b/kh"))
    assert found.trust.name == "[10.0.0.5]:2200"


def test_the_inventory_wins_over_ssh_config(config: str) -> None:
    found = target("web", config, user="root", port=22, key="/k", known_hosts="/kh")
    assert (found.place, found.keys.required, found.keys.files) == ("root@10.0.0.5:22", Path("/k"), ())
    assert found.trust.files == (Path("/kh"),)


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
    assert (found.via, found.trust.name) == (None, "other-name")


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


SHELL_LETTERS = [
    "$(touch x)",
    "a;b",
    "`id`",
    "a b",
    "a|b",
    "-oProxyCommand=x",
    "a\nb",
    "a'b",
    'a"b',
    "a&b",
    "$HOME",
    "a\\b",
]


@pytest.mark.parametrize("name", SHELL_LETTERS)
@pytest.mark.parametrize("pattern", ["{}", "ok@{}", "{}:22", "[{}]:22", "gate,{}", "ssh://u@{}"])
def test_jump_hosts_that_a_shell_would_act_on_are_refused(name: str, pattern: str, tmp_path: Path) -> None:
    """M8: in the inventory by its own check, in ssh_config where the jump host is looked for."""
    jump = pattern.format(name)
    with pytest.raises(ValidationError, match="is not"):
        SSHSettings(jump=jump)
    (tmp_path / "config").write_text(f"ProxyJump {jump}\n")
    with pytest.raises(UsageError):
        target("x", str(tmp_path / "config"))


@pytest.mark.parametrize("name", ["$(touch x)", "a;b", "`id`", "-l", "a|b", "a'b", "a -x", "a\\"])
def test_users_that_ssh_refuses_are_refused(name: str) -> None:
    """M8: ``%r`` in a ProxyCommand goes through a shell."""
    for settings in ({"user": name}, {"jump": f"{name}@gate"}):
        with pytest.raises(ValidationError, match="is not"):
            SSHSettings.model_validate(settings)


@pytest.mark.parametrize("name", SHELL_LETTERS)
def test_host_names_that_a_shell_would_act_on_never_reach_a_proxy_command(name: str, tmp_path: Path) -> None:
    """M8: also where ssh_config makes the name."""
    (tmp_path / "config").write_text(f"HostName '{name}'\nProxyCommand nc %h %p\n" if "'" not in name else "x")
    with pytest.raises(UsageError):
        target("x", str(tmp_path / "config"))


def test_a_config_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read ssh config"):
        target("x", str(tmp_path / "absent"))


def test_each_hop_has_its_own_user_port_keys_and_known_hosts(tmp_path: Path) -> None:
    """C7: the inventory says those of the host; ssh_config those of the bastions."""
    (tmp_path / "config").write_text(
        "Host gate\n User jumper\n Port 2022\n IdentityFile /gate-key\n UserKnownHostsFile /gate-kh\n"
        "Host mid\n User middle\n"
    )
    found = target(
        "x", str(tmp_path / "config"), jump="gate,other@mid:7", user="me", port=22, key="/k", known_hosts="/kh"
    )
    mid = found.via
    assert mid is not None
    gate = mid.via
    assert gate is not None
    assert [hop.place for hop in (found, mid, gate)] == ["me@x:22", "other@mid:7", "jumper@gate:2022"]
    assert (found.keys.required, mid.keys.required, gate.keys.required) == (Path("/k"), Path("/k"), None)
    assert gate.keys.files == (Path("/gate-key"), Path("/k"))
    assert (gate.trust.kept_in, mid.trust.kept_in) == (Path("/gate-kh"), Path("/kh"))


def test_tokens_are_filled_in_wherever_ssh_does(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "HostName real.test\nPort 7\nUser u\nHostKeyAlias Al\nIdentityFile /%h/%n/%p/%r\nCertificateFile /%k\n"
        "UserKnownHostsFile /kh/%k ${HOME}/x%%\nIdentityAgent /run/%r\nProxyCommand nc %h:%p %r@%n ${HOME}\n"
    )
    found = target("web", str(tmp_path / "config"))
    assert found.keys.files == (Path("/real.test/web/7/u"),)
    assert found.keys.certificates == (Path("/al"),)
    assert found.trust.user_files == (Path("/kh/al"), Path.home() / "x%")
    assert found.keys.agent == "/run/u"
    assert found.command == "nc real.test:7 u@web ${HOME}"  # the shell's own


def test_an_alias_names_the_key_without_the_port(tmp_path: Path) -> None:
    """C5."""
    (tmp_path / "config").write_text("HostKeyAlias Other\nPort 2200\nHashKnownHosts yes\n")
    trust = target("web", str(tmp_path / "config")).trust
    assert (trust.name, trust.bare, trust.hashed) == ("other", None, True)


@pytest.mark.parametrize(
    ("word", "policy"), [("yes", "strict"), ("ask", "ask"), ("accept-new", "accept-new"), ("no", "accept-new")]
)
def test_ssh_config_says_what_unknown_keys_are_worth_unless_the_inventory_does(
    tmp_path: Path, word: str, policy: str
) -> None:
    (tmp_path / "config").write_text(f"StrictHostKeyChecking {word}\nConnectTimeout 3\n")
    found = target("web", str(tmp_path / "config"))
    assert (found.trust.policy, found.timeout) == (policy, 3)
    given = target("web", str(tmp_path / "config"), host_keys="strict", connect_timeout=9)
    assert (given.trust.policy, given.timeout) == ("strict", 9)


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o620])
def test_a_config_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """M11."""
    (tmp_path / "config").write_text("User u\n")
    (tmp_path / "config").chmod(mode)
    with pytest.raises(UsageError, match="can be changed by others") as caught:
        target("web", str(tmp_path / "config"))
    assert "chmod go-w" in str(caught.value.hint)


def test_jump_hosts_take_tokens_too(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host web\n User u\n ProxyJump %r@gate-%n:227\n")
    found = target("web", str(tmp_path / "config"))
    assert found.via is not None
    assert (found.via.hostname, found.via.port, found.via.user) == ("gate-web", 227, "u")


@pytest.mark.parametrize("line", ["ProxyCommand nc %u", "ProxyCommand nc %C", "IdentityFile %q", "HostName %p"])
def test_tokens_that_ssh_does_not_know_there_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "config").write_text(f"{line}\n")
    with pytest.raises(UsageError, match=f"{tmp_path}/config:1: unknown token"):
        target("web", str(tmp_path / "config"))


@pytest.mark.parametrize("known_hosts", [None, "/known"])
def test_a_command_for_known_hosts_is_refused_unless_the_inventory_names_the_file(
    tmp_path: Path, known_hosts: str | None
) -> None:
    (tmp_path / "config").write_text("Host web\n KnownHostsCommand /bin/keys %H\nHost db\n KnownHostsCommand none\n")
    settings = SSHSettings(config=str(tmp_path / "config"), known_hosts=known_hosts)
    names = ("web", "db", "other")
    inventory = Inventory(cluster="c", hosts=tuple(Host(name=name, address=name, ssh=settings) for name in names))
    refused = []
    for host in inventory.hosts:
        try:
            TargetFinder(inventory).target(host)
        except UsageError as error:
            refused.append((host.name, str(error).partition(": ")[0]))
    assert refused == ([] if known_hosts else [("web", f"{tmp_path}/config:2")])


def test_zero_attempts_are_refused_for_the_hosts_that_have_them(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host web\n ConnectionAttempts 0\nHost db\n ConnectionAttempts 4\n")
    assert target("db", str(tmp_path / "config")).attempts == 4
    with pytest.raises(UsageError, match=f"{tmp_path}/config:2"):
        target("web", str(tmp_path / "config"))
