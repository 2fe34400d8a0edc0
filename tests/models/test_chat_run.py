"""Chat and reasoning from a suite's row to the page: the workflow on two tiny models with templates, and `compare`."""

import shutil
import sys
from pathlib import Path

import pytest
from chat_models import make_chat_model
from typer.testing import CliRunner

from rescore.cli import app
from rescore.tables import (
    EXAMPLES,
    EXTRACTIONS,
    GENERATIONS,
    REASONING,
    SCAFFOLD_SHIFT,
    SCORES,
    VERDICTS,
    provenance,
    read,
)

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_workflow import Checkout

TASK, FILE = "letter_sorting:length_3", "letter_sorting.length_3.parquet"
SYSTEM = "Answer with the letters alone."
REASONED = {"reasoning_tokens": 12, "reasoning_cue": "Let's think step by step.", "answer_mark": "So the answer is"}
DIRECT = f"task\tshots\tmax_examples\tseed\tchat\tsystem\n{TASK}\t1\t6\t1\ttrue\t{SYSTEM}\n"
REASONING_SUITE = DIRECT.replace("system\n", "system\treasoning_tokens\treasoning_cue\n").replace(
    f"{SYSTEM}\n", f"{SYSTEM}\t12\tLet's think step by step.\n"
)
FORM = {"chat": True, "system": SYSTEM}
MODELS = {"one": "chatml", "two": "llama"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the job twice: `direct` holds the tables without reasoning, `results` tables and page with it."""
    checkout = Checkout(tmp_path_factory.mktemp("run"), n_models=1)
    header = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n"
    rows = []
    for i, (name, template) in enumerate(MODELS.items(), start=1):
        make_chat_model(checkout.folder / "models" / name, template)
        rows.append(f"{name}\ttiny\tmodels/{name}\t-\t{10**i}000\t1000000\tfloat32\n")
    (checkout.folder / "config/ladder.tsv").write_text(header + "".join(rows))
    checkout.config["extract"] |= {"max_new_tokens": 8}
    for suite, folder, targets in ((DIRECT, "direct", ["test"]), (REASONING_SUITE, "results", [])):
        (checkout.folder / "config/suite.tsv").write_text(suite)
        done = checkout.run(*targets)
        assert done.returncode == 0, done.stderr + done.stdout
        if folder != "results":
            shutil.move(checkout.folder / "results", checkout.folder / folder)
    again = checkout.run("--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr
    return checkout.folder


def test_a_suites_row_becomes_answers_scores_and_a_page(runs: Path) -> None:
    for folder, form in (("direct", FORM), ("results", FORM | REASONED)):
        results = runs / folder
        assert provenance(results / "examples" / FILE)["form"] == form
        scores = read(results / "scores" / FILE, SCORES)
        assert scores["model"].unique().sort().to_list() == ["one", "two"]
        assert scores.filter(metric="nll_nats_per_token")["score"].null_count() == 0
        for model in MODELS:
            assert provenance(results / "extractions" / model / FILE)["chat"].startswith("in its chat template")
            assert read(results / "generations" / model / FILE, GENERATIONS).height == 6
        assert provenance(results / "verdicts.parquet")["scores"][FILE.removesuffix(".parquet")]["form"] == form
    page = (runs / "results/report/index.html").read_text()
    assert SYSTEM in page
    assert "step by step" in page
    assert not (runs / "direct/reasoning").exists()


def test_what_was_written_before_the_answer_is_kept_and_shown(runs: Path) -> None:
    for model in MODELS:
        reasoning = read(runs / "results/reasoning" / model / FILE, REASONING)
        assert reasoning.height == 6
        assert (reasoning["text"].str.len_chars() > 0).any()
        cut = provenance(runs / "results/extractions" / model / FILE)["reasoning_cut"]
        assert sum(cut.values()) == (reasoning["finish_reason"] == "length").sum()
    shown = CliRunner().invoke(app, ["show", "reasoning", "--results", str(runs / "results")])
    assert shown.exit_code == 0
    assert shown.stdout.count("letter_sorting:length_3") == 12


def test_the_two_runs_ask_the_same_questions_and_compare(runs: Path) -> None:
    first, second = (read(runs / folder / "examples" / FILE, EXAMPLES) for folder in ("direct", "results"))
    assert first.equals(second)
    one, other = (
        read(runs / folder / "extractions/one" / FILE, EXTRACTIONS)["logprob_nats"] for folder in ("direct", "results")
    )
    assert one.to_list() != other.to_list()
    words = ["compare", str(runs / "direct"), str(runs / "results"), "--out", str(runs / "out")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    frame = read(runs / "out/scaffold_shift.parquet", SCAFFOLD_SHIFT)
    judged = read(runs / "direct/verdicts.parquet", VERDICTS)
    assert set(frame["metric"]) <= set(judged["metric"]) | {"nll_nats_per_byte"}
    prompts = provenance(runs / "out/scaffold_shift.parquet")["prompts"]
    [(before, after)] = [told["form"] for by_task in prompts.values() for told in by_task.values()]
    assert (before, after) == (FORM, FORM | REASONED)
