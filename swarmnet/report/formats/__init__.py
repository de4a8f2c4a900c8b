"""Output formats. ``--format NAME[=FILE]`` takes each of them in every command that reports a result.

A format turns a :class:`~swarmnet.report.formats.report.Report` into text. To add one, write a module with a
``render(report)`` in this folder, and add its line to ``FORMATS`` and its word to ``swarmnet.cli.output.NAMES``.
"""

from __future__ import annotations

from swarmnet.report.formats.report import Check, Format, Graph, Report

__all__ = ["FORMATS", "Check", "Format", "Graph", "Report"]

FORMATS: dict[str, Format] = {
    "terminal": Format("terminal", "Lines and tables for people; the default."),
    "json": Format("json", "One JSON object; `swarmnet schema` prints its schema."),
    "junit": Format("junit", "JUnit XML, one test case for each check."),
    "markdown": Format("markdown", "A table in Markdown, for a pull request or a job's summary."),
    "mermaid": Format("mermaid", "A drawing in Mermaid's text, which Markdown pages show as a picture."),
    "dot": Format("dot", "A drawing in the language of Graphviz: `dot -Tsvg`."),
    "html": Format(
        "html", "One page for a browser, without scripts or other files: what was found, and who reaches whom."
    ),
    "prometheus": Format("prometheus", "What was measured, for the textfile collector of Prometheus' node exporter."),
}
"""Every format by the word that ``--format`` takes."""
