"""``swarmnet reset``: leave the swarm, and remove what swarmnet made."""

from __future__ import annotations

from functools import partial

from swarmnet.cli import wiring
from swarmnet.cli.apply import WaitOption, show_report
from swarmnet.cli.options import InventoryOption, JsonOption, VerboseOption, YesOption  # noqa: TC001 - read by typer
from swarmnet.cli.planning import MissingOption  # noqa: TC001 - as above


def command(
    inventory: InventoryOption,
    allow_missing: MissingOption = False,
    lock_wait: WaitOption = 0.0,
    yes: YesOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take the swarm apart: services, workers, managers, the leader last. What it holds is lost; back it up before."""
    from swarmnet.cli.consent import AtTerminal  # noqa: PLC0415 - commands load what they need
    from swarmnet.plan.guard import Permissions  # noqa: PLC0415 - as above
    from swarmnet.plan.reset import reset  # noqa: PLC0415 - as above
    from swarmnet.workflows.apply import Goal, Terms, apply  # noqa: PLC0415 - as above
    from swarmnet.workflows.observe import Look  # noqa: PLC0415 - as above

    hosts = wiring.read_inventory(inventory)
    goal = Goal(
        make_plan=partial(reset, inventory=hosts),
        look=Look(),
        permissions=Permissions(allow_missing=allow_missing, dissolve=True),
        command="reset",
    )
    consent = AtTerminal(yes=yes, on_stderr=as_json)
    with wiring.connected(hosts, verbose=verbose) as ports:
        operator, stop = wiring.this_operator(), wiring.Interruption()
        report = apply(ports, goal, Terms(consent=consent, operator=operator, stop=stop, lock_wait=lock_wait))
    show_report(report, as_json=as_json)
