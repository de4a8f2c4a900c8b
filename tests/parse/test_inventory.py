from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.errors import DocumentError
from swarmnet.model.hosts import Availability, Host, HostKeyPolicy, Inventory, Role, SSHSettings, SudoPolicy
from swarmnet.parse.inventory import ParsedInventory, parse_inventory

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

HEAD = "schema: 1\ncluster: blue\n"
ROOT = Path(__file__).parents[2]


def read(text: str) -> ParsedInventory:
    return parse_inventory(text.encode(), name="inv.yml", folder=Path("/etc/net"))


def messages(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    return [str(replace(problem, column=None)) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cluster: a\nhosts: {m: {address: x, role: manager}}\n", "inv.yml:1: key 'schema' is missing"),
        (HEAD, "inv.yml:1: key 'hosts' is missing"),
        (HEAD + "hosts: {}\n", "inv.yml:3: there are no hosts"),
        (HEAD + "hosts:\n  a: {address: 10.0.0.1}\n", "inv.yml:3: no host is a manager"),
        (
            HEAD + "hosts:\n  a: {address: x, role: manager}\n  a: {address: y}\n",
            "inv.yml:5: key 'a' is given twice",
        ),
        (
            HEAD + "hosts:\n  a: {address: '::1', role: manager}\n  b:\n    address: '0:0::1'\n",
            "inv.yml:6: host 'b' has the address and port of host 'a'",
        ),
        (
            HEAD
            + "hosts:\n  a: {address: x, role: manager, advertise: 1.1.1.1}\n  b: {address: y, advertise: 1.1.1.1}\n",
            "inv.yml:5: host 'b' advertises the address of host 'a'",
        ),
        (HEAD + "hosts:\n  a b: {address: x, role: manager}\n", "inv.yml:4: 'hosts.a b' must be a name"),
        (HEAD + "hosts:\n  all: {address: x, role: manager}\n", "inv.yml:4: host 'all' has a reserved name"),
        (HEAD + "hosts:\n  a: {address: root@x, role: manager}\n", "inv.yml:4: 'hosts.a.address' must be a plain IP"),
        (HEAD + "hosts:\n  a: {address: '192.0.2.1:22', role: manager}\n", "write it as 'port' under 'ssh'"),
        (HEAD + "hosts:\n  a: {address: 192.0.2.300, role: manager}\n", "'192.0.2.300' is not an IP address"),
        (HEAD + "hosts:\n  a: {address: -oProxy, role: manager}\n", "inv.yml:4: 'hosts.a.address' must be a plain IP"),
        (
            HEAD + "hosts:\n  a: {address: x, role: manager, data_path: 10.0.0.1/24}\n",
            "inv.yml:4: 'hosts.a.data_path' must",
        ),
        (HEAD + "hosts:\n  a: {adress: x, role: manager}\n", "unknown key 'adress' (did you mean 'address'?)"),
        (HEAD + "hosts:\n  a: {address: x, role: manager, labels: {n: 1}}\n", "'hosts.a.labels.n' must be text"),
        (
            HEAD + "ssh: {port: 0}\nhosts:\n  a: {address: x, role: manager}\n",
            "inv.yml:3: 'ssh.port' must be at least 1",
        ),
        (
            HEAD + "groups:\n  g:\n    hosts: [a1]\nhosts:\n  a: {address: x, role: manager}\n",
            "inv.yml:5: group 'g' names host 'a1', which is not under 'hosts' (did you mean 'a'?)",
        ),
        (
            HEAD + "groups: {edge: {}}\nhosts:\n  a: {address: x, role: manager, groups: [egde]}\n",
            "inv.yml:5: host 'a' is in group 'egde', which is not under 'groups' (did you mean 'edge'?)",
        ),
        (
            HEAD + "groups: {a: {}}\nhosts:\n  a: {address: x, role: manager}\n",
            "inv.yml:3: group 'a' is also the name of a host",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line(text: str, words: str) -> None:
    assert words in "\n".join(messages(text))


def test_mistakes_of_all_kinds_come_at_once() -> None:
    text = HEAD + "clustr: x\nssh: {prot: 1}\nhosts:\n  a: {address: 1}\n  b: {role: boss, address: z}\n"
    assert [line.split(": ")[0] for line in messages(text)] == [f"inv.yml:{line}" for line in (3, 4, 6, 7)]


def test_the_same_address_behind_another_jump_host_is_another_machine() -> None:
    text = HEAD + "hosts:\n  a: {address: x, role: manager}\n  b: {address: x, ssh: {jump: gate}}\n"
    assert [host.name for host in read(text).inventory.hosts] == ["a", "b"]


@pytest.mark.parametrize(("count", "warned"), [(1, False), (2, True), (3, False), (4, True), (9, True)])
def test_an_unwise_number_of_managers_is_a_warning(count: int, *, warned: bool) -> None:
    hosts = "".join(f"  m{n}: {{address: h{n}, role: manager}}\n" for n in range(count))
    assert bool(read(f"{HEAD}hosts:\n{hosts}").warnings) is warned


def test_groups_give_labels_and_the_host_has_the_last_word() -> None:
    inventory = read(
        HEAD + "groups:\n  far: {hosts: [a], labels: {x: far, y: far}}\n  near: {labels: {x: near}}\n"
        "hosts:\n  a: {address: h, role: manager, groups: [near], labels: {z: own}}\n"
    ).inventory
    assert inventory.host("a").labels == {"x": "near", "y": "far", "z": "own"}
    assert inventory.host("a").groups == {"far", "near"}


def test_a_hosts_ssh_settings_lie_over_the_files_and_paths_begin_at_the_file() -> None:
    inventory = read(
        HEAD + "ssh: {user: u, port: 2222, key: keys/id, known_hosts: /kh, config: ''}\n"
        "hosts:\n  a: {address: h, role: manager, ssh: {user: v, key: ~/k}}\n  b: {address: i}\n"
    ).inventory
    a, b = (inventory.host(name).ssh for name in "ab")
    assert (a.user, a.port, a.key, a.known_hosts, a.config) == ("v", 2222, "~/k", "/kh", "")
    assert (b.user, b.key) == ("u", "/etc/net/keys/id")


@pytest.mark.parametrize("name", ["example.yml"])
def test_shipped_inventories_are_without_fault(name: str) -> None:
    path = ROOT / "inventories" / name
    assert parse_inventory(path.read_bytes(), name=name, folder=path.parent).warnings == ()


NAMES = st.from_regex(r"[a-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("manager", "worker", "all")
)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8)
PATHS = st.none() | st.from_regex(r"[/~][a-z]{1,5}(/[a-z]{1,3})?", fullmatch=True)
SETTINGS = st.builds(
    SSHSettings,
    user=st.none() | NAMES,
    port=st.none() | st.integers(1, 65535),
    key=PATHS,
    agent=st.booleans(),
    jump=st.none() | NAMES,
    known_hosts=PATHS,
    host_keys=st.sampled_from(HostKeyPolicy),
    config=PATHS | st.just(""),
    sudo=st.sampled_from(SudoPolicy),
    connect_timeout=st.floats(0.1, 100),
    connect_attempts=st.integers(1, 60),
)
HOSTS = st.builds(
    Host,
    name=NAMES,
    address=st.ip_addresses().map(str),
    role=st.sampled_from(Role),
    labels=st.dictionaries(TEXT, TEXT, max_size=2),
    availability=st.none() | st.sampled_from(Availability),
    advertise=st.none() | st.sampled_from(["eth0", "bond0.7"]),
    data_path=st.none() | st.ip_addresses().map(str),
    groups=st.frozensets(NAMES, max_size=2),
    vars=st.dictionaries(st.sampled_from(["nic", "slice", "Ports_2"]), TEXT | st.lists(st.integers(0, 99), max_size=2)),
    ssh=SETTINGS,
)


def written(inventory: Inventory) -> str:
    hosts: JsonObject = {}
    for host in inventory.hosts:
        entry = host.model_dump(mode="json")
        hosts[entry.pop("name")] = entry
    return json.dumps({"schema": 1, "cluster": inventory.cluster, "hosts": hosts}, ensure_ascii=False, indent=1)


@settings(max_examples=40)
@given(st.lists(HOSTS, min_size=1, max_size=4, unique_by=(lambda host: host.name, lambda host: host.address)), NAMES)
def test_an_inventory_written_down_reads_back_as_itself(hosts: list[Host], cluster: str) -> None:
    hosts[0] = hosts[0].model_copy(update={"role": Role.MANAGER})
    inventory = Inventory(cluster=cluster, hosts=tuple(hosts), source="inv.yml")
    assert read(written(inventory)).inventory == inventory


TYPED = {
    name: kind
    for name, field in SSHSettings.model_json_schema()["properties"].items()
    for kind in (field.get("type"), *(one.get("type") for one in field.get("anyOf", ())))
    if kind in ("integer", "number", "boolean")
}


@pytest.mark.parametrize("key", TYPED)
def test_a_number_in_quotes_and_another_kind_of_value_are_refused_with_what_to_write(key: str) -> None:
    value, other = ("true", "1") if TYPED[key] == "boolean" else ("2", "true")
    hosts = "hosts:\n  a: {address: x, role: manager}\n"

    (quoted,) = messages(f'schema: 1\ncluster: blue\nssh: {{{key}: "{value}"}}\n{hosts}')
    (wrong,) = messages(f"schema: 1\ncluster: blue\nssh: {{{key}: {other}}}\n{hosts}")

    assert quoted.startswith(f"inv.yml:3: 'ssh.{key}' must be ")
    assert quoted.endswith(f"(write {value} without quotes)")
    assert wrong.startswith(f"inv.yml:3: 'ssh.{key}' must be ")


def test_a_hosts_variables_lie_over_those_of_its_groups_and_of_the_file() -> None:
    inventory = read(
        HEAD + "vars: {nic: eth0, zone: a, mtu: 1500}\n"
        "groups: {edge: {hosts: [w1], vars: {nic: eth1, zone: b}}}\n"
        "hosts:\n  m1: {address: a, role: manager}\n  w1: {address: b, vars: {zone: c, ports: [1, 2]}}\n"
    ).inventory
    m1, w1 = (inventory.host(name).values for name in ("m1", "w1"))
    assert m1 == {"nic": "eth0", "zone": "a", "mtu": 1500, "name": "m1", "address": "a"}
    assert w1 == {"nic": "eth1", "zone": "c", "mtu": 1500, "ports": [1, 2], "name": "w1", "address": "b"}


@pytest.mark.parametrize(
    ("pools", "text"),
    [
        ("[{cidr: 10.128.0.0/12, size: 8}]", "cannot be cut into blocks of /8: write a size from 12 to 29"),
        ("[{cidr: 10.128.0.0/24, size: 30}]", "cannot be cut into blocks of /30: write a size from 24 to 29"),
        ("[{cidr: 224.0.0.0/8, size: 24}]", "pool 224.0.0.0/8 is multicast"),
        ("[{cidr: 10.0.0.0/8}, {cidr: 10.1.0.0/16}]", "pool 10.1.0.0/16 overlaps pool 10.0.0.0/8"),
        ("[{cidr: 10.0.0.1/8}]", "'10.0.0.1/8' is not a subnet: 10.0.0.1/8 has host bits set"),
    ],
)
def test_a_pool_that_no_block_can_come_from_is_refused_with_its_line(pools: str, text: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(HEAD + f"address_pools: {pools}\nhosts: {{m1: {{address: a, role: manager}}}}\n")
    assert text in str(error.value)
    assert str(error.value).startswith("inv.yml:3:")


@pytest.mark.parametrize("name", ["name", "address", "a.b", "9"])
def test_a_variable_has_a_name_that_playbooks_can_refer_to(name: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(HEAD + f"hosts: {{m1: {{address: a, role: manager, vars: {{'{name}': 1}}}}}}\n")
    assert "letters, digits and '_'" in str(error.value) or "of its own" in str(error.value)
