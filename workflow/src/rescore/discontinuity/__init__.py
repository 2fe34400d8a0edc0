"""Ladder curves to answers: is there a cliff, does the metric make it, did the skill break."""

from rescore.discontinuity.analyse import Analysis as Analysis
from rescore.discontinuity.analyse import analyse as analyse
from rescore.discontinuity.cells import chances as chances
from rescore.discontinuity.conventions import (
    CONVENTIONS as CONVENTIONS,
)
from rescore.discontinuity.conventions import (
    Conventions as Conventions,
)
from rescore.discontinuity.conventions import (
    Settings as Settings,
)
from rescore.discontinuity.headline import families as families
from rescore.discontinuity.headline import headline as headline
from rescore.discontinuity.three_questions import Answer as Answer
from rescore.discontinuity.three_questions import answer as answer
