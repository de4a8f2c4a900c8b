"""Notices reach a real server, a real command and a real file; none of them raises, hangs or tells a secret."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.notices import LARGEST_BODY, FailureCommand, MetricsFile, Ping, metrics, origin
from swarmnet.errors import UsageError
from swarmnet.model.base import Secret
from swarmnet.model.schedule import RunRecord
from tests.support.expositions import series_of
from tests.support.nights import a_schedule
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = "5a1b-secret-4711"
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
SCHEDULE = a_schedule(Path("/s"), cluster='pro"d\\\n')
WELL = RunRecord(
    started=NOW,
    seconds=2.5,
    exit_code=0,
    lines=("taken", "opened again"),
    backup="b",
    complete=True,
    size=4711,
    objects={"node": 3, "network": 5},
    drift=2,
    newest=NOW,
)
FAILED = RunRecord(started=NOW, exit_code=3, lines=("first", "no manager answers"), newest=NOW - timedelta(hours=30))
SOFT = RunRecord(started=NOW, exit_code=75, soft=True, lines=("no host answered",))


@contextmanager
def _server(status: int = 200) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    seen: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            seen.append((self.path, body.decode()))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{UUID}", seen
        finally:
            server.shutdown()
            thread.join()


def test_a_ping_says_start_success_failure_and_what_is_worth_repeating() -> None:
    with _server() as (url, seen):
        ping = Ping(Secret(url))
        assert [ping.started(), *(ping.ended(SCHEDULE, run) for run in (WELL, FAILED, SOFT))] == [None] * 4
    assert seen == [
        (f"/{UUID}/start", ""),
        (f"/{UUID}", "taken\nopened again"),
        (f"/{UUID}/fail", "first\nno manager answers"),
        (f"/{UUID}/log", "no host answered"),
    ]


def test_a_ping_keeps_the_query_and_carries_the_last_lines_only() -> None:
    long = FAILED.model_copy(update={"lines": ("x" * 2 * LARGEST_BODY, "the end")})
    with _server() as (url, seen):
        assert Ping(Secret(f"{url}/?create=1")).ended(SCHEDULE, long) is None
    ((path, body),) = seen
    assert path == f"/{UUID}/fail?create=1"
    assert len(body) == LARGEST_BODY
    assert body.endswith("the end")


@contextmanager
def _silent() -> Iterator[str]:
    """A server that takes the connection and then sends a byte now and then."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _address = listener.accept()
        with connection:
            while not over.wait(0.05):
                connection.send(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/{UUID}"
        finally:
            over.set()
            thread.join()


def test_a_server_that_answers_byte_by_byte_delays_a_run_for_no_longer_than_the_limit() -> None:
    with _silent() as url:
        said = Ping(Secret(url), limit=0.3).started()
    assert said is not None
    assert "no answer within 0.3 s" in said
    assert UUID not in said


def test_what_goes_wrong_is_said_without_the_url() -> None:
    with _server(404) as (url, _seen):
        refused = Ping(Secret(url)).started()
    port = free_port()
    unreachable = Ping(Secret(f"http://127.0.0.1:{port}/{UUID}")).started()
    wrong = Ping(Secret(f"https://127.0.0.1:{port}/{UUID}")).started()
    assert refused is not None
    assert refused.endswith("it answered 404")
    for said in (refused, unreachable, wrong):
        assert said is not None
        assert "127.0.0.1" in said
        assert UUID not in said


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "https://", "hc.example/uuid", "http://h:99999/x", "http://[x"]
)
def test_what_is_not_such_a_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        origin(url)
    assert not url or url not in str(caught.value)


def test_an_origin_has_neither_user_nor_path() -> None:
    assert origin(f"https://me:pw@hc.example:8443/{UUID}?x={UUID}") == "https://hc.example:8443"


def _python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


def test_a_command_hears_of_a_failure_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "hush")
    reported = tmp_path / "reported"
    code = (
        f"import os, sys; open({str(reported)!r}, 'a').write(sys.stdin.read() + os.environ['EXIT_CODE']"
        " + os.environ['CLUSTER'] + str('SWARMNET_KEY_PASSPHRASE' in os.environ))"
    )
    command = FailureCommand(_python(code), "prod")
    assert [command.started(), *(command.ended(SCHEDULE, run) for run in (WELL, SOFT, FAILED))] == [None] * 4
    assert reported.read_text() == "first\nno manager answers\n3prodFalse"


def test_a_command_that_fails_hangs_or_is_not_there_is_a_warning(tmp_path: Path) -> None:
    failing = FailureCommand(_python("raise SystemExit(7)"), "prod").ended(SCHEDULE, FAILED)
    missing = FailureCommand((str(tmp_path / "none"),), "prod").ended(SCHEDULE, FAILED)
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    hanging = FailureCommand(_python(child), "prod", limit=0.5).ended(SCHEDULE, FAILED)
    deaf = FailureCommand(_python("import sys; sys.stdin.close()"), "prod")
    assert deaf.ended(SCHEDULE, FAILED.model_copy(update={"lines": ("x" * 10**6,)})) is None
    assert "ended with 7" in str(failing)
    assert "cannot be started" in str(missing)
    assert "did not end within 0.5 s" in str(hanging)


@pytest.mark.parametrize("run", [WELL, FAILED, SOFT], ids=["well", "failed", "soft"])
def test_metrics_are_what_promtool_accepts(run: RunRecord) -> None:
    assert {name.startswith("swarmnet_backup_") for name, _labels in series_of(metrics(SCHEDULE, run))} == {True}


def test_metrics_tell_age_size_duration_objects_drift_and_exit_code() -> None:
    text = metrics(a_schedule(Path("/s")), WELL)
    for line in (
        'swarmnet_backup_age_seconds{cluster="sim"} 2.5',
        'swarmnet_backup_size_bytes{cluster="sim"} 4711',
        'swarmnet_backup_duration_seconds{cluster="sim"} 2.5',
        'swarmnet_backup_objects{cluster="sim",kind="network"} 5',
        'swarmnet_backup_drift_objects{cluster="sim"} 2',
        'swarmnet_backup_exit_code{cluster="sim"} 0',
    ):
        assert line in text.splitlines()


def test_the_file_is_replaced_whole_and_readable_and_a_missing_folder_is_a_warning(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "swarmnet.prom")
    assert [file.started(), file.ended(SCHEDULE, FAILED), file.ended(SCHEDULE, WELL)] == [None] * 3
    assert file.path.read_text() == metrics(SCHEDULE, WELL)
    assert file.path.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["swarmnet.prom"]
    assert "cannot write the metrics" in str(MetricsFile(tmp_path / "none" / "x.prom").ended(SCHEDULE, WELL))
