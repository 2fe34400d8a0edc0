"""Ladder curves to answers: is there a cliff, does the metric make it, did the skill break."""

from rescore.discontinuity.analyse import Analysis, analyse
from rescore.discontinuity.cells import ScoreError, chances
from rescore.discontinuity.conventions import CONVENTIONS, Conventions, Settings
from rescore.discontinuity.headline import families, headline
from rescore.discontinuity.three_questions import Answer, answer

__all__ = [
    "CONVENTIONS",
    "Analysis",
    "Answer",
    "Conventions",
    "ScoreError",
    "Settings",
    "analyse",
    "answer",
    "chances",
    "families",
    "headline",
]
