"""Progress, as it is printed."""

from __future__ import annotations

import io

from swarmnet.errors import EngineError
from swarmnet.model.border import border
from swarmnet.model.events import HostFailed
from swarmnet.report.terminal.progress import ProgressLines


def failed() -> HostFailed:
    try:
        with border("m1", "list nodes", EngineError):
            raise KeyError("Id\x1b[2J")
    except EngineError as error:
        return HostFailed("m1", error.message, error)
    raise AssertionError


def test_h4_where_a_hosts_failure_comes_from_is_shown_to_those_who_ask() -> None:
    plain, verbose = io.StringIO(), io.StringIO()
    ProgressLines(plain)(failed())
    ProgressLines(verbose, verbose=True)(failed())
    assert plain.getvalue().count("\n") == 1
    assert verbose.getvalue().startswith(plain.getvalue())
    assert "KeyError: 'Id" in verbose.getvalue()
    assert "\x1b" not in verbose.getvalue()
