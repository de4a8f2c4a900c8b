"""Decide which kind of kernel each host of a new lab gets, and whether this machine can carry that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.lab.hosts.uml import proves_all, require_own_kernels
from swarmnet.lab.machine.capabilities import kernel_capabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.lab.machine.capabilities import Capability
    from swarmnet.lab.spec import KernelWish, LabSpec


def with_kernels(
    spec: LabSpec,
    *,
    say: Callable[[str], None],
    machine: Callable[[], tuple[Capability, ...]] = kernel_capabilities,
) -> LabSpec:
    """Return the wish with every ``auto`` decided: shared where the machine's kernel has mesh and encryption.

    ``machine`` tells what the machine's kernel can do; it is asked only where that matters.

    Raises:
        LabError: Own kernels are asked for, and this machine cannot carry so many, or none.
    """
    if "auto" in spec.kernels:
        chosen: KernelWish = "shared" if proves_all(machine()) else "own"
        say(f"lab {spec.name}: --kernel auto means {chosen} here")
        spec = replace(spec, kernels=tuple(chosen if wish == "auto" else wish for wish in spec.kernels))
    own = [name for name, wish in spec.kernel_wishes().items() if wish == "own"]
    if own:
        require_own_kernels(len(own))
    return spec
