"""The report: one self-contained page about finished runs.

Each subject has its own file: `curves`, `tradeoff` and `resolution` take numbers from results,
`style` and `figures` draw them, `svg` makes a drawing fit for a page, `page` lays it out.
"""

from subliminal_bench.report.page import render

__all__ = ["render"]
