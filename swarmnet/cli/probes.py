"""The probes of this process: what they run in, and whose they are."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.lock import Operator
    from swarmnet.model.verification import ProbeKit
    from swarmnet.verify.probes.run import Run


def probe_kit(image: str | None, archive: Path | None) -> ProbeKit:
    """Return the probe's image: the named one, the archive's, or one packed from this machine's Python."""
    from swarmnet.edge.operator.probe_image import from_archive, from_reference, packed

    if image and archive:
        raise UsageError("--probe-image and --probe-archive cannot be combined", hint="give one of them")
    if image:
        return from_reference(image)
    return from_archive(archive) if archive else packed()


def this_run(me: Operator) -> Run:
    """Return a new run of this process, which is this operator's."""
    from swarmnet.verify.probes.run import Run

    def may_live(operator: str) -> bool:
        machine, _, pid = operator.rpartition(":")
        return machine != me.machine or not pid.isdigit() or me.is_alive(int(pid))

    return Run(secrets.token_hex(4), f"{me.machine}:{me.pid}", may_live)
