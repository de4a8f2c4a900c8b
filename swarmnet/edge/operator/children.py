"""What programs that swarmnet starts on the operator's machine get of its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "SWARMNET_"


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without swarmnet's own variables: one of them is the passphrase of a key."""
    return {name: value for name, value in environment.items() if not name.startswith(OWN)}
