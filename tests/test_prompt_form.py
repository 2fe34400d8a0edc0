"""How prompts are put to a model: from a suite's row to the metadata of the examples, and never mixed."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from rescore.cli import app
from rescore.commands.prompts import prompts
from rescore.config import plan
from rescore.config.inputs import read_suite
from rescore.config.prompt_form import prompt_form
from rescore.config.task_sources import prompt_words
from rescore.tables import EXAMPLES, EXTRACTIONS, GENERATIONS, InputError, digest, provenance, read, write

TASK = "letter_sorting:length_3"
HEAD = "task\tshots\tseed\tchat\tsystem\treasoning_tokens\treasoning_cue\treasoning_stop\tanswer_mark\n"


def test_a_row_says_how_its_prompts_are_put(tmp_path: Path) -> None:
    path = tmp_path / "s.tsv"
    rows = [
        "a\t0\t0",
        "b\t0\t0\ttrue\tBe brief.\\nVery.",
        "c\t0\t0\tfalse\t\t64",
        "d\t0\t0\ttrue\t\t9\tGo, {x}!\tEND\tIt's",
    ]
    path.write_text(HEAD + "\n".join(rows))
    assert [row["form"] for row in read_suite(path)] == [
        {},
        {"chat": True, "system": "Be brief.\nVery."},
        {"reasoning_tokens": 64, "answer_mark": "So the answer is"},
        {
            "chat": True,
            "reasoning_tokens": 9,
            "reasoning_cue": "Go, {x}!",
            "reasoning_stop": "END",
            "answer_mark": "It's",
        },
    ]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("\tBe brief.", "row 2: key 'system': means nothing without 'chat'; set that too"),
        ("\t\t\tThink.", "row 2: key 'reasoning_cue': means nothing without 'reasoning_tokens'"),
        ("true\t\t\t\tEND", "row 2: key 'reasoning_stop': means nothing without 'reasoning_tokens'"),
        ("true\t\t\t\t\tSo", "row 2: key 'answer_mark': means nothing without 'reasoning_tokens'"),
        ("yes", "row 2: key 'chat': 'yes', expected true or false"),
        ("true\t\t0", "row 2: key 'reasoning_tokens': 0, expected 1 or more"),
    ],
)
def test_half_a_form_is_refused_when_the_run_is_planned(tmp_path: Path, cells: str, message: str) -> None:
    path = tmp_path / "s.tsv"
    path.write_text(f"{HEAD}a\t0\t0\t{cells}\n")
    with pytest.raises(InputError, match=message):
        read_suite(path)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (r"a\nb", "a\nb"),
        (r"Use \\nabla.", r"Use \nabla."),
        (r"\\\n", "\\\n"),
        (r"\\\\n", r"\\n"),
        (r"\t \(x\)", r"\t \(x\)"),
    ],
)
def test_a_backslash_can_be_written_and_is_read_once(tmp_path: Path, write_task: Any, given: str, meant: str) -> None:
    root = write_task("mine", examples=[{"input": "a", "target": "b"}]).parents[1]
    path = tmp_path / "s.tsv"
    path.write_text(f"{HEAD}mine\t0\t0\ttrue\t{given}\n")
    [row] = read_suite(path)
    assert row["form"]["system"] == meant
    out = tmp_path / "t.parquet"
    words = prompt_words(row | {"root": root})
    assert CliRunner().invoke(app, ["prompts", *words, "--out", str(out)]).exit_code == 0
    assert provenance(out)["form"]["system"] == meant


def test_the_plan_hands_the_form_to_the_command(tmp_path: Path) -> None:
    config = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "s.tsv"
    path.write_text(f'{HEAD}{TASK}\t0\t0\ttrue\t-- it\'s "so"\\n$HOME\t7\tGo.\n')
    made = plan.make(config | {"suite": str(path)}, "config.yaml")
    [slug] = made.tasks
    out = tmp_path / "t.parquet"
    words = [*shlex.split(made.prompt_options(slug)), "--out", str(out)]
    assert CliRunner().invoke(app, ["prompts", *words]).exit_code == 0
    form = {"chat": True, "system": '-- it\'s "so"\n$HOME', "reasoning_tokens": 7, "reasoning_cue": "Go."}
    assert provenance(out)["form"] == form | {"answer_mark": "So the answer is"}
    assert made.reasoned(list(made.tasks)) == [slug]
    [job] = [job for job in made.extract_jobs().values() if "nano-w64-s0" in job.models]
    assert job.tasks == [slug]


def test_options_of_half_a_form_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the options: key 'system': means nothing without 'chat'"):
        prompt_form({"system": "Be brief."}, "the options")
    prompts(TASK, tmp_path / "t.parquet", Path("data/tasks"))
    assert "form" not in provenance(tmp_path / "t.parquet")  # so that what was made before stays what it was


def test_scores_never_mix_forms(tmp_path: Path) -> None:
    from rescore.commands.score import score

    def examples(name: str, **form: Any) -> Path:
        path = tmp_path / f"{name}.parquet"
        prompts(TASK, path, Path("data/tasks"), max_examples=2, **form)
        return path

    chat, plain = examples("chat", chat=True), examples("plain")
    assert digest(read(chat, EXAMPLES)) == digest(read(plain, EXAMPLES))  # the texts are the same
    made_by = {"model": "m", "examples": digest(read(chat, EXAMPLES)), "fingerprint": "f", "form": {"chat": True}}
    files = []
    for kind in (EXTRACTIONS, GENERATIONS):
        write(kind.empty(), tmp_path / kind.name / "m.parquet", kind, made_by)
        files.append(tmp_path / kind.name / "m.parquet")
    with pytest.raises(InputError, match=r"m\.parquet: was made from other examples than .*plain"):
        score(files, plain, tmp_path / "scores.parquet")
