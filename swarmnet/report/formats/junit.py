"""A result as JUnit XML, which every CI shows: one test case for each check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from swarmnet.model.printable import printable
from swarmnet.model.report import Status
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot carry."""
_BAD = {Status.FAILED: "failure", Status.INCONCLUSIVE: "error", Status.SKIPPED: "skipped"}
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render(report: Report) -> str:
    """Return the document. An inconclusive check is an error there: a CI must never read it as a pass."""
    suite = Element("testsuite", name=f"swarmnet {report.command}", tests=str(len(report.checks)))
    suite.set("time", f"{report.seconds:.3f}")
    for kind, attribute in _COUNTED.items():
        suite.set(attribute, str(sum(_BAD.get(check.status) == kind for check in report.checks)))
    for check in report.checks:
        name = {"classname": _clean(f"{report.command.replace(' ', '.')}.{check.group}"), "name": _clean(check.name)}
        case = SubElement(suite, "testcase", name)
        if check.status in _BAD:
            entry = SubElement(case, _BAD[check.status], message=_clean(check.detail))
            entry.text = _clean(check.advice)
            if check.cause:
                entry.set("type", check.cause)
        else:
            SubElement(case, "system-out").text = _clean(check.detail)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(suite, encoding="unicode")}\n'


def _clean(text: str) -> str:
    return printable(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", SENSITIVE.masked(text)))
