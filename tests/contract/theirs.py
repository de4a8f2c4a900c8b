"""What others made on an engine: by the docker command, by a stack, over the raw API."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from swarmnet.workflows.apply import apply, prepare
from tests.support.commands import docker
from tests.support.goals import goal, terms

if TYPE_CHECKING:
    from swarmnet.edge.session import Session
    from swarmnet.lab import Lab
    from swarmnet.model.plan import Action
    from swarmnet.operations.content.source import ContentSource
    from swarmnet.plan.guard import Permissions

IMAGE = "others:1"
ENGINES = ("20.10", "26.1", "28.5")

NETWORKS = """\
-d overlay --attachable --subnet 10.120.0.0/24 --gateway 10.120.0.7 --label l=v \
-o com.docker.network.driver.mtu=1300 -o dsr= wide
-d overlay back
-d overlay --attachable aside
--attachable --subnet 172.28.0.0/24 --gateway 172.28.0.9 --ip-range 172.28.0.128/25 --aux-address x=172.28.0.7 \
--label l=v -o com.docker.network.bridge.name=br7 bridged
"""
SERVICES = """\
--name plain {image} sleep 100000
--name limited --limit-memory 64M --limit-pids 90 --update-delay 1s --restart-max-attempts 4 --config page \
--log-driver json-file --log-opt max-size=1m --health-cmd true --health-interval 2s --host one:10.1.1.1 \
--dns 10.9.9.9 --cap-add NET_ADMIN --ulimit nofile=100:200 --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700 \
--mount type=volume,src=vol2,dst=/v,volume-nocopy,volume-label=a=b {image} sleep 100000
--name full --cap-add NET_ADMIN --config source=page,target=/www/p,uid=7,gid=8,mode=0400 \
--constraint node.role==manager --container-label c=1 --dns 10.9.9.9 --dns-option ndots:2 \
--dns-search example.org --endpoint-mode vip --env Z=1 --env A=2 --env EMPTY= --group 7 \
--health-cmd true --health-interval 3s --health-retries 4 --health-start-period 4s --health-timeout 2s \
--host one:10.1.1.1 --hostname h --init --label s=1 --label t= --limit-cpu 0.5 --limit-memory 64M --limit-pids 80 \
--log-driver json-file --log-opt max-size=1m --network name=wide,alias=web,alias=www --network back \
--placement-pref spread=node.labels.rack --publish published=8080,target=80 --publish 9090:90/udp --publish target=70 \
--read-only --replicas 1 --replicas-max-per-node 2 --reserve-cpu 0.1 --reserve-memory 8M \
--restart-condition on-failure --restart-delay 7s --restart-max-attempts 4 --restart-window 9s --rollback-delay 1s \
--rollback-failure-action continue --rollback-max-failure-ratio 0.2 --rollback-monitor 3s \
--rollback-order start-first --rollback-parallelism 3 --secret source=token,target=t,uid=3,gid=4,mode=0440 \
--stop-signal SIGKILL --sysctl net.core.somaxconn=99 --tty --ulimit nofile=100:200 --update-delay 2s \
--update-failure-action rollback --update-max-failure-ratio 0.3 --update-monitor 1s --update-order start-first \
--update-parallelism 0 --user 7:8 --workdir /tmp \
--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700 \
--mount type=volume,src=vol1,dst=/v,volume-nocopy,volume-label=a=b \
--mount type=bind,src=/etc,dst=/e,readonly,bind-propagation=rprivate {image} sleep 100000
--name everywhere --mode global --endpoint-mode dnsrr --publish published=7070,target=70,mode=host --no-healthcheck \
--network back --env A {image} sleep 100000
--name many-job --mode replicated-job --replicas 2 --max-concurrent 1 --restart-condition none {image} true
--name everywhere-job --mode global-job --restart-condition none {image} true
"""
COMMON = "--no-resolve-image --detach --stop-grace-period 1s"
STACK = """\
version: "3.8"
x-all: &all {{stop_grace_period: 1s}}
services:
  web:
    <<: *all
    image: {image}
    command: sleep 100000
    environment: {{B: "1", A: "2"}}
    container_name: ignored
    labels: [c=1]
    restart: on-failure:7
    configs: [page, {{source: page, target: /www/page, uid: "7", mode: 0440}}]
    secrets: [token]
    ports: ["8181:80/udp"]
    volumes:
      - data:/data
      - /etc:/e:ro
      - {{type: volume, source: named, target: /named, volume: {{nocopy: true}}}}
      - {{type: tmpfs, target: /t, tmpfs: {{size: 1048576}}}}
    healthcheck: {{test: "true", interval: 3s, timeout: 2s, retries: 4, start_period: 4s}}
    logging: {{driver: json-file, options: {{max-size: 1m}}}}
    dns: [10.9.9.9]
    dns_search: example.org
    extra_hosts: ["one:10.1.1.1"]
    cap_add: [NET_ADMIN]
    ulimits: {{nofile: {{soft: 100, hard: 200}}}}
    sysctls: {{net.core.somaxconn: 99}}
    init: true
    tty: true
    stdin_open: true
    read_only: true
    user: "7:8"
    working_dir: /tmp
    hostname: h
    deploy:
      replicas: 1
      labels: {{x: z}}
      placement: {{constraints: [node.role == manager]}}
      resources: {{limits: {{cpus: "0.5", memory: 64M}}}}
      update_config: {{parallelism: 2, delay: 1s}}
    networks: {{front: {{aliases: [it]}}}}
networks: {{front: {{driver: overlay, attachable: true}}}}
volumes: {{data: {{driver: local, labels: {{a: b}}}}, named: {{name: other}}}}
configs: {{page: {{file: /tmp/page}}}}
secrets: {{token: {{file: /tmp/page}}}}
"""
OWN_STACK = """\
services:
  sleeper: {image: others:1, command: sleep 100000, stop_grace_period: 1s, configs: [page]}
configs: {page: {file: /tmp/page}}
"""
PROGRAM: dict[str, Any] = {"Image": IMAGE, "Command": ["sleep", "100000"], "StopGracePeriod": 10**9}
RAW: tuple[dict[str, Any], ...] = (
    {"Name": "least", "TaskTemplate": {"ContainerSpec": PROGRAM}},
    {
        "Name": "odd",
        "TaskTemplate": {
            "ContainerSpec": PROGRAM | {"Env": ["B=1", "A=2"], "DNSConfig": {}, "Healthcheck": {"Test": ["NONE"]}},
            "RestartPolicy": {"Condition": "any", "MaxAttempts": 3},
            "Resources": {"Limits": {}, "Reservations": {}},
            "ForceUpdate": 7,
        },
        "Networks": [{"Target": "back", "Aliases": ["old"]}],
        "EndpointSpec": {
            "Ports": [{"Name": "dns", "Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353}],
        },
    },
    {  # as Portainer sends it (createServiceController.js): empty parts, networks in the old place, no monitor
        "Name": "portainers",
        "TaskTemplate": {
            "ContainerSpec": PROGRAM
            | {
                "Env": ["Z=1", "A=2"],
                "Labels": {},
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "vol3",
                        "Target": "/v",
                        "ReadOnly": False,
                        "VolumeOptions": {"Labels": {}, "DriverConfig": {"Name": "local", "Options": {}}},
                    }
                ],
                "Hosts": ["10.1.1.1 one"],
                "Configs": [],
                "Secrets": [],
            },
            "Placement": {"Constraints": [], "Preferences": []},
            "Resources": {"Limits": {"MemoryBytes": 64 * 2**20}, "Reservations": {}},
            "RestartPolicy": {"Condition": "any", "Delay": 5 * 10**9, "MaxAttempts": 0, "Window": 0},
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "Labels": {"io.portainer.accesscontrol.public": ""},
        "Networks": [{"Target": "wide"}],
        "UpdateConfig": {"Parallelism": 1, "Delay": 0, "FailureAction": "pause", "Order": "stop-first"},
        "EndpointSpec": {
            "Mode": "vip",
            "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8282, "PublishMode": "ingress"}],
        },
    },
    {  # as Ansible sends it (docker_swarm_service by docker-py): few parts, a word in lower case, no log driver
        "Name": "ansibles",
        "TaskTemplate": {
            "ContainerSpec": PROGRAM
            | {
                "Env": ["A=2", "Z=1"],
                "User": "7",
                "DNSConfig": {"Nameservers": ["10.9.9.9"], "Search": ["example.org"]},
                "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 3 * 10**9, "Retries": 4},
                "Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/e", "ReadOnly": True}],
                "Hosts": ["10.1.1.1 one"],
                "Init": True,
            },
            "Placement": {"Constraints": ["node.role == manager"]},
            "Resources": {"Limits": {"NanoCPUs": 500_000_000}},
            "RestartPolicy": {"Condition": "on-failure", "MaxAttempts": 3},
            "Networks": [{"Target": "back", "Aliases": ["old"], "DriverOpts": {"a": "b"}}],
        },
        "Mode": {"replicated": {"Replicas": 1}},
        "Labels": {"by": "ansible"},
        "UpdateConfig": {"Parallelism": 2, "Delay": 10**9, "Order": "start-first"},
        "EndpointSpec": {"Mode": "dnsrr"},
    },
)
JOBS = ("many-job", "everywhere-job")
RUNNING = ("plain", "limited", "full", "everywhere", "st_web", "least", "odd", "portainers", "ansibles")
MADE_NETWORKS = ("wide", "back", "aside", "bridged", "st_front")


class Page:
    """The one content of configs and secrets."""

    def read(self, source: ContentSource, *, folder: str) -> bytes:  # noqa: ARG002 - of the protocol
        return b"page\n" if source.text is None else source.text.encode()


@dataclass(frozen=True)
class Theirs:
    """One engine with a swarm of its own, full of what others made."""

    lab: Lab
    host: str
    session: Session

    def plan(self, *steps: object, permissions: Permissions | None = None) -> tuple[Action, ...]:
        """Return what a playbook of these steps would do."""
        return prepare(
            self.session, goal(self.session.inventory, playbook_of(steps), permissions, contents=Page())
        ).plan.actions

    def apply(self, *steps: object, permissions: Permissions | None = None) -> None:
        """Carry a playbook of these steps out, and insist on an empty second plan."""
        self.apply_text(playbook_of(steps), permissions)

    def apply_text(self, text: str, permissions: Permissions | None = None) -> None:
        """Do the same with a playbook's text."""
        report = apply(self.session, goal(self.session.inventory, text, permissions, contents=Page()), terms())
        assert report.pending == ()
        assert [(one.target, one.error) for one in report.outcomes if one.error] == []

    def inspect(self, kind: str, *names: str) -> dict[str, Any]:
        """Return the engine's own JSON of these objects, by name."""
        listed = json.loads(docker(self.lab, self.host, kind, "inspect", *names))
        return {(one["Spec"]["Name"] if "Spec" in one else one["Name"]): one for one in listed}

    def specs(self, *names: str) -> dict[str, Any]:
        """Return the engine's own specs of services, ids of networks and contents replaced by names."""
        text = json.dumps({name: one["Spec"] for name, one in self.inspect("service", *names).items()})
        listed = docker(self.lab, self.host, "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}")
        for kind in ("config", "secret"):
            listed += "\n" + docker(self.lab, self.host, kind, "ls", "--format", "{{.ID}} {{.Name}}")
        for line in filter(None, listed.splitlines()):
            engine_id, _, name = line.partition(" ")
            text = text.replace(engine_id, f"<{name}>")
        return dict(json.loads(text))

    def tasks(self, name: str) -> frozenset[str]:
        """Return the ids of the tasks that should run."""
        words = ("service", "ps", name, "--filter", "desired-state=running", "-q", "--no-trunc")
        return frozenset(docker(self.lab, self.host, *words).split())

    def shell(self, line: str) -> str:
        """Run a line on the host."""
        done = self.lab.exec(self.host, ["sh", "-c", line])
        assert done.exit_code == 0, f"{self.host}: {line}\n{done.stderr}"
        return str(done.stdout)

    def make(self) -> None:
        """Make a swarm, and what others make in one."""
        address = self.shell("hostname -I | cut -d' ' -f1").strip()
        self.shell(f"docker swarm init --advertise-addr {address} --task-history-limit -1")
        lines = [f"docker network create {line}" for line in NETWORKS.splitlines()]
        lines += ["echo page > /tmp/page; docker config create page /tmp/page"]
        lines += ["printf s3cr3t | docker secret create token -"]
        lines += [f"docker service create {COMMON} {line.format(image=IMAGE)}" for line in SERVICES.splitlines()]
        lines += [f"cat > /tmp/s.yml <<'END'\n{STACK.format(image=IMAGE)}\nEND"]
        lines += ["docker stack deploy -c /tmp/s.yml --resolve-image never st"]
        self.shell("set -e\n" + "\n".join(lines))
        for body in RAW:
            self._raw("/v1.41/services/create", body)

    def _raw(self, path: str, body: dict[str, Any]) -> None:
        text = json.dumps(body)
        head = f"POST {path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        request = shlex.quote(f"{head}Connection: close\r\n\r\n{text}")
        said = self.shell(f"printf %s {request} | docker system dial-stdio")
        assert "201 Created" in said, said

    def wipe(self) -> None:
        """Leave the swarm, and remove the networks of the host; volumes stay."""
        self.shell("docker swarm leave --force && docker network prune -f")

    def run(self) -> bool:
        """Return whether every task of every service that stays runs."""
        return all(len(self.tasks(name)) == 1 for name in RUNNING) and "0/1" not in self.shell(
            "docker service ls --format '{{.Name}} {{.Replicas}}' | grep -v job"
        )


def playbook_of(steps: tuple[object, ...]) -> str:
    return yaml.safe_dump({"schema": 1, "name": "theirs", "steps": [{"swarm": {}}, *steps]}, sort_keys=False)
