"""What a plan says of a service's mounts, variables, platforms and limits next to what is on the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.service import ServiceSpec
from swarmnet.model.state import ClusterState, CommandResult
from swarmnet.model.volume import Volume, VolumeSpec
from swarmnet.operations.playbook import needs, programs
from swarmnet.operations.service.mounted import MISSING
from swarmnet.parse.env_files import with_env_files
from swarmnet.plan.build import build
from tests.operations.service.test_service import HOSTS, holding, step, web
from tests.simulator import World
from tests.support.plans import book, plan, refusal
from tests.support.simulated_state import seen

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory


def _warnings(steps: str, state: ClusterState | None = None, hosts: Inventory = HOSTS) -> list[str]:
    made = plan(steps, state or holding(), hosts)
    return [one.removeprefix("p.yml:4:3: service web: ") for one in made.warnings]


# ------------------------------------------------------------- volumes and paths


def test_a_local_volume_of_a_service_that_may_move_is_named_with_the_nodes() -> None:
    (said,) = _warnings(step(mounts="['data:/data']"))
    assert said == (
        "volume data is local to a node and 2 nodes may run its tasks (m1, w1): a task that moves finds it empty; pin"
        " it, such as 'constraints: [node.hostname == m1]', or name a driver that shares volumes"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"mounts": "['data:/data']", "constraints": "[node.hostname == m1]"},
        {"mounts": "['data:/data']", "mode": "global"},
        {"mounts": "[{source: data, target: /data, volume: {driver: shared}}]"},
        {"mounts": "[{source: data, target: /data, volume: {options: {type: nfs, device: ':/d', o: addr=10.0.0.9}}}]"},
        {"mounts": "['/data']"},
        {"mounts": "['tmpfs:/data']"},
    ],
)
def test_data_that_no_task_loses_is_not_warned_of(fields: dict[str, str]) -> None:
    assert _warnings(step(**fields)) == []


def test_a_volume_that_exists_with_options_is_shared_by_them() -> None:
    shared = Volume(spec=VolumeSpec(name="data", options={"type": "nfs"}))
    state = holding()
    hosts = tuple(facts.model_copy(update={"volumes": (shared,)}) for facts in state.hosts)

    assert _warnings(step(mounts="['data:/data']"), state.model_copy(update={"hosts": hosts})) == []


def _answered(steps: str, **codes: int) -> ClusterState:
    asked = {need.host: need for need in needs(book(steps), HOSTS)}
    answers = tuple(CommandResult(host=host, argv=asked[host].argv, exit_code=code) for host, code in codes.items())
    return holding().model_copy(update={"answers": answers})


def test_a_path_that_is_missing_where_a_task_may_run_is_named_with_its_hosts() -> None:
    steps = step(mounts="['/srv/a:/a', '/srv/b:/b']")
    said = (
        "there is no /srv/b on w1, and engines refuse tasks there: make it, or keep the service off with a constraint"
    )

    assert _warnings(steps, _answered(steps, m1=0, w1=MISSING + 2)) == [said]


@pytest.mark.parametrize("code", [1, 126, 127, 255])
def test_a_host_that_cannot_say_is_not_warned_of(code: int) -> None:
    steps = step(mounts="['/srv/a:/a']")
    assert _warnings(steps, _answered(steps, m1=code, w1=code)) == []


def test_a_path_that_is_missing_only_where_no_task_may_run_is_not_named() -> None:
    steps = step(mounts="['/srv/a:/a']", constraints="[node.hostname == m1]")
    assert _warnings(steps, _answered(steps, m1=0, w1=MISSING + 1)) == []


def test_hosts_are_not_asked_for_what_each_of_them_has() -> None:
    steps = step(mounts="['/proc:/p:ro', '/var/run/docker.sock:/s', '/:/host:ro', 'data:/d', '/run:/r']")
    assert needs(book(steps), HOSTS) == ()


def test_the_question_needs_no_permission_to_run_programs() -> None:
    playbook = book(step(mounts="['/srv/a:/a']"))
    assert programs(playbook, needs(playbook, HOSTS)) == ()


def test_hosts_themselves_say_which_path_is_missing(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("a folder'$x")
    world = World(inventory=HOSTS)
    quoted = str(folder).replace("'", "''")
    playbook = book(
        f"- swarm: {{}}\n- service: {{name: web, image: 'i:1', mounts: ['{quoted}:/a', '{quoted}/none/b:/b']}}"
    )
    state = seen(world, playbook)

    codes = {state.exit_code(need.host, need.argv) for need in needs(playbook, HOSTS)}
    assert codes == {MISSING + 2}


# ------------------------------------------------------------- variables


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("api_token", "abc"),
        ("AWS_SECRET_ACCESS_KEY", "abc"),
        ("APIKEY", "abc"),
        ("DSN", "postgres://me:pw@db.example/x"),
    ],
)
def test_a_value_that_looks_secret_is_named_and_never_shown(name: str, value: str) -> None:
    said = _warnings(step(env=f"{{{name}: '{value}'}}"))

    assert said == [
        f"anyone who may look at services reads {name} in clear: use a secret, which its tasks read from a file"
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD_FILE", "/run/secrets/pw"),
        ("DB_PASSWORD", "/run/secrets/pw"),
        ("TOKEN", "{{.Task.ID}}"),
        ("ALLOW_EMPTY_PASSWORD", "yes"),
        ("TOKENS", "5"),
        ("SECRETARY", "anna"),
        ("DSN", "postgres://me@db.example/x"),
    ],
)
def test_files_settings_and_templates_are_not_taken_for_secrets(name: str, value: str) -> None:
    assert _warnings(step(env=f"{{{name}: '{value}'}}")) == []


def test_values_of_env_files_count_as_well() -> None:
    playbook = with_env_files(book(step(env_file="a.env")), lambda _path: b"PGPASSWORD=x9\nDB_TOKEN=v8\n", {})
    assert [one for one in build(playbook, holding(), HOSTS).warnings if "DB_TOKEN" in one]


def test_a_url_whose_host_no_network_knows_is_named_with_what_is_there() -> None:
    db = ServiceSpec.model_validate(
        {"name": "db", "image": "i", "networks": [{"network": "front", "aliases": ["sql"]}]}
    )
    (said,) = _warnings(step(networks="[front]", env="{DATABASE_URL: 'postgres://me@postgres:5432/x'}"), holding(db))

    assert said == (
        "DATABASE_URL names host 'postgres', and no service is called so on its networks (front); those that are there:"
        " db, sql"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgres://db:5432/x",
        "postgresql+psycopg2://SQL/x",
        "jdbc:postgresql://db:5432/x",
        "mongodb://db:27017,sql:27017/x",
        "http://localhost:80",
        "http://web/",
        "http://m1:9000",
        "http://api.example.org/",
        "http://10.0.0.1/",
        "http://later/",
        "http://nick/",
        "s3://bucket/x",
        "not a url",
    ],
)
def test_hosts_that_can_be_known_are_not_warned_of(url: str) -> None:
    db = ServiceSpec.model_validate(
        {"name": "db", "image": "i", "networks": [{"network": "front", "aliases": ["sql"]}]}
    )
    steps = step(networks="[front]", env=f"{{A_URL: '{url}'}}")
    later = "\n- service: {name: later, image: 'i:1', networks: [{network: front, aliases: [nick]}]}"

    assert _warnings(steps + later, holding(db)) == []


def test_a_service_that_is_on_another_network_is_out_of_reach() -> None:
    db = ServiceSpec.model_validate({"name": "db", "image": "i", "networks": [{"network": "back"}]})
    (said,) = _warnings(step(networks="[front]", env="{DB: 'redis://db'}"), holding(db))
    assert said.startswith("DB names host 'db', and no service is called so on its networks (front)")


# ------------------------------------------------------------- platforms and limits


def test_an_image_for_machines_that_no_node_is_leaves_tasks_waiting() -> None:
    state = holding()
    nodes = tuple(node.model_copy(update={"platform": "linux/x86_64"}) for node in state.nodes)
    state = state.model_copy(update={"nodes": nodes})
    (said,) = _warnings(step(platforms="[linux/arm64]"), state)

    assert said.startswith(
        "its image is for linux/arm64, and no node that may run it is of that kind (m1: linux/x86_64"
    )
    assert _warnings(step(platforms="[linux/arm64, linux/amd64]"), state) == []


def test_a_limit_of_swap_needs_one_of_memory() -> None:
    hosts = HOSTS
    state = holding()
    assert "'swap' means nothing without 'memory'" in refusal(step(limits="{swap: 64M}"), state, hosts)
    before = holding(web(limits={"memory": 64 * 2**20}))
    assert "means nothing" not in refusal(step(limits="{swap: 64M}"), before, hosts)
