"""Score a text with lm-evaluation-harness: python text_loss_peer.py FOLDER MODEL WINDOW.

FOLDER holds text.jsonl. Writes what the harness found as JSON. A script of its own, as lm_eval_run.py is.
"""

import json
import sys
from pathlib import Path

TASK = """task: read
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list: [{{metric: word_perplexity}}, {{metric: bits_per_byte}}]
"""


def main(folder: Path, model: str, window: int) -> None:
    """Run the harness on one text and one model."""
    import lm_eval  # not at the top: the tests' collection imports this module where the harness is not installed
    from lm_eval.tasks import TaskManager

    (folder / "read.yaml").write_text(TASK.format(data=folder / "text.jsonl"))
    found = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": model, "dtype": "float32", "max_length": window},
        tasks=["read"],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        device="cpu",
        batch_size=2,
        bootstrap_iters=0,
    )["results"]["read"]
    sys.stdout.write("FOUND" + json.dumps({key.partition(",")[0]: value for key, value in found.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
