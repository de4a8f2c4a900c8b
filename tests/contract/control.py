"""What holds for tokens, certificates and the output of tasks on every engine; a part of the one suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import EngineError
from swarmnet.model.base import Secret
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Role
from swarmnet.model.service import ServiceMode
from swarmnet.model.swarm import ConfigSpec, NewSecret, Rotation, SecretSpec

if TYPE_CHECKING:
    from swarmnet.model.log import LogEntry
    from tests.contract.suite import Cluster


class ControlContract:
    """The rules, one a test."""

    def test_each_line_that_tasks_print_has_its_task_its_node_and_its_time(self, cluster: Cluster) -> None:
        made = cluster.make_service("says", command=("echo", "first word"), mode=ServiceMode.REPLICATED_JOB, replicas=2)

        def look() -> tuple[tuple[LogEntry, ...] | None, str]:
            found = cluster.manager.service_log(made.id)
            return (found if len(found) == 2 else None), f"{len(found)} lines"

        lines = wait_until(cluster.clock, look, what="two lines", timeout=180)
        tasks = {task.id: task.node_id for task in cluster.manager.tasks(service="says")}
        assert {one.text for one in lines} == {"first word"}
        assert {one.task_id: one.node_id for one in lines} == tasks
        assert [one.at for one in lines] == sorted(one.at for one in lines)
        assert cluster.manager.service_log(made.id, since=lines[-1].at) == lines[1:]
        cluster.manager.services.remove(made.id)

    def test_secrets_have_less_than_500_kib_and_configs_less_than_1000(self, cluster: Cluster) -> None:
        configs, secrets = cluster.manager.configs, cluster.manager.secrets
        config, secret = 1000 * 1024, 500 * 1024
        configs.remove(configs.create(ConfigSpec(name="large", data=b"x" * (config - 1))))
        with pytest.raises(EngineError, match=f"larger than 0 and less than {config} bytes"):
            configs.create(ConfigSpec(name="large", data=b"x" * config))
        secrets.remove(secrets.create(NewSecret(SecretSpec(name="large"), Secret("x" * (secret - 1)))))
        with pytest.raises(EngineError, match=f"larger than 0 and less than {secret} bytes"):
            secrets.create(NewSecret(SecretSpec(name="large"), Secret("x" * secret)))

    def test_both_tokens_are_replaced_at_once_and_nothing_else(self, cluster: Cluster) -> None:
        before = {role: cluster.manager.join_token(role) for role in Role}
        spec, root = cluster.manager.swarm().spec, cluster.manager.swarm().ca_digest
        cluster.manager.rotate(Rotation.TOKENS)
        after = {role: cluster.manager.join_token(role) for role in Role}
        assert all(before[role] != after[role] for role in Role)
        assert (cluster.manager.swarm().spec, cluster.manager.swarm().ca_digest) == (spec, root)

    def test_every_node_reports_the_trust_root_of_the_swarm_also_when_it_was_replaced(self, cluster: Cluster) -> None:
        before = _trusted(cluster)
        cluster.manager.rotate(Rotation.CA)
        after = _trusted(cluster, instead_of=before)
        assert len(after) == len(before)
        assert after != before


def _trusted(cluster: Cluster, *, instead_of: str = "") -> str:
    """Wait until all nodes report the swarm's trust root, another one than ``instead_of``; return its digest."""

    def look() -> tuple[str | None, str]:
        root = cluster.manager.swarm().ca_digest
        seen = {node.ca_digest for node in cluster.manager.nodes.list()}
        return (root if seen == {root} and root != instead_of else None), f"{root}, {sorted(seen)}"

    return wait_until(cluster.clock, look, what="one trust root", timeout=180)
