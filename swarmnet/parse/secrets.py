"""Read the data of secrets for a restore from a private YAML file or from environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, Problem, UsageError
from swarmnet.model.base import Secret
from swarmnet.model.supply import variable
from swarmnet.operations.content.names import MOST_BYTES
from swarmnet.parse.yaml import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def secrets_of_file(content: bytes, *, name: str) -> dict[str, Secret]:
    """Read a mapping of secret names to their text; no value is ever repeated in a message.

    Raises:
        DocumentError: with every problem found.
    """
    source = load(content, name, "a file of secrets")
    problems: list[Problem] = []
    found: dict[str, Secret] = {}
    for key, value in source.data.items():
        if not isinstance(value, str):
            hint = "put it in quotes, or write it after |"
            problems.append(source.problem((key,), f"{key}: the value is not text", hint))
        elif not 0 < len(value.encode()) <= MOST_BYTES["secret"]:
            problems.append(source.problem((key,), f"{key}: a secret must have 1 to {MOST_BYTES['secret']} bytes"))
        else:
            found[key] = Secret(value)
    if problems:
        raise DocumentError(tuple(problems))
    return found


def secrets_of_environment(environment: Mapping[str, str], prefix: str, names: Iterable[str]) -> dict[str, Secret]:
    """Return the secrets whose variables are set (``model.supply.variable``).

    Raises:
        UsageError: two secrets would share one variable.
    """
    variables: dict[str, str] = {}
    for name in names:
        source = variable(prefix, name)
        if source in variables:
            raise UsageError(
                f"secrets {variables[source]!r} and {name!r} would both come from {source}",
                hint="give them in a file: --secrets-from FILE.yml",
            )
        variables[source] = name
    return {name: Secret(environment[source]) for source, name in variables.items() if environment.get(source)}
