"""What a reader sees: terminal summary, self-contained HTML pages and paper figures."""

from rescore.report.diagnostics import TABLES
from rescore.report.figures import figures, save_figure
from rescore.report.page import render
from rescore.report.real_answers import read_answers
from rescore.report.sandbox import render_sandbox
from rescore.report.terminal import summary

__all__ = ["TABLES", "figures", "read_answers", "render", "render_sandbox", "save_figure", "summary"]
