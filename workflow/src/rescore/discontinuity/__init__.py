"""Ladder curves to answers: is there a cliff, does the metric make it, did the skill break."""

from rescore.discontinuity.analyse import Analysis, analyse
from rescore.discontinuity.chance import chances
from rescore.discontinuity.conventions import CONVENTIONS, Conventions
from rescore.discontinuity.families import families
from rescore.discontinuity.headline import headline
from rescore.discontinuity.settings import Settings
from rescore.discontinuity.three_questions import Answer, answer

__all__ = [
    "CONVENTIONS",
    "Analysis",
    "Answer",
    "Conventions",
    "Settings",
    "analyse",
    "answer",
    "chances",
    "families",
    "headline",
]
