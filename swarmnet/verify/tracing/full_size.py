"""The layer of a trace that is about packets as large as the network's MTU. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.trace import Layer
from swarmnet.verify.ends import End
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.tracing.asking import askers, cut_ways, sizes_of, whole_sizes
from swarmnet.verify.tracing.closer import SIZE, Lost
from swarmnet.verify.tracing.counted import Loses, Sent, number, which_loses
from swarmnet.verify.tracing.layers import failed, ok

if TYPE_CHECKING:
    from swarmnet.model.expectation import Arrow
    from swarmnet.verify.scenario import Answers, Setup

FIX = "swarmnet verify --only mtu,underlay-mtu names what is too small between these hosts"


def whole(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Layer:
    """Return whether packets pass that are as large as the network's MTU, and else which way loses them."""
    sizes = whole_sizes(setup, answers, arrow, end)
    if not sizes:
        return Layer(name=SIZE, status=Status.SKIPPED, detail="no echo comes back, so packets were not measured")
    for cut in cut_ways(setup, answers, arrow, end):
        other = cut.target.end or End("", "", "")
        sent = _sent_to(setup, answers, arrow, cut.target.name)
        loses = which_loses(answers, other, sent, ("after", "sized"))
        lost = Lost.between(SIZE, end, other, cut.target.network, loses)
        one_way = f"{lost.source} -> {lost.target or '?'}"
        both = f"{' and '.join(sorted((lost.source, lost.target or '?')))}: both ways, or one of them"
        detail = (
            f"{both if loses is Loses.UNKNOWN else one_way}: packets of {cut.size} bytes, the MTU of"
            f" {cut.target.network}, get lost; {cut.largest} bytes pass: connections open, then hang"
        )
        return failed(SIZE, detail, CauseId.MTU, FIX).model_copy(update={"evidence": lost.evidence()})
    return ok(SIZE, f"packets of {', '.join(map(str, sorted(set(sizes.values()))))} bytes pass whole")


def _sent_to(setup: Setup, answers: Answers, arrow: Arrow, address: str) -> Sent:
    """Return how many packets all askers sent to an address to measure it, and how many of them were answered."""
    sent = answered = 0
    for end in askers(setup, arrow):
        size = whole_sizes(setup, answers, arrow, end).get(address)
        found = outcomes(answers, end.host, sizes_of(end, size))[0].get(address) if size is not None else None
        sent += number(found, "sent")
        answered += number(found, "answered")
    return Sent(sent, answered)
