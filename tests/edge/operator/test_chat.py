"""Messages by apprise reach a real server; whatever a service does, the run goes on and no URL is shown."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.chat import ChatNotice, checked_service, scheme
from swarmnet.errors import UsageError
from swarmnet.model.base import Secret
from swarmnet.model.schedule import RunRecord
from tests.support.nights import a_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "hush-4711"  # noqa: S105 - a canary
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
SCHEDULE = a_schedule(Path("/s"), cluster="prod")
FAILED = RunRecord(started=NOW, exit_code=3, lines=("first", "no manager answers"))


@contextmanager
def _server(status: int) -> Iterator[tuple[int, list[dict[str, str]]]]:
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1], seen
        finally:
            server.shutdown()
            thread.join()


def _notice(*ports: int, limit: float = 60) -> ChatNotice:
    return ChatNotice(tuple(Secret(f"json://ann:{TOKEN}@127.0.0.1:{port}/{TOKEN}") for port in ports), limit)


def test_a_failure_is_sent_with_its_last_lines_and_one_that_refuses_is_named_without_its_url() -> None:
    with _server(200) as (takes, heard), _server(500) as (refuses, _):
        said = _notice(takes, refuses).ended(SCHEDULE, FAILED)
    assert said == "the message was not taken by json"
    assert (heard[0]["title"], heard[0]["message"]) == (
        "swarmnet: the backup of prod ended with 3",
        "first\nno manager answers",
    )


def test_a_service_that_hangs_is_left_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = _notice(silent.getsockname()[1], limit=1.5).ended(SCHEDULE, FAILED)
    assert said == "the message to json was not sent: no end within 1.5 s"


def test_nothing_is_sent_for_a_run_that_went_well_or_is_soon_repeated() -> None:
    for run in (RunRecord(started=NOW, exit_code=0), RunRecord(started=NOW, exit_code=75, soft=True)):
        assert _notice(1).ended(SCHEDULE, run) is None
    assert _notice(1).started() is None


@pytest.mark.parametrize("wrong", [f"no-url-{TOKEN}", f"nosuch://{TOKEN}", f"mailto://{TOKEN}", f"{TOKEN}://x"])
def test_what_apprise_cannot_use_is_refused_without_a_word_of_it(wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_service(wrong)
    assert "--notify" in str(caught.value)
    assert TOKEN not in f"{caught.value} {caught.value.hint}"


def test_what_it_can_use_is_kept_and_shown_by_its_scheme() -> None:
    url = f"mailto://ann:{TOKEN}@example.com"
    assert (checked_service(url), scheme(url)) == (url, "mailto")
    assert TOKEN not in repr(a_schedule(Path("/s"), notify=(url,)))
