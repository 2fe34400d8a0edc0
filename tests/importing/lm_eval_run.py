"""Run lm-evaluation-harness on local models as its command line does: python lm_eval_run.py TASKS_FOLDER OUT MODEL...

A script of its own, since the harness warns and logs, and one process for all models, since it takes long to start.
"""

import json
import sys
from pathlib import Path

REVERSALS = json.loads(Path("data/tasks/letter_reversal/length_3/task.json").read_text())["examples"][:40]
# The first letter of the answer is given: the harness moves a prompt's last space to the answer, and the shipped models
# have that space in one token with the words before it.
QUESTIONS = [
    {"q": f"\nReverse: {abc}\nReversed: {cba[0]}", "a": cba[1:], "choices": [cba[1:], cba[:0:-1]]}
    for abc, cba in ((e["input"], e["target"]) for e in REVERSALS)
]
TASK = """task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{q}}}}"
target_delimiter: ""
"""
TASKS = {
    "chosen": (
        "multiple_choice",
        'doc_to_choice: "{{choices}}"\ndoc_to_target: 0\n'
        "metric_list: [{metric: acc}, {metric: acc_norm}, {metric: brier_score}]\n",
    ),
    "answered": (
        "loglikelihood",
        'doc_to_target: "{{a}}"\nmetric_list: [{metric: perplexity}, {metric: acc}]\n',
    ),
    "written": (
        "generate_until",
        'doc_to_target: "{{a}}"\ngeneration_kwargs: {until: ["\\n"], max_gen_toks: 4}\n'
        "metric_list: [{metric: exact_match}]\n",
    ),
}


def main(folder: Path, out: Path, models: list[str]) -> None:
    """Evaluate each model on three small tasks, and write results and logs of examples to OUT."""
    import lm_eval  # not at the top: the tests' collection imports this module where the harness is not installed
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    folder.mkdir()
    data = folder / "questions.jsonl"
    data.write_text("".join(json.dumps(q) + "\n" for q in QUESTIONS))
    for task, (kind, rest) in TASKS.items():
        (folder / f"{task}.yaml").write_text(TASK.format(task=task, data=data, kind=kind) + rest)
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    for model in models:
        tracker = EvaluationTracker(output_path=str(out))
        results = lm_eval.simple_evaluate(
            model="hf",
            model_args={"pretrained": model, "dtype": "float32"},
            tasks=list(TASKS),
            task_manager=manager,
            device="cpu",
            batch_size=4,
            bootstrap_iters=10,
            log_samples=True,
            evaluation_tracker=tracker,
        )
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for task in results["configs"]:
            tracker.save_results_samples(task_name=task, samples=samples[task])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
