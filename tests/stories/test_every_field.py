"""A cluster made by the docker command with every flag comes back field by field, or the plan says what does not."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from swarmnet.lab import Lab
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab
IMAGE = "field:1"
HOSTS = ("m1", "m2", "m3")

HOST_NETWORKS = """\
--subnet 172.18.0.0/16 before-the-gateway
--config-only --subnet 192.168.77.0/24 --gateway 192.168.77.9 --ip-range 192.168.77.64/26 -o parent=eth0 --label a=b cfg
-d macvlan --config-from cfg from-cfg
'my net'
a/b
-o com.docker.network.driver.mtu=68 --attachable small
--internal --label l= --subnet 172.28.0.0/24 --gateway 172.28.0.9 --ip-range 172.28.0.128/25 \
--aux-address x=172.28.0.7 \
-o com.docker.network.bridge.name=br7 -o com.docker.network.bridge.enable_icc=false full
--ipv6 --subnet fd00:8::/64 --subnet 172.27.0.0/24 six
"""
SWARM_NETWORKS = """\
-d macvlan --scope swarm --config-from cfg swarm-macvlan
-d overlay --attachable --subnet 10.120.0.0/24 --gateway 10.120.0.7 --ip-range 10.120.0.128/25 --label l=v \
-o secure=1 front
-d overlay --internal --opt com.docker.network.driver.mtu=1300 --ipam-opt a=b back
-d overlay --subnet 10.122.0.0/24 --subnet 10.123.0.0/24 two-blocks
-d bridge --scope swarm swarm-bridge
"""
COMMON = "--no-resolve-image --detach --stop-grace-period 1s"
SERVICES = """\
--name full --cap-add NET_ADMIN --cap-drop MKNOD --config source=page,target=/www/p,uid=7,gid=8,mode=0400 \
--constraint node.hostname==m1 --constraint node.labels.rack!=z --container-label c=1 --dns 10.9.9.9 \
--dns-option ndots:2 \
--dns-search example.org --endpoint-mode vip --entrypoint /bin/sleep --env Z=1 --env A=2 --env EMPTY= --group 7 \
--health-cmd true --health-interval 7s --health-retries 4 --health-start-period 3s --health-timeout 2s \
--host one:10.1.1.1 --hostname h --init --label s=1 --label t= --limit-cpu 0.5 --limit-memory 64M --limit-pids 99 \
--log-driver json-file --log-opt max-size=1m --network name=front,alias=web,alias=www,driver-opt=x=y --network back \
--placement-pref spread=node.labels.rack --publish published=8080,target=80 --publish 9090:90/udp --publish target=70 \
--read-only --replicas 2 --replicas-max-per-node 2 --reserve-cpu 0.1 --reserve-memory 8M \
--restart-condition on-failure \
--restart-delay 7s --restart-max-attempts 4 --restart-window 9s --rollback-delay 1s --rollback-failure-action continue \
--rollback-max-failure-ratio 0.2 --rollback-monitor 3s --rollback-order start-first --rollback-parallelism 3 \
--secret source=token,target=t,uid=3,gid=4,mode=0440 --stop-signal SIGQUIT --sysctl net.core.somaxconn=99 --tty \
--ulimit nofile=100:200 --update-delay 2s --update-failure-action rollback --update-max-failure-ratio 0.3 \
--update-monitor 4s --update-order start-first --update-parallelism 0 --user 7:8 --workdir /tmp \
--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700 --mount type=volume,src=v,dst=/v,volume-nocopy,volume-label=a=b \
--mount type=bind,src=/etc,dst=/e,readonly,bind-propagation=rslave {image} 1000
--name everywhere --mode global --endpoint-mode dnsrr --publish published=7070,target=70,mode=host --no-healthcheck \
--network back --env A {image}
--name by-id --constraint node.id=={m2} --network host {image}
--name by-address --constraint node.ip=={a2} {image}
--name credentials --credential-spec config://page --network back {image}
--name never --constraint engine.labels.disk==ssd --generic-resource gpu=2 {image}
--name replicas-job --mode replicated-job --replicas 3 --max-concurrent 2 --restart-condition none {image} true
--name global-job --mode global-job --restart-condition on-failure --constraint node.role==manager {image} true
--name templated --hostname '{{{{.Node.Hostname}}}}' --env N='{{{{.Service.Name}}}}' --isolation default {image}
"""
STACK = """\
version: "3.8"
services:
  app:
    image: {image}
    environment: {{B: "1", A: "2"}}
    deploy: {{replicas: 1, labels: {{x: y}}, placement: {{constraints: [node.role == manager]}}}}
    networks: {{inner: {{aliases: [it]}}}}
    configs: [{{source: c, target: /c}}]
networks: {{inner: {{driver: overlay, attachable: true}}}}
configs: {{c: {{file: ./page}}}}
"""
VOLATILE = frozenset(
    {"Version", "CreatedAt", "UpdatedAt", "Created", "ID", "Id", "Peers", "Containers", "VirtualIPs", "UpdateStatus"}
    | {"TLSInfo", "JobStatus", "Status", "ManagerStatus", "Description", "ServiceStatus", "PreviousSpec", "Endpoint"}
    | {"com.docker.network.driver.overlay.vxlanid_list", "io.swarmnet.managed", "io.swarmnet.restore"}
)
"""What no backup can hold: ids, times, addresses of tasks, certificates, what an update replaced."""
LOST = {
    "service/by-id/Spec/TaskTemplate/Placement/Constraints": "service by-id: the constraint node.id==",
    "service/odd/Spec/Networks": "never comes back: old-network-lists",
    "service/odd/Spec/TaskTemplate/Networks": "never comes back: old-network-lists",
    "swarm/Spec/CAConfig/ForceRotate": "never comes back: cluster-identity",
}
"""Places of the engine's JSON that may differ afterwards, each with a word of the plan that says so."""


def _make(lab: Lab) -> None:
    for host in HOSTS:
        for line in HOST_NETWORKS.splitlines():
            _shell(lab, host, f"docker network create {line}")
    addresses = {host: _shell(lab, host, "hostname -I | cut -d' ' -f1").strip() for host in HOSTS}
    _shell(
        lab,
        "m1",
        f"docker swarm init --advertise-addr {addresses['m1']} --task-history-limit 3 --snapshot-interval 9000 "
        "--max-snapshots 2 --dispatcher-heartbeat 6s --cert-expiry 720h",
    )
    token = docker(lab, "m1", "swarm", "join-token", "-q", "manager")
    for host in HOSTS[1:]:
        docker(lab, host, "swarm", "join", "--token", token, f"{addresses['m1']}:2377")
    ids = {host: docker(lab, host, "info", "-f", "{{.Swarm.NodeID}}") for host in HOSTS}
    _shell(lab, "m1", f"docker node update --label-add rack=a --label-add empty= --availability pause {ids['m3']}")
    _shell(lab, "m1", "docker node update --label-add rack=b m2; docker swarm ca --rotate --detach; sleep 3")
    for line in SWARM_NETWORKS.splitlines():
        _shell(lab, "m1", f"docker network create {line}")
    _shell(lab, "m1", "echo page > /tmp/page; docker config create --label a=b --template-driver golang page /tmp/page")
    _shell(lab, "m1", "printf s3cr3t | docker secret create --label a=b token -")
    for line in SERVICES.splitlines():
        flags = line.format(image=IMAGE, m2=ids["m2"], a2=addresses["m2"])
        _shell(lab, "m1", f"docker service create {COMMON} {flags}")
    _raw(lab, "/v1.41/services/create", {"Name": "least", "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}}})
    odd = {"Image": IMAGE, "Env": ["A", "B=1", "B=2"], "Healthcheck": {"Test": ["NONE"]}, "DNSConfig": {}}
    port = {"Name": "http", "Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353, "PublishMode": "ingress"}
    template = {"ContainerSpec": odd, "RestartPolicy": {"Condition": "any", "MaxAttempts": 3}, "ForceUpdate": 7}
    _raw(
        lab,
        "/v1.41/services/create",
        {"Name": "odd", "TaskTemplate": template, "Networks": [{"Target": "back"}], "EndpointSpec": {"Ports": [port]}},
    )
    text = STACK.format(image=IMAGE)
    _shell(
        lab,
        "m1",
        f"cd /tmp; cat > s.yml <<'END'\n{text}\nEND\n"
        "docker stack deploy -c s.yml --detach=true --resolve-image never st",
    )


def _raw(lab: Lab, path: str, body: dict[str, Any]) -> None:
    """Ask m1's engine for something that the docker command cannot say."""
    text = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    request = shlex.quote(f"{head}Connection: close\r\n\r\n{text}")
    said = _shell(lab, "m1", f"printf %s {request} | docker system dial-stdio")
    assert "201 Created" in said, said


def _shell(lab: Lab, host: str, line: str) -> str:
    done = lab.exec(host, ["sh", "-c", line])
    assert done.exit_code == 0, f"{host}: {line}\n{done.stderr}"
    return str(done.stdout)


def _inspected(lab: Lab, host: str, kind: str) -> list[dict[str, Any]]:
    listed = _shell(lab, host, f"docker {kind} ls -q").split()
    return json.loads(docker(lab, host, *kind.split(), "inspect", *listed)) if listed else []


def _seen(lab: Lab) -> dict[str, Any]:
    """Return all that engines say of what is compared, with names instead of ids."""
    found: dict[str, Any] = {}
    ids: dict[str, str] = {}
    for kind in ("service", "config", "secret", "node"):
        for one in _inspected(lab, "m1", kind):
            name = one["Description"]["Hostname"] if kind == "node" else one["Spec"]["Name"]
            found[f"{kind}/{name}"] = one
            ids[one["ID"]] = f"<{kind} {name}>"
    for host in HOSTS:
        for one in _inspected(lab, host, "network"):
            scope = "swarm" if one["Scope"] == "swarm" else host
            if host in (scope, "m1"):
                found[f"network/{one['Name']}/{scope}"] = one
                ids[one["Id"]] = f"<network {one['Name']}>"
    info = json.loads(docker(lab, "m1", "info", "-f", "{{json .Swarm.Cluster}}"))
    found["swarm"] = info
    text = json.dumps(found)
    for engine_id, called in ids.items():
        text = text.replace(engine_id, called)
    text = re.sub(r'"[0-9a-z]{25}"', '"<id>"', text)  # of the hidden networks of services on their hosts' own
    named: dict[str, Any] = json.loads(text)
    return named


def _places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON of any shape
    """Yield the leaves of JSON; nothing, an empty list and an empty object are one, as engines mix them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in VOLATILE:
                yield from _places(inner, f"{path}/{key}")
    elif value not in (None, [], ""):
        yield path, value


def _without_empty(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the lists of a spec without empty objects, which the docker command writes and engines ignore."""
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_empty(one) for key, one in value.items() if one != {}}
    return value


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    old, new = (
        {place: _without_empty(one) for name in state for place, one in _places(state[name], name)}
        for state in (before, after)
    )
    return {
        place: (old.get(place), new.get(place)) for place in sorted({*old, *new}) if old.get(place) != new.get(place)
    }


def test_every_flag_of_the_docker_command_comes_back_or_is_announced_as_lost(make_lab: MakeLab, tmp_path: Path) -> None:
    lab, operator = make_lab(hosts=3, engines=("28.5", "26.1", "20.10")), Operator(tmp_path)
    make_image(lab, IMAGE)
    _make(lab)
    inventory = ("-i", str(lab.inventory))
    operator.types("keys", "init")
    operator.types("backup", "create", *inventory)
    before = _seen(lab)
    lab.reset()

    said = operator.types(
        "restore",
        "apply",
        "latest",
        *inventory,
        "--yes",
        "--no-verify",
        "--secrets-from",
        "env:R_",
        exits=(3, 15),
        secret={"R_TOKEN": "s3cr3t"},
    )
    drift = operator.types("backup", "diff", "latest", "live", *inventory, exits=(0, 6))
    assert "no drift" in drift, drift
    after = _seen(lab)
    unannounced = {
        place: values
        for place, values in _differences(before, after).items()
        if place not in LOST or LOST[place] not in said
    }
    assert unannounced == {}
