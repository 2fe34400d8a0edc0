"""What a reader sees: terminal summary, self-contained HTML pages and static figure."""

from rescore.report.figures import figure, save_figure
from rescore.report.page import render
from rescore.report.sandbox import render_sandbox
from rescore.report.terminal import summary

__all__ = ["figure", "render", "render_sandbox", "save_figure", "summary"]
