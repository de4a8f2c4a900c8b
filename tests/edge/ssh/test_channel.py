"""What a channel says leaves in its order, whatever the other end says meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_CLOSE, cMSG_CHANNEL_DATA, cMSG_CHANNEL_EOF

from swarmnet.edge.ssh.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {cMSG_CHANNEL_CLOSE: "close", cMSG_CHANNEL_DATA: "data", cMSG_CHANNEL_EOF: "eof"}


class SlowWire:
    """The side of a transport that channels see; its first message takes until ``go`` is set."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def get_log_channel(self) -> str:
        return "paramiko.test"

    def _sanitize_window_size(self, size: int) -> int:
        return size

    def _sanitize_packet_size(self, size: int) -> int:
        return size

    def _unlink_channel(self, number: int) -> None:
        assert number == 1

    def _send_user_message(self, message: paramiko.Message) -> None:
        if not self.begun.is_set():
            self.begun.set()
            assert self.go.wait(30)
        self.said.append(NAMES[message.asbytes()[:1]])


def opened(wire: SlowWire) -> Any:  # noqa: ANN401 - what is private to paramiko is called
    channel: Any = Channel(1)
    channel._set_transport(wire)
    channel._set_window(65536, 32768)
    channel._set_remote_channel(7, 65536, 32768)
    return channel


SAYS: dict[str, Callable[[Any], object]] = {
    "eof": lambda channel: channel.shutdown_write(),
    "data": lambda channel: channel.send(b"x"),
}
ENDS: dict[str, Callable[[Any], object]] = {
    "the other end": lambda channel: channel._handle_close(paramiko.Message()),
    "this end": lambda channel: channel.close(),
}


@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("ends", ENDS)
def test_nothing_leaves_after_the_close_of_a_channel(says: str, ends: str) -> None:
    wire = SlowWire()
    channel = opened(wire)
    speaker = threading.Thread(target=SAYS[says], args=(channel,))

    speaker.start()
    assert wire.begun.wait(30)
    ENDS[ends](channel)
    wire.go.set()
    speaker.join(30)

    assert wire.said == (["eof", "close"] if says == "eof" else ["data", "eof", "close"])
    assert channel.closed


def test_a_sender_that_waits_for_room_wakes_when_the_other_end_closes() -> None:
    wire = SlowWire()
    wire.go.set()
    channel = opened(wire)
    channel.out_window_size = 0
    reported: list[BaseException | int] = []

    def speak() -> None:
        try:
            reported.append(channel.send(b"x"))
        except OSError as closed:
            reported.append(closed)

    speaker = threading.Thread(target=speak)
    speaker.start()
    channel._handle_close(paramiko.Message())
    speaker.join(30)

    assert len(reported) == 1
    assert wire.said == ["eof", "close"]
