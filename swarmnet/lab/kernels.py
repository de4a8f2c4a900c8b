"""Decide which kind of kernel each host of a new lab gets, and whether this machine can carry that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.lab.capabilities import kernel_capabilities
from swarmnet.lab.uml import proves_all, require_own_kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.lab.spec import KernelWish, LabSpec


def with_kernels(spec: LabSpec, *, say: Callable[[str], None]) -> LabSpec:
    """Return the wish with every ``auto`` decided: shared where the machine's kernel has mesh and encryption.

    Raises:
        LabError: Own kernels are asked for, and this machine cannot carry so many, or none.
    """
    if "auto" in spec.kernels:
        chosen: KernelWish = "shared" if proves_all(kernel_capabilities()) else "own"
        say(f"lab {spec.name}: --kernel auto means {chosen} here")
        spec = replace(spec, kernels=tuple(chosen if wish == "auto" else wish for wish in spec.kernels))
    own = [name for name, wish in spec.kernel_wishes().items() if wish == "own"]
    if own:
        require_own_kernels(len(own))
    return spec
