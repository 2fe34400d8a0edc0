"""Training repeats bit for bit, resumes by model, keeps to its settings, and ships what it says."""

import csv
import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from rescore.config.validation import rules
from rescore.tables import InputError
from rescore.train import batches
from rescore.train import ladder as ladders
from rescore.train import tokenizer as tokenizers
from rescore.train.batches import Batch
from rescore.train.ladder import train_ladder
from rescore.train.questions import KINDS
from rescore.train.recipe import read_config
from rescore.train.training import Run

REPOSITORY = Path(__file__).parents[2]
SETTINGS = {
    "ladder": "pico",
    "seeds": [0],
    "exclude": [],
    "steps": 3,
    "batch_size": 8,
    "warmup_steps": 1,
    "final_rate_share": 0.1,
    "weight_decay": 0.01,
    "gradient_norm": 1.0,
    "ema_decay": 0.5,
    "context_tokens": 256,
    "shots": 1,
    "few_shot_share": 0.4,
    "listed_share": 0.5,
    "checkpoints": {"steps": [], "sizes": [], "seeds": []},
    "mixture": {"addition": 1, "letter_sorting": 1, "letter_reversal": 2},
    "sizes": {
        "w8": {"width": 8, "layers": 1, "heads": 1, "learning_rate": 0.01},
        "w16": {"width": 16, "layers": 2, "heads": 2, "learning_rate": 0.01},
    },
}


def _settings(path: Path, **changes: object) -> Path:
    path.write_text(yaml.safe_dump(SETTINGS | changes, sort_keys=False))
    return path


def _weights(folder: Path) -> dict[str, bytes]:
    return {f.parent.name: f.read_bytes() for f in folder.glob("*/model.safetensors")}


def test_two_runs_agree_bit_for_bit(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "train.yaml")
    train_ladder(settings, tmp_path / "one", bigbench=tmp_path)
    train_ladder(settings, tmp_path / "two", bigbench=tmp_path, sizes=["w16"])
    train_ladder(settings, tmp_path / "two", bigbench=tmp_path, sizes=["w8"])
    assert set(_weights(tmp_path / "one")) == {"pico-w8-s0", "pico-w16-s0"}
    assert _weights(tmp_path / "one") == _weights(tmp_path / "two")


def test_every_model_sees_the_same_tokens(tmp_path: Path) -> None:
    train_ladder(_settings(tmp_path / "train.yaml", seeds=[0, 1]), tmp_path / "out", bigbench=tmp_path)
    with (tmp_path / "out/ladder.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["model"] for row in rows] == ["pico-w8-s0", "pico-w8-s1", "pico-w16-s0", "pico-w16-s1"]
    assert len({row["n_tokens"] for row in rows}) == 1
    assert [int(row["n_params"]) for row in rows] == [888, 888, 6592, 6592]
    assert rows[0]["source"] == (tmp_path / "out/pico-w8-s0").as_posix()
    weights = _weights(tmp_path / "out")
    assert weights["pico-w8-s0"] != weights["pico-w8-s1"]


def test_a_trained_model_is_trained_anew_only_where_something_changed(tmp_path: Path) -> None:
    settings, out = _settings(tmp_path / "train.yaml"), tmp_path / "out"
    record = out / "pico-w8-s0" / "training.json"

    def train() -> int:
        train_ladder(settings, out, bigbench=tmp_path, sizes=["w8"])
        return record.stat().st_ino

    first = train()
    assert train() == first
    task = tmp_path / "task.json"
    task.write_text('{"examples": [{"input": "What is 10 plus 11?"}]}')
    _settings(settings, exclude=["task.json"])
    with_exclusion = train()
    assert with_exclusion != first
    _settings(settings, exclude=["task.json"], steps=2)
    assert train() != with_exclusion
    task.unlink()
    with pytest.raises(InputError, match=r"task\.json: cannot be read .*`rescore fetch`"):
        train()
    assert not list(out.glob(".*"))


def test_a_stopped_training_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(tmp_path / "train.yaml", seeds=[0, 1], steps=6)
    monkeypatch.setattr(ladders, "KEEP_EVERY", 2)
    train_ladder(settings, tmp_path / "whole", bigbench=tmp_path, sizes=["w16"])
    step, done = Run.step, []

    def stop_at_the_tenth(run: Run, questions: Batch) -> float:
        if len(done) == 9:  # step 5 of the first seed: both seeds have written their step 4
            raise KeyboardInterrupt
        done.append(run)
        return step(run, questions)

    monkeypatch.setattr(Run, "step", stop_at_the_tenth)
    with pytest.raises(KeyboardInterrupt):
        train_ladder(settings, tmp_path / "parts", bigbench=tmp_path, sizes=["w16"])
    assert not _weights(tmp_path / "parts")
    (tmp_path / "parts" / ".pico-w16-s1.state").unlink()  # a stop between the two writings: this seed is behind
    steps = []
    monkeypatch.setattr(Run, "step", lambda run, questions: (steps.append(run.steps), step(run, questions))[1])
    train_ladder(settings, tmp_path / "parts", bigbench=tmp_path, sizes=["w16"])
    assert steps == [0, 1, 2, 3, 4, 4, 5, 5]
    assert _weights(tmp_path / "parts") == _weights(tmp_path / "whole")
    assert not list((tmp_path / "parts").glob(".*"))


def test_a_checkpoint_is_the_model_of_fewer_steps_but_for_its_schedule(tmp_path: Path) -> None:
    grid = {"steps": [1, 2], "sizes": ["w8"], "seeds": [1]}
    settings = _settings(tmp_path / "train.yaml", seeds=[0, 1], checkpoints=grid)
    train_ladder(settings, tmp_path / "out", bigbench=tmp_path, threads=2)
    models = {"pico-w8-s0", "pico-w8-s1-t1", "pico-w8-s1-t2", "pico-w8-s1", "pico-w16-s0", "pico-w16-s1"}
    assert set(_weights(tmp_path / "out")) == models
    with (tmp_path / "out/pico-w8-tokens.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["model"] for row in rows] == ["pico-w8-s1-t1", "pico-w8-s1-t2", "pico-w8-s1"]
    tokens = [int(row["n_tokens"]) for row in rows]
    assert tokens == sorted(set(tokens))
    with (tmp_path / "out/ladder.tsv").open() as file:
        finals = {row["model"] for row in csv.DictReader(file, delimiter="\t")}
    assert finals == models - {"pico-w8-s1-t1", "pico-w8-s1-t2"}
    plain = _settings(tmp_path / "plain.yaml", seeds=[1])
    train_ladder(plain, tmp_path / "plain", bigbench=tmp_path, sizes=["w8"])
    assert _weights(tmp_path / "plain")["pico-w8-s1"] == _weights(tmp_path / "out")["pico-w8-s1"]


def test_a_batch_asks_for_the_answers_and_the_last_ones_end() -> None:
    recipe = read_config(REPOSITORY / "config/ladders/nano-train.yaml").recipe
    tokenizer = tokenizers.build()
    kinds, most_answers = set(), 0
    for step in range(40):
        batch = batches.batch(step, recipe=recipe, excluded=frozenset(), tokenizer=tokenizer)
        labels = iter(batch.labels.tolist())
        for row, where in zip(batch.tokens, batch.where, strict=True):
            text = tokenizer.decode(row[row != tokenizer.pad_token_id])
            answers = re.findall(r"(?:Output|Sorted|Reversed|Result|Swapped|\nA): (.*)", text)
            asked = [next(labels) for _ in range(int(where.sum()))]
            assert asked[-1] == tokenizer.eos_token_id
            assert tokenizer.decode(asked[:-1]) == "".join(answers)
            # each label but the end is the next token of its row
            assert row[1:][where[:-1]].tolist()[: len(asked) - 1] == asked[:-1]
            most_answers = max(most_answers, len(answers))
        kinds.add(text.strip()[:3])
        assert next(labels, None) is None
        assert batch.n_tokens == int((batch.tokens != tokenizer.pad_token_id).sum())
    assert len(kinds) > 3
    assert most_answers == 3


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"stepz": 3}, "stepz"),
        ({"steps": 0}, "steps"),
        ({"mixture": {"division": 1}}, "division"),
        ({"checkpoints": {"steps": [1], "sizes": ["w9"], "seeds": [0]}}, r"checkpoints\.sizes: no size 'w9'"),
        ({"checkpoints": {"steps": [3], "sizes": ["w8"], "seeds": [0]}}, r"checkpoints\.steps: .*below steps = 3"),
        ({"sizes": {"w8": {"width": 8}}}, r"sizes\.w8"),
        ({"sizes": {"w8": {"width": 8, "layers": 1, "heads": 3, "learning_rate": 0.1}}}, r"sizes\.w8"),
    ],
)
def test_bad_settings_name_file_and_key(tmp_path: Path, changes: dict[str, object], key: str) -> None:
    settings = _settings(tmp_path / "train.yaml", **changes)
    with pytest.raises(InputError, match=rf"^{settings}: .*{key}") as caught:
        train_ladder(settings, tmp_path / "out", bigbench=tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "no such file"),
        ("a: [", "line 1: not YAML"),
        ("a: \xe9", "not UTF-8 at byte 3"),
        ("a: [{b: 1,\n b: 2}]", "line 2: key 'b': stands twice; take one out"),
    ],
)
def test_an_unreadable_settings_file_is_named(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "train.yaml"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=rf"train\.yaml: {complaint}"):
        read_config(path)


def test_the_schema_knows_every_kind_of_question() -> None:
    assert set(rules("train")["properties"]["mixture"]["properties"]) == set(KINDS)


def test_an_unknown_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no size 'w9'; known sizes: w8, w16"):
        train_ladder(_settings(tmp_path / "train.yaml"), tmp_path / "out", bigbench=tmp_path, sizes=["w9"])


def test_a_saved_model_loads_without_help(tmp_path: Path) -> None:
    train_ladder(_settings(tmp_path / "train.yaml"), tmp_path, bigbench=tmp_path, sizes=["w8"])
    folder = tmp_path / "pico-w8-s0"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert model.config.max_position_embeddings == 256
    assert model.generation_config.eos_token_id == AutoTokenizer.from_pretrained(folder).eos_token_id
    saved = AutoModelForCausalLM.from_pretrained(folder)
    assert saved.dtype == torch.bfloat16


def test_a_size_may_have_seeds_of_its_own(tmp_path: Path) -> None:
    shape = {"width": 8, "layers": 1, "heads": 1, "learning_rate": 0.01}
    sizes = {"w8": shape, "w8-more": shape | {"seeds": [3, 5]}}
    ladder = read_config(_settings(tmp_path / "train.yaml", seeds=[0, 1], sizes=sizes))
    assert ladder.seeds == {"w8": (0, 1), "w8-more": (3, 5)}
    assert ladder.sizes["w8"] == ladder.sizes["w8-more"]  # so that the same seed gives the same weights


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_shipped_ladder_is_what_its_settings_say() -> None:
    settings = read_config(REPOSITORY / "config/ladders/nano-train.yaml")
    rows = _rows(REPOSITORY / "config/ladders/nano.tsv")
    assert [row["model"] for row in rows] == [
        f"{settings.name}-{size}-s{seed}" for size in settings.sizes for seed in settings.seeds[size]
    ]
    grid = [
        row for size, _ in settings.checkpoints for row in _rows(REPOSITORY / f"config/ladders/nano-{size}-tokens.tsv")
    ]
    for row in [*rows, *grid]:
        record = json.loads((REPOSITORY / row["source"] / "training.json").read_text())
        assert record["recipe"] == json.loads(json.dumps(vars(settings.recipe)))
        assert (int(row["n_params"]), int(row["n_tokens"])) == (record["n_params"], record["n_tokens"])
        assert row["model"] == Path(row["source"]).name
    for row in rows:
        if not row["model"].endswith("-s0"):
            continue
        model = AutoModelForCausalLM.from_pretrained(REPOSITORY / row["source"], dtype=torch.float32)
        counted = sum(p.numel() for name, p in model.named_parameters() if "embed" not in name and "head" not in name)
        assert counted == int(row["n_params"])
    assert len({row["n_tokens"] for row in rows}) == 1
    sizes = [int(row["n_params"]) for row in rows]
    assert max(sizes) / min(sizes) > 10**3.3
    assert len(set(sizes)) >= 14
    assert all(len(seeds) >= 3 for seeds in settings.seeds.values())
    assert {size.layers for size in settings.sizes.values()} == {2}
    for size, seed in settings.checkpoints:
        of_size = [row for row in grid if row["model"].startswith(f"nano-{size}-s{seed}")]
        tokens = [int(row["n_tokens"]) for row in of_size]
        assert tokens == sorted(tokens)
        assert len(tokens) == 9
        assert tokens[0] < 0.0125 * tokens[-1]
    shipped = (REPOSITORY / "data/ladders/nano").rglob("*")
    assert sum(file.stat().st_size for file in shipped if file.is_file()) < 15e6


def test_the_recipe_keeps_every_question_of_the_default_suite_out_of_training() -> None:
    settings = read_config(REPOSITORY / "config/ladders/nano-train.yaml")
    excluded = {str(Path(path).parent).replace("/", ":") for path in settings.exclude}
    asked = {row["task"] for row in _rows(REPOSITORY / "config/suites/default.tsv")}
    own = {path.name for path in (REPOSITORY / "data/tasks").iterdir()}
    assert asked - own <= excluded
