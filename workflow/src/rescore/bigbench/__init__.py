"""BIG-Bench JSON tasks: loading and checking them, forming prompts, post-processing answers.

Every rule is that of the reference implementation, the `bigbench` 1.0.0 package (`api/json_task.py` and
`models/model_utils.py`; Srivastava et al. 2022, arXiv:2206.04615).
"""

from rescore.bigbench.answers import answers, is_settled, post_process
from rescore.bigbench.prompting import examples, settings
from rescore.bigbench.question_columns import Columns
from rescore.bigbench.question_rows import load_questions
from rescore.bigbench.task_files import Subtask, leaf_digest, load

__all__ = [
    "Columns",
    "Subtask",
    "answers",
    "examples",
    "is_settled",
    "leaf_digest",
    "load",
    "load_questions",
    "post_process",
    "settings",
]
