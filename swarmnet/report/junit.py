"""A verification as JUnit XML, which every CI shows: one test case a verdict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from swarmnet.model.report import Status

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Verification

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot carry."""


def as_junit(result: Verification) -> bytes:
    """Return the document. An inconclusive check is an error there: a CI must never read it as a pass."""
    suite = Element("testsuite", name="swarmnet verify", tests=str(len(result.verdicts)))
    suite.set("time", f"{sum(phase.seconds for phase in result.phases):.3f}")
    bad = {Status.FAILED: "failure", Status.INCONCLUSIVE: "error", Status.SKIPPED: "skipped"}
    for kind in ("failure", "error", "skipped"):
        number = sum(bad.get(verdict.status) == kind for verdict in result.verdicts)
        suite.set({"failure": "failures", "error": "errors", "skipped": "skipped"}[kind], str(number))
    for verdict in result.verdicts:
        case = SubElement(suite, "testcase", classname=f"verify.{verdict.scenario}", name=_clean(verdict.subject))
        if verdict.status in bad:
            entry = SubElement(case, bad[verdict.status], message=_clean(verdict.detail))
            entry.text = _clean(_advice(verdict))
        else:
            SubElement(case, "system-out").text = _clean(verdict.detail)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(suite, encoding="unicode")}\n'.encode()


def _advice(verdict: Verdict) -> str:
    """Return what to do; of a consequence, what it follows from: mending that is enough."""
    if verdict.because_of:
        return "follows from " + "; ".join(f"{cause.scenario}: {cause.subject}" for cause in verdict.because_of)
    return verdict.fix or ""


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
