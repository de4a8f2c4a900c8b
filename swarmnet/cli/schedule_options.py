"""Who hears of scheduled runs, as the options of ``schedule install`` name them: checked when they are given."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from swarmnet.errors import UsageError


def ping(given: str | None) -> str | None:
    """Return the URL of ``--ping-url``, checked.

    Raises:
        UsageError: the variable does not exist, or it is not such a URL.
    """
    from swarmnet.edge.operator.notices import origin

    if given is None:
        return None
    url = _meant("--ping-url", given)
    origin(url)
    return url


def services(given: list[str] | None) -> tuple[str, ...]:
    """Return the URLs of ``--notify``, checked.

    Raises:
        UsageError: the variable does not exist, apprise is not installed, or it cannot use the URL.
    """
    from swarmnet.edge.operator.chat import checked_service

    return tuple(checked_service(_meant("--notify", one)) for one in given or ())


def _meant(option: str, given: str) -> str:
    """Return a URL; ``env:NAME`` keeps it out of the shell's history."""
    kind, _, name = given.partition(":")
    url = os.environ.get(name) if kind == "env" else given
    if url is None:
        raise UsageError(f"{option}: there is no variable {name}")
    return url


def words(command: str | None) -> tuple[str, ...]:
    """Return the words of ``--on-failure``, split as a shell does; the program by its absolute path.

    Raises:
        UsageError: a quote is open, or the program does not exist.
    """
    if command is None:
        return ()
    try:
        program, *rest = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"--on-failure: {str(error) or 'it is empty'}", hint="for example --on-failure 'mail -s x ops'"
        ) from None
    found = shutil.which(program)
    if found is None:
        raise UsageError(f"--on-failure: there is no program {program}", hint="runs have no PATH: give its full path")
    return (str(Path(found).absolute()), *rest)
