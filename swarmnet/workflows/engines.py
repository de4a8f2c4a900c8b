"""Install and replace engines: the same way as apply, with a look at the packages of the hosts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from swarmnet.plan.engines import installed, upgraded
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import Look
from swarmnet.workflows.fleet.packages import packages_of

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import ApplyReport
    from swarmnet.plan.engines import EngineWish
    from swarmnet.workflows.apply import Terms


def engine_goal(wish: EngineWish, inventory: Inventory, *, allow_down: frozenset[str] = frozenset()) -> Goal:
    """Return where the run leads to. An engine is installed also where no manager answers: it may be a manager's."""
    verb, planner = ("install", installed) if wish.asked.installs else ("upgrade", upgraded)
    return Goal(
        make_plan=partial(planner, wish, inventory=inventory),
        look=Look(
            hosts=wish.asked.hosts,
            packages=partial(packages_of, asked=wish.asked),
            without_engines=wish.asked.installs,
        ),
        permissions=Permissions(allow_missing=True, allow_down=allow_down),
        command=f"engine {verb}",
        headless=wish.asked.installs,
    )


def change_engines(ports: Ports, goal: Goal, terms: Terms) -> ApplyReport:
    """Reach the goal; of the hosts that did not answer, only those that were to be changed are in the report.

    Interrupted anywhere, the same call does the rest.

    Raises:
        RefusedError: the plan is refused (``plan.engines``).
    """
    report = apply(ports, goal, terms)
    wanted = goal.look.hosts or frozenset()
    return report.model_copy(update={"failures": tuple(one for one in report.failures if one.host in wanted)})
