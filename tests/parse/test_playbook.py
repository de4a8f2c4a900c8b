from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.errors import DocumentError, UsageError
from swarmnet.operations import BY_NAME
from swarmnet.operations.content.names import secret_name
from swarmnet.operations.content.secret import SecretOperation
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.playbook import Playbook, needs, with_contents
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.parse.playbook import parse_playbook, parse_variables
from tests.support.clusters import inventory, swarm
from tests.support.plans import plan
from tests.test_playbooks import VALUES
from tests.test_playbooks import inventory as of_examples

HOSTS = inventory()
SERVICE_KEYS = sorted(set(ServiceOperation.model_fields))
SHIPPED = sorted((Path(__file__).parents[2] / "playbooks").glob("*.yml"))


def parse(text: str, **options: object) -> Playbook:
    return parse_playbook(dedent(text).lstrip("\n").encode(), "p.yml", **options)  # type: ignore[arg-type]


def problems(text: str, **options: object) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        parse(text, **options)
    return [str(replace(problem, column=None)) for problem in caught.value.problems]


def steps(body: str, head: str = "") -> str:
    return f"schema: 1\nname: t\n{head}steps:\n{dedent(body).strip()}\n"


def network(playbook: Playbook, index: int = 0) -> NetworkOperation:
    operation = playbook.steps[index].operation
    assert isinstance(operation, NetworkOperation)
    return operation


def service(playbook: Playbook, index: int = 0) -> ServiceOperation:
    operation = playbook.steps[index].operation
    assert isinstance(operation, ServiceOperation)
    return operation


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_playbook_is_read_with_its_contents(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    parsed = parse_playbook(path.read_bytes(), str(path), inventory=of_examples())
    playbook = with_contents(parsed, LocalContents())
    assert playbook.steps


def test_every_problem_is_reported_at_once_each_with_its_line() -> None:
    assert problems("""
        schema: 1
        name: t
        steps:
          - network: {name: front, atachable: true}
          - network:
              name: a.b
              mtu: fast
          - netwrk: {name: x}
          - service: {name: web}
          - service: {name: web, image: w, colours: ["/a:/b"]}
        """) == [
        "p.yml:4: unknown key 'atachable' (did you mean 'attachable'?)",
        "p.yml:7: 'steps.2.network.mtu' must be a whole number",
        f"p.yml:8: unknown operation 'netwrk' (known: {', '.join(BY_NAME)})",
        "p.yml:9: key 'image' is missing",
        (
            f"p.yml:10: unknown key 'colours' (known: {', '.join(SERVICE_KEYS[:50])} and {len(SERVICE_KEYS) - 50} more;"
            " anything else that engines know goes under 'extra')"
        ),
    ]


@pytest.mark.parametrize(
    ("step", "variables", "words"),
    [
        ("- config: {name: a b, from: {env: HOME}}\n", "", "must hold only letters, digits, '_', '.' and '-'"),
        ("- secret: {name: -a, from: {env: HOME}}\n", "", "and begin and end with a letter or digit"),
        ("- swarm: {}\n", "vars: {a b: x}\n", "'vars.a b' must hold only letters, digits and '_'"),
    ],
)
def test_e7_a_name_that_is_none_is_reported_in_words(step: str, variables: str, words: str) -> None:
    (problem,) = problems(steps(step, variables))
    assert words in problem


def test_e7_a_file_that_is_missing_is_reported_from_one_that_is_none(tmp_path: Path) -> None:
    for name, words in (("nope", "no such file: "), (".", "is not a regular file")):
        book = f"schema: 1\nname: x\nsteps:\n  - config: {{name: a, from: {{file: {tmp_path}/{name}}}}}\n"
        with pytest.raises(DocumentError, match=words):
            with_contents(parse_playbook(book.encode(), "p.yml"), LocalContents())


def test_mounts_may_be_written_as_the_engine_has_them() -> None:
    mounts = "extra: {TaskTemplate: {ContainerSpec: {Mounts: [{Type: volume, Source: a, Target: /b}]}}}"
    (action,) = plan(f"- service: {{name: web, image: 'w:1', {mounts}}}", swarm(HOSTS), HOSTS).actions
    assert "mounts=(Mount(target='/b'" in str(action)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("network: {name: a.b}", "network name 'a.b' is not a DNS label"),
        ("network: {name: host}", "is reserved by the engine"),
        ("network: {name: n, options: {encrypted: false}}", "encrypts whatever its value"),
        ("network: {name: n, driver: bridge, encrypted: true}", "a bridge cannot be encrypted"),
        ("network: {name: n, mtu: 100}", "mtu 100 is too small"),
        ("network: {name: n, subnets: [{subnet: 10.1.0.5/24}]}", "has host bits set"),
        ("network: {name: n, subnets: [10.1.0.5/24]}", "has host bits set"),
        ("network: {name: n, subnets: [{subnet: 10.1.0.0/16}, {subnet: 10.1.2.0/24}]}", "overlap each other"),
        ("network: {name: n, subnets: [{subnet: 10.1.0.0/24, gateway: 10.2.0.1}]}", "is outside of subnet"),
        ("network: {name: n, subnets: [{subnet: 10.1.0.0/24, gateway: 10.1.0.0}]}", "network or broadcast address"),
        ("network: {name: n, subnets: [{subnet: 10.1.0.0/24, ip_range: 10.2.0.0/25}]}", "is outside of subnet"),
        (
            "network: {name: n, subnets: [{subnet: 10.1.0.0/24, aux_addresses: {a: 10.1.0.9}}]}",
            "silently drop aux_addresses",
        ),
        ("network: {name: n, subnets: [{subnet: 'fd00::/64'}]}", "write 'ipv6: true'"),
        (
            "service: {name: s, image: 'a:1', endpoint_mode: dnsrr, ports: ['80:80']}",
            "dnsrr has no address",
        ),
        ("service: {name: s, image: 'a:1', mode: global, replicas: 2}", "'replicas' means nothing"),
        ("service: {name: s, image: 'a:1', ports: ['80:80', '80:81']}", "port 80/tcp is published twice"),
        ("service: {name: s, image: 'a:1', ports: ['99999:80']}", "must be at most 65535"),
        ("service: {name: s, image: 'a:1', ports: ['web']}", "is not a port"),
        ("service: {name: s, image: 'a:1', constraints: ['zone=a']}", "is not of the form KEY == VALUE"),
        ("service: {name: s, image: 'a:1', constraints: ['node.lables.zone==a']}", "unknown key"),
        ("service: {name: s, image: 'a:1', command: 'sleep 5'}", "no shell splits a text"),
        ("service: {name: s, image: 'a:1', stop_grace_period: soon}", "is not a duration"),
        ("service: {name: s, image: 'a:1', limits: {memory: much}}", "is not a size"),
        ("service: {name: S s, image: 'A b'}", "is not an image reference"),
        ("config: {name: c, from: {file: a, env: b}}", "exactly one of file, env, command"),
        ("command: {argv: []}", "needs entries, at least 1"),
        ("node: {labels: {a: 1}, remove_labels: [a]}", "both set and removed"),
    ],
)
def test_what_cannot_be_is_refused_before_any_host_is_asked(step: str, text: str) -> None:
    found = problems(steps(f"- {step}"))
    assert any(text in one for one in found), found
    assert all(one.startswith("p.yml:4: ") for one in found)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02", "not a text file"),
        (b"\xff\xfe\xfd", "not UTF-8"),
        (b"#" * 10_000_000, "too large"),
        (b"schema: 2\nname: t\nsteps: []\n", "schema 2 is not known"),
        (b"name: t\nsteps: [{swarm: {}}]\n", "key 'schema' is missing"),
        (b"schema: 1\nname: t\nsteps: []\n", "there are no steps"),
        (b"schema: 1\nname: t\nsteps: [{}]\n", "the step has no operation"),
        (b"schema: 1\nname: t\nsteps: [{swarm: {}, node: {}}]\n", "a step has exactly one operation"),
    ],
)
def test_a_file_that_is_not_a_playbook_is_refused(content: bytes, text: str) -> None:
    with pytest.raises(DocumentError, match=text):
        parse_playbook(content, "p.yml")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_reader(content: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_playbook(content, "p.yml")


def test_two_steps_that_make_the_same_are_an_error_whatever_the_case() -> None:
    found = problems(steps("- network: {name: net}\n- network: {name: Net}"))
    assert found == ["p.yml:5: network 'Net' is defined twice; the first time on line 4"]


def test_a_reference_alone_keeps_its_type() -> None:
    playbook = parse(steps("- network: {name: n, mtu: '${m}'}", "vars: {m: 1400}\n"))
    assert network(playbook).mtu == 1400


def test_a_reference_within_text_becomes_text() -> None:
    playbook = parse(steps("- network: {name: 'n${i}', labels: {a: '${yes}'}}", "vars: {i: 7, yes: true}\n"))
    assert (network(playbook).name, network(playbook).labels) == ("n7", {"a": "true"})


def test_two_dollars_stand_for_one() -> None:
    playbook = parse(steps("- network: {name: n, labels: {a: 'x$${b}'}}"))
    assert network(playbook).labels == {"a": "x${b}"}


def test_for_makes_one_step_of_each_item() -> None:
    text = steps(
        "- network: {name: '${item.name}', internal: '${item.closed}'}\n  for: ${nets}",
        "vars: {nets: [{name: a, closed: true}, {name: b, closed: false}]}\n",
    )
    playbook = parse(text)
    assert [(network(playbook, n).name, network(playbook, n).internal) for n in (0, 1)] == [("a", True), ("b", False)]


def test_a_variable_of_the_command_line_wins() -> None:
    text = steps("- network: {name: '${n}'}", "vars: {n: a}\n")
    assert network(parse(text, variables=parse_variables(["n=b"]))).name == "b"


def test_a_variable_that_the_playbook_does_not_have_is_refused() -> None:
    text = steps("- network: {name: n}", "vars: {name: a}\n")
    assert problems(text, variables={"nmae": "b"}) == [
        "p.yml:3: --var nmae: the playbook has no such variable (did you mean 'name'?)"
    ]


def test_variables_of_the_command_line_have_the_types_of_json() -> None:
    assert parse_variables(["a=1", "b=true", 'c=["x"]', "d=10.0.0.0/8", "e="]) == {
        "a": 1,
        "b": True,
        "c": ["x"],
        "d": "10.0.0.0/8",
        "e": "",
    }
    with pytest.raises(UsageError, match="has no name or no '='"):
        parse_variables(["a"])


@pytest.mark.parametrize(
    ("value", "words"),
    [('"a\\u0000b"', "text cannot contain zero characters"), ("\udcff", "is not UTF-8 text")],
)
def test_l12_a_variable_of_the_command_line_is_text(value: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"--var v: .*{words}"):
        parse_variables([f"v={value}"])


@pytest.mark.parametrize("value", ["1e999", "NaN", "-Infinity", "9" * 5000, "[" * 100_000])
def test_m9_a_value_that_is_not_readable_json_stays_text(value: str) -> None:
    assert parse_variables([f"v={value}"]) == {"v": value}


def test_the_environment_is_an_argument() -> None:
    text = steps("- network: {name: '${env:NET}'}")
    assert network(parse(text, environment={"NET": "blue"})).name == "blue"
    assert problems(text)[0] == "p.yml:4: environment variable 'NET' is not set (export NET=... and try again)"


def test_an_undefined_variable_is_reported_with_the_nearest_one() -> None:
    text = steps("- network: {name: '${nme}'}", "vars: {nmo: x}\n")
    assert problems(text)[0] == "p.yml:5: ${nme} is not defined (did you mean 'nmo'?)"


def test_friendly_forms_of_a_service_are_understood() -> None:
    spec = service(
        parse(
            steps("""
        - service:
            name: s
            image: a:1
            env: [A=1, B=x=y]
            ports: [80, "8080:80/udp", "9000:90/tcp@host", {target: 5, published: 6}]
            networks: [front, {name: back, aliases: [b]}]
            limits: {cpus: 0.5, memory: 64M}
            update: {delay: 1m30s}
            configs: [app.conf, {source: x, target: /y, mode: "0400"}]
            secrets: [pw]
        """)
        )
    ).written
    assert spec.env == {"A": "1", "B": "x=y"}
    assert [(p.published, p.target, p.protocol, p.mode) for p in spec.ports or ()] == [
        (None, 80, "tcp", "ingress"),
        (8080, 80, "udp", "ingress"),
        (9000, 90, "tcp", "host"),
        (6, 5, "tcp", "ingress"),
    ]
    assert [(one.network, one.aliases) for one in spec.networks or ()] == [("front", None), ("back", ("b",))]
    assert spec.limits is not None
    assert spec.limits.memory == 64 * 1024 * 1024
    assert spec.update is not None
    assert spec.update.delay == 90.0
    assert [(one.source, one.target, one.mode) for one in spec.configs or ()] == [
        ("app.conf", "/app.conf", 0o444),
        ("x", "/y", 0o400),
    ]
    assert [one.target for one in spec.secrets or ()] == ["pw"]


def test_contents_come_from_file_environment_and_command(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"from a file")
    text = steps("""
        - config: {name: a, from: {file: a}}
        - config: {name: b, from: {env: WORD}}
        - secret: {name: c, from: {command: [sh, -c, "echo hid | tr -d h; echo den"]}}
        """)
    playbook = parse_playbook(text.encode(), str(tmp_path / "p.yml"))
    read = with_contents(playbook, LocalContents({"WORD": "from the environment"} | dict(os.environ)))
    assert all(step.operation.unread() is None for step in read.steps)
    secret = read.steps[2].operation
    assert isinstance(secret, SecretOperation)
    assert secret.objects() == {("secret", "c"): secret_name("c", b"id\nden\n")}
    assert "id\\nden" not in repr(read) + read.model_dump_json()


def test_contents_that_cannot_be_read_are_reported_with_their_lines(tmp_path: Path) -> None:
    text = steps("""
        - config: {name: a, from: {file: missing}}
        - secret: {name: b, from: {env: UNSET_WORD}}
        - secret: {name: c, from: {command: ["false"]}}
        """)
    with pytest.raises(DocumentError) as caught:
        with_contents(parse_playbook(text.encode(), str(tmp_path / "p.yml")), LocalContents({}))
    assert [problem.line for problem in caught.value.problems] == [4, 5, 6]


def test_unless_is_asked_on_every_selected_host() -> None:
    playbook = parse(steps("- command: {argv: [touch, /x], unless: [test, -e, /x]}\n  on: [w1, m1]"))
    assert [(need.host, need.argv) for need in needs(playbook, inventory())] == [
        ("m1", ("test", "-e", "/x")),
        ("w1", ("test", "-e", "/x")),
    ]


def test_a_step_for_hosts_that_are_not_there_is_reported_with_its_line() -> None:
    playbook = parse(steps("- node: {labels: {a: b}}\n  on: w9"))
    with pytest.raises(DocumentError, match=r"p\.yml:4:3: 'w9' selects no host"):
        needs(playbook, inventory())


def test_l12_an_environment_variable_that_is_not_text_is_named() -> None:
    text = steps("- network: {name: n, labels: {a: 'x${env:RAW}y'}}")
    raw = b"ab\xffcdef".decode("utf-8", "surrogateescape")

    with pytest.raises(DocumentError, match="environment variable 'RAW' is not UTF-8 text"):
        parse(text, environment={"RAW": raw})
