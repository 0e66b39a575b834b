"""The quality report: every measure of every model as one JSON document, and as a page that needs nothing else.

::

    document     Report: what `quality.json` holds and every page is drawn from
    curves       what a training said, as curves
    naming       what a report is called beside others, and which differ by their seed only
    comparison   N reports side by side
    gallery      the images that are worth looking at, with error maps
    svg, charts  lines, bars, heat map as inline SVG
    page         document (and gallery, curves) -> one HTML file: no network, no script
"""

from bpkd_core.report.comparison import Comparison, compare_reports
from bpkd_core.report.curves import Curve, read_curves, recording
from bpkd_core.report.document import Judged, Reference, Report, read_report, save_report, write_report
from bpkd_core.report.gallery import Gallery, draw_gallery
from bpkd_core.report.naming import name_reports
from bpkd_core.report.page import render_comparison, render_report

__all__ = [
    "Comparison",
    "Curve",
    "Gallery",
    "Judged",
    "Reference",
    "Report",
    "compare_reports",
    "draw_gallery",
    "name_reports",
    "read_curves",
    "read_report",
    "recording",
    "render_comparison",
    "render_report",
    "save_report",
    "write_report",
]
