"""The debug log (``-vv``, ``--log-file``): what is asked, of which host, and how long it took, never a value."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.logs import Log
from swarmnet.errors import EngineError, UsageError
from swarmnet.model.base import Secret
from swarmnet.model.events import Progress
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import ConfigSpec, NewSecret, SecretSpec
from tests.support.http_server import Talker, say

if TYPE_CHECKING:
    from swarmnet.edge.engine.engine import Engine
    from swarmnet.model.events import Event

CANARY = "canary-of-the-log-7351"


def test_vv_prints_each_request_between_the_lines_of_progress(engine: Engine) -> None:
    heard: list[Event] = []
    with Log(on_stderr=True).kept(heard.append):
        engine.networks.list()

    (line,) = [event.text for event in heard if isinstance(event, Progress)]
    assert line.startswith("m1: GET /v1.45/networks -> 200 in ")
    assert line.endswith(" ms")


def test_the_file_is_appended_to_and_only_its_owner_reads_it(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "debug.log"
    for _ in range(2):
        with Log(file=path).kept(lambda _event: None):
            engine.networks.list()

    assert path.read_text().count("m1: GET /v1.45/networks -> 200") == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_a_wrong_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"), Log(file=tmp_path).kept(lambda _event: None):
        raise AssertionError


def test_a_full_disk_is_reported_once_and_the_run_goes_on(engine: Engine) -> None:
    heard: list[Event] = []
    with Log(file=Path("/dev/full")).kept(heard.append):
        engine.networks.list()
        engine.networks.list()

    (line,) = [event.text for event in heard if isinstance(event, Progress)]
    assert line == "warning: the log file is not complete: [Errno 28] No space left on device"


def test_nothing_is_logged_after_the_run(engine: Engine) -> None:
    heard: list[Event] = []
    with Log(on_stderr=True).kept(heard.append):
        pass
    engine.networks.list()

    assert heard == []
    assert logging.getLogger("swarmnet").handlers == []


def test_no_secret_reaches_the_log(engine: Engine, talker: Talker, tmp_path: Path) -> None:
    """The log names fields, never their values; a marked value in a path is hidden, too."""
    path, data = tmp_path / "debug.log", Secret(CANARY)
    talker.answer = say(json.dumps({"ID": "x"}))
    service = ServiceSpec(name="web", image=f"registry/{CANARY}:1", env={"PW": CANARY}, labels={"pw": CANARY})
    with Log(file=path).kept(lambda _event: None):
        engine.secrets.create(NewSecret(SecretSpec(name="pw"), data))
        engine.configs.create(ConfigSpec(name="conf", data=CANARY.encode()))
        engine.services.create(service)
        engine.unlock_swarm(data)
        engine.services.remove(CANARY)

    said = path.read_text()
    assert CANARY not in said
    assert "POST /v1.45/secrets/create (body: Name, Labels, Data)" in said
    assert "DELETE /v1.45/services/***" in said


def test_a_refused_request_is_logged_with_its_status(engine: Engine, talker: Talker) -> None:
    heard: list[Event] = []
    engine.networks.list()  # settles the version
    talker.answer = say(json.dumps({"message": "no"}), status=500)
    with Log(on_stderr=True).kept(heard.append), pytest.raises(EngineError):
        engine.networks.list()

    assert any(isinstance(event, Progress) and "-> 500 in" in event.text for event in heard)


def test_hostile_names_stay_on_one_line_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "debug.log"
    with Log(file=path).kept(lambda _event: None):
        logging.getLogger("swarmnet.ssh").debug("%s: %s", "m1", "\x1b[2J\nforged: line")

    (line,) = path.read_text().splitlines()
    assert line.isprintable()
