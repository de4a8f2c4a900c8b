"""The law of restores: what a restore does not list as left out is as the backup has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import Phase, assume, given, settings

from swarmnet.errors import RefusedError
from swarmnet.model.report import Status
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.workflows.backup import compare
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.restore import Restore, run
from tests.simulator import World
from tests.support.any_cluster import HOSTS, LOCAL_NAMES, SWARM_NAMES, clusters
from tests.support.backups import CREATED
from tests.support.goals import Yes, terms

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.restore_report import RestoreReport

QUICK = settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""Without shrinking, which takes minutes where each example is two clusters."""


def backup_of(world: World) -> BackupDocument:
    state = observe(world.ports(), Look(containers=True))
    return document(state, cluster="shop", backup_id="ab" * 16, created=CREATED, tool="t")


def restored_on(found: BackupDocument, world: World) -> RestoreReport:
    restore = Restore(found, HOSTS, Choices(mapping={}, secrets={}))
    allowed = Permissions(replace=frozenset({"web", *SWARM_NAMES, *LOCAL_NAMES}))
    report = run(world.ports(), restore, terms(consent=Yes()), permissions=allowed, prove=lambda _state: Status.OK)
    world.settle()
    return report


def check_differences(found: BackupDocument, world: World, report: RestoreReport) -> None:
    assert report.failed == ()
    differences = compare(found, observe(world.ports(), Look(containers=True))).differences
    assert {one.object.lower() for one in differences} == {skip.what.lower() for skip in report.skips}
    assert report.exit_code == (15 if report.skips else 0)


@QUICK
@given(clusters())
def test_a_restore_onto_fresh_hosts_without_skips_leaves_no_drift(lost: World) -> None:
    found, fresh = backup_of(lost), World(inventory=HOSTS)
    report = restored_on(found, fresh)
    check_differences(found, fresh, report)
    assert report.skips == ()


@QUICK
@given(clusters(), clusters())
def test_what_differs_after_a_restore_onto_another_cluster_is_just_what_it_lists(lost: World, there: World) -> None:
    found = backup_of(lost)
    try:
        report = restored_on(found, there)
    except RefusedError as error:
        assume("in the way" not in str(error.hint))  # of what the backup has: nothing was changed
        raise
    check_differences(found, there, report)
