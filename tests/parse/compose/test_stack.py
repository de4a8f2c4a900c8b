"""What stack files become, and what is refused of them, with file and line."""

from __future__ import annotations

import pytest

from swarmnet.errors import DocumentError
from swarmnet.parse.compose.stack import Order
from tests.support.stacks import converted, said, step

NAMESPACE = {"com.docker.stack.namespace": "shop"}


def web(service: str, rest: str = "") -> dict[str, object]:
    """Return the step of the service ``web`` with these keys."""
    found = converted(f"services: {{web: {{image: nginx, {service}}}}}\n{rest}", environment={"HERE": "h"})
    return dict(step(found, "service", "shop_web"))


def test_a_service_gets_the_names_and_labels_of_docker_stack() -> None:
    found = converted("services: {web: {image: nginx:1, deploy: {labels: [a=b, c]}, labels: {d: 1}}}")

    assert [one.kind for one in found.steps] == ["network", "service"]
    assert step(found, "network", "shop_default") == {"name": "shop_default", "labels": NAMESPACE}
    assert step(found, "service", "shop_web") == {
        "name": "shop_web",
        "whole": True,
        "image": "nginx:1",
        "networks": [{"network": "shop_default", "aliases": ["web"]}],
        "labels": {"a": "b", "c": "", **NAMESPACE, "com.docker.stack.image": "nginx:1"},
        "container_labels": {"d": "1", **NAMESPACE},
    }


@pytest.mark.parametrize(
    ("service", "key", "expected"),
    [
        ("command: sh -c 'echo $$HOME'", "args", ["sh", "-c", "echo $HOME"]),
        ("entrypoint: [a, 1]", "command", ["a", "1"]),
        ("environment: [A=1, B=, HERE, GONE]", "env", {"A": "1", "B": "", "HERE": "h"}),
        ("environment: {A: 1, B: true, C: 1.50, D: 3.0}", "env", {"A": "1", "B": "true", "C": "1.5", "D": "3"}),
        ("ports: [80, '8080:80', '53:53/udp']", "ports", ["80", "8080:80", "53:53/udp"]),
        ("ports: ['7000-7001:80-81']", "ports", ["7000:80", "7001:81"]),
        ("ports: [{target: 80, published: '8080', mode: host}]", "ports", ["8080:80@host"]),
        ("scale: 3", "replicas", 3),
        ("scale: 3, deploy: {replicas: 2}", "replicas", 2),
        ("deploy: {replicas: '2'}", "replicas", 2),
        ("deploy: {mode: global}", "mode", "global"),
        ("restart: always", "restart", {"condition": "any"}),
        ("restart: 'on-failure:3'", "restart", {"condition": "on-failure", "max_attempts": 3}),
        ("restart: always, deploy: {restart_policy: {condition: none}}", "restart", {"condition": "none"}),
        ("deploy: {resources: {limits: {cpus: '0.5', memory: 64M, pids: 9}}}", "limits",
         {"cpus": 0.5, "memory": "64M", "pids": 9}),
        ("deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}}",
         "reservations", {"generic": {"gpu": 2}}),
        ("deploy: {placement: {preferences: [{spread: node.labels.zone}]}}", "spread", ["node.labels.zone"]),
        ("stop_grace_period: 1m30s", "stop_grace_period", "1m30s"),
        ("working_dir: /srv", "workdir", "/srv"),
        ("volumes: ['/a:/b', '/c:/d:ro,rslave', /anonymous]", "mounts", [
            "/a:/b",
            {"type": "bind", "source": "/c", "target": "/d", "read_only": True, "bind": {"propagation": "rslave"}},
            {"type": "volume", "target": "/anonymous"},
        ]),
        ("volumes: [{type: bind, source: /a, target: /b, bind: {recursive: disabled}}]", "mounts",
         [{"type": "bind", "source": "/a", "target": "/b", "bind": {"non_recursive": True}}]),
        ("volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1M, mode: 0o1777}}]", "mounts",
         [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1M", "mode": "1777"}}]),
        ("volumes: [{type: cluster, source: 'group:fast', target: /t}]", "mounts",
         [{"type": "cluster", "source": "group:fast", "target": "/t"}]),
        ("tmpfs: '/x:size=64M,noexec'", "mounts",
         [{"type": "tmpfs", "target": "/x", "tmpfs": {"size": "64M", "options": ["noexec"]}}]),
        ("healthcheck: {test: a b, interval: 1m, retries: '3'}", "healthcheck",
         {"test": "a b", "interval": "1m", "retries": 3}),
        ("healthcheck: {disable: true}", "healthcheck", {"disable": True}),
        ("dns: 1.1.1.1, dns_search: [a], dns_opt: ['ndots:1']", "dns",
         {"servers": ["1.1.1.1"], "search": ["a"], "options": ["ndots:1"]}),
        ("extra_hosts: ['a:1.2.3.4', 'b=::1']", "hosts", {"a": "1.2.3.4", "b": "::1"}),
        ("ulimits: {nofile: 7, nproc: {soft: 1, hard: 2}}", "ulimits", {"nofile": 7, "nproc": {"soft": 1, "hard": 2}}),
        ("stdin_open: true", "stdin", True),
        ("group_add: [7, a]", "groups", ["7", "a"]),
        ("deploy: {mode: replicated-job, replicas: 3}", "max_concurrent", 3),
        ("logging: {driver: none}", "logging", {"driver": "none"}),
    ],
)  # fmt: skip
def test_a_key_becomes_a_field(service: str, key: str, expected: object) -> None:
    assert web(service)[key] == expected


def test_a_service_on_the_network_of_the_host_has_no_names_there() -> None:
    found = web("networks: [outside]", "networks: {outside: {external: true, name: host}}")

    assert found["networks"] == ["host"]


def test_a_network_is_made_as_the_file_says() -> None:
    found = converted(
        """
        services: {web: {image: nginx, networks: {front: {aliases: [www], driver_opts: {a: 1}}}}}
        networks:
          front:
            driver: overlay
            attachable: true
            internal: true
            driver_opts: {encrypted: "", com.docker.network.driver.mtu: 1400}
            ipam: {config: [{subnet: 10.1.0.0/24, gateway: 10.1.0.1}]}
            labels: [a=b]
        """
    )

    assert step(found, "network", "shop_front") == {
        "name": "shop_front",
        "attachable": True,
        "internal": True,
        "encrypted": True,
        "mtu": 1400,
        "subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}],
        "labels": {"a": "b", **NAMESPACE},
    }
    assert step(found, "service", "shop_web")["networks"] == [
        {"network": "shop_front", "aliases": ["www", "web"], "options": {"a": "1"}}
    ]


def test_what_others_made_is_named_and_not_made() -> None:
    found = converted(
        """
        services: {web: {image: nginx, networks: [a, b, c], configs: [d], secrets: [e]}}
        networks: {a: {external: true}, b: {external: {name: bee}}, c: {external: true, name: sea}}
        configs: {d: {external: true}}
        secrets: {e: {external: true, name: e2}}
        """
    )

    assert [one.kind for one in found.steps] == ["service"]
    service = step(found, "service", "shop_web")
    assert [one["network"] for one in service["networks"]] == ["a", "bee", "sea"]  # type: ignore[index,call-overload,union-attr]
    assert service["configs"] == [{"source": "d", "target": "d"}]
    assert service["secrets"] == [{"source": "e2", "target": "e"}]


def test_configs_and_secrets_have_exact_names_and_paths_next_to_the_file() -> None:
    found = converted(
        "",
        order=Order(("stacks/c.yml",), "shop"),
        files={
            "stacks/c.yml": """
            services: {web: {image: nginx, configs: [{source: page, target: /p, mode: 0440, uid: '7'}]}}
            configs: {page: {file: ./p.html, template_driver: golang}, text: {content: hello, name: note}}
            secrets: {key: {environment: KEY, labels: {a: b}}}
            """
        },
    )

    assert step(found, "config", "shop_page") == {
        "name": "shop_page",
        "from": {"file": "stacks/p.html"},
        "labels": NAMESPACE,
        "extra": {"Templating": {"Name": "golang"}},
        "exact": True,
    }
    assert step(found, "config", "note")["from"] == {"text": "hello"}
    assert step(found, "secret", "shop_key") == {
        "name": "shop_key",
        "from": {"env": "KEY"},
        "labels": {"a": "b", **NAMESPACE},
        "exact": True,
    }
    assert step(found, "service", "shop_web")["configs"] == [
        {"source": "shop_page", "target": "/p", "uid": "7", "mode": "0440"}
    ]


def test_services_that_others_depend_on_come_first() -> None:
    found = converted("services: {a: {image: i, depends_on: [c]}, b: {image: i}, c: {image: i, depends_on: {b: {}}}}")

    assert [one.path[1] for one in found.steps if one.kind == "service"] == ["b", "c", "a"]


def test_services_of_profiles_are_left_out_unless_they_are_chosen() -> None:
    text = "services: {a: {image: i}, b: {image: i, profiles: [debug]}}"

    found = converted(text)
    assert [one.path[1] for one in found.steps if one.kind == "service"] == ["a"]
    assert [str(note) for note in found.notes] == [
        "c.yml:1:27: service 'b' is left out: its profile is not chosen (debug)"
    ]
    for profiles in (("debug",), ("*",)):
        chosen = converted(text, order=Order(("c.yml",), "shop", profiles=profiles))
        assert [one.path[1] for one in chosen.steps if one.kind == "service"] == ["a", "b"]


def test_the_name_of_the_stack_may_be_in_the_file() -> None:
    text = "name: its-own\nservices: {web: {image: i}}"

    assert converted(text, name=None).name == "its-own"
    assert converted(text, name="given").name == "given"
    assert said("services: {web: {image: i}}", name=None)[0].startswith("c.yml:1:1: the stack has no name")


def test_variables_come_from_the_environment_over_those_of_the_dotenv_file_next_to_it() -> None:
    files = {".env": "A=file\nB=file"}
    text = "services: {web: {image: 'i:${A}-${B}'}}"

    found = converted(text, files=files, environment={"A": "own"})
    assert step(found, "service", "shop_web")["image"] == "i:own-file"
    missing = said(text, order=Order(("c.yml",), "shop", env_files=()), files=files)
    assert [one.partition(" (")[0] for one in missing] == [
        "c.yml:1:18: variable A is not set",
        "c.yml:1:18: variable B is not set",
    ]
    assert "a default: ${A:-})" in missing[0]


def test_several_files_are_one_stack_and_each_problem_names_its_file() -> None:
    one, other = "services: {web: {image: a}}", "services: {web: {image: b, ports: ['x']}}"

    assert said(one, other)[0].startswith("c1.yml:1:28: 'services.web.ports' 'x' is not a port")


def test_the_files_of_a_service_are_below_its_own_variables() -> None:
    found = converted(
        "services: {web: {image: i, env_file: [a.env, {path: none.env, required: false}], environment: {B: 3}}}",
        files={"a.env": "A=1\nB=2\n"},
    )

    assert step(found, "service", "shop_web")["env"] == {"A": "1", "B": "3"}


@pytest.mark.parametrize(
    ("service", "rest", "expected"),
    [
        ("container_name: x", "", "container_name: ignored: tasks of a service have names of their own"),
        ("depends_on: [web2]", "", "depends_on: a swarm waits for none"),
        ("build: .", "", "build: ignored: a swarm builds nothing"),
        ("networks: [n]", "networks: {n: {driver: bridge}}", "a swarm has no bridges: made an overlay"),
        ("environment: [GONE]", "", "variable GONE is not set here, and the tasks of service 'web' get none"),
        ("restart: 'no'", "", "restart: ignored: a swarm replaces tasks"),
        ("restart: always, deploy: {restart_policy: {}}", "", "restart: ignored: deploy.restart_policy goes before"),
        ("scale: 2, deploy: {replicas: 1}", "", "scale: ignored: deploy.replicas goes before"),
        ("networks: {n: {ipv4_address: 10.0.0.9}}", "networks: {n: }", "ipv4_address: ignored: the tasks of a service"),
        ("init: true", "volumes: {v: }", "volume 'v': no service mounts it"),
        ("init: true", "networks: {n: }", "network 'n' is not made: no service is on it"),
    ],
)
def test_what_is_ignored_is_named_with_its_line(service: str, rest: str, expected: str) -> None:
    found = converted(f"services:\n  web2: {{image: i}}\n  web: {{image: i, {service}}}\n{rest}")

    assert [str(note) for note in found.notes if expected in str(note)]
    assert all(note.line for note in found.notes)


@pytest.mark.parametrize(
    ("service", "rest", "expected"),
    [
        ("network_mode: 'service:db'", "", "c.yml:2:23: network_mode: refused (for the network of the host write"),
        ("mem_limit: 64M", "", "mem_limit: refused (write it under deploy.resources.limits.memory)"),
        ("extends: {service: x}", "", "extends: refused (use YAML anchors"),
        ("imagine: x", "", "c.yml:2:9: unknown key 'imagine' (did you mean 'image'?)"),
        ("deploy: {replica: 2}", "", "unknown key 'replica' (did you mean 'replicas'?)"),
        ("ports: ['127.0.0.1:80:80']", "", "names an address, and a swarm publishes on all addresses"),
        ("ports: [{target: 80, host_ip: 1.2.3.4}]", "", "host_ip: refused (a swarm publishes on all addresses"),
        ("ports: ['8000-8009:80']", "", "both ranges must have as many ports"),
        ("networks: [missing]", "networks: {missin: }", "network 'missing' is not declared under 'networks'"),
        ("configs: [c]", "", "config 'c' is not declared under 'configs' at the top of the file"),
        ("secrets: [{source: c}]", "", "secret 'c' is not declared"),
        ("depends_on: [db]", "", "service 'web' depends on 'db', which the file does not have"),
        ("depends_on: [web]", "", "services depend on each other in a circle: web -> web"),
        ("deploy: {mode: sometimes}", "", "'services.web.deploy.mode' must be"),
        ("stop_grace_period: soon", "", "'soon' is not a duration"),
        ("deploy: {resources: {limits: {memory: much}}}", "", "'much' is not a size"),
        ("init: maybe", "", "must be true or false"),
        ('command: "sh -c \'x"', "", "cannot be split into words"),
        ("init: true", "configs: {c: {}}", "needs exactly one of file, environment, content, or 'external: true'"),
        ("init: true", "configs: {c: {file: x, external: true}}", "file: config 'c' is external, so others made it"),
        ("init: true", "secrets: {c: {content: x}}", "content: refused (write it to a file"),
        ("init: true", "include: [x.yml]", "include: refused (give several files to the step instead"),
        ("volumes: ['./data:/data']", "", "./data: a relative path is one of this machine (engines see"),
        ("volumes: ['~/data:/data']", "", "~/data: a relative path is one of this machine"),
        ("volumes: [{type: bind, source: /a, target: /b, volume: {nocopy: true}}]", "", "options of a volume, and the"),
        ("init: true", "networks: {n: {external: true, driver: x}}", "driver: network 'n' is external, so others"),
        ("volumes: ['data:/data']", "", "volume 'data' is not declared under 'volumes'"),
        (
            "volumes: [{type: image, source: i, target: /t}]",
            "",
            "c.yml:2:3: mount on '/t': engines give no task a mount",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(service: str, rest: str, expected: str) -> None:
    found = said(f"services:\n  web: {{image: nginx, {service}}}\n{rest}".replace("image: nginx, imagine", "imagine"))

    assert any(expected in one for one in found), found
    assert all(one.startswith("c.yml:") for one in found)


def test_a_service_without_an_image_hears_about_its_build() -> None:
    assert said("services:\n  web:\n    build: ./web") == [
        (
            "c.yml:3:5: service 'web' has no image, only 'build' (a swarm builds nothing: run 'docker build' and"
            " 'docker push', and write 'image: REGISTRY/NAME:TAG')"
        )
    ]
    assert "service 'web' has no image (write 'image: NAME:TAG')" in said("services: {web: {}}")[0]


def test_two_services_that_publish_one_port_are_refused_at_the_second() -> None:
    text = """
        services:
          a: {image: i, ports: ['80:80']}
          b:
            image: i
            ports:
              - 81:80
              - 80:81
        """

    assert said(text) == [
        "c.yml:7:9: port 80/tcp is published by service 'a', too (publish another port, or put both behind one proxy)"
    ]


def test_every_circle_and_every_problem_is_shown_at_once() -> None:
    found = said("services: {a: {image: i, depends_on: [b]}, b: {image: i, depends_on: [a], networks: [x]}, c: {}}")

    assert len(found) == 3


def test_a_problem_that_only_a_step_finds_has_the_line_of_the_stack_file() -> None:
    found = said("services:\n  web:\n    image: i\n    deploy: {resources: {limits: {memory: 1M}}}")

    assert found[0].startswith("c.yml:4:")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DocumentError, match=r"c\.yml:1:39: no such file: none\.env"):
        converted("services: {web: {image: i, env_file: [none.env]}}")
