"""From a ladder table to answers, with models laid out on the Hub as published families are.

Seeds lie in repositories of their own, as `.bin` in branches of steps while `main` is empty; large models are split in
parts; checkpoints are revisions of one repository. The models are the shipped ones, on a stand-in for the Hub.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hub_standin import Hub
from safetensors.torch import load_file
from test_hub import cache, hub  # noqa: F401 - fixtures
from transformers import AutoModelForCausalLM

from rescore import cli
from rescore.config.inputs import read_ladders
from rescore.tables import CLIFFS, CURVES, EXTRACTIONS, SCORES, SEEDS, VERDICTS, read
from rescore.tables.axes import checkpoint_ladders

NANO = Path("data/ladders/nano")
SIZES, SEEDS_OF_EACH = (6, 12, 16, 24, 32, 64), 3
STEPS = (80, 253, 800, 2530)
HEADER = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\tweights\n"
N_TOKENS = 9549925


def as_bin(name: str, folder: Path, *, parts: bool) -> Path:
    """Lay a shipped model out with pickles for weights, in one file or in parts."""
    shutil.copytree(NANO / name, folder)
    (folder / "model.safetensors").unlink()
    weights = load_file(NANO / name / "model.safetensors")
    if not parts:
        torch.save(weights, folder / "pytorch_model.bin")
        return folder
    of = {key: f"pytorch_model-0000{1 + (k > 4)}-of-00002.bin" for k, key in enumerate(weights)}
    for file in set(of.values()):
        torch.save({key: weight for key, weight in weights.items() if of[key] == file}, folder / file)
    index = {"metadata": {"total_size": 1}, "weight_map": of}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder


def as_parts(name: str, folder: Path) -> Path:
    """Lay a shipped model out with safetensors in parts."""
    shutil.copytree(NANO / name, folder)
    (folder / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(NANO / name).save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    return folder


@pytest.fixture
def ladders(hub: Hub, tmp_path: Path) -> list[Path]:  # noqa: F811
    """Publish sizes with seeds, and steps of the largest; return their ladder tables."""
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "README.md").write_text("weights are in the branches of steps")
    rows = []
    n_params = dict(read_ladders([Path("config/ladders/nano.tsv")]).select("model", "n_params").rows())
    for size in SIZES:
        for seed in range(SEEDS_OF_EACH):
            shipped, name = f"nano-w{size}-s{seed}", f"m{size}" + (f"-seed{seed}" if seed else "")
            folder = tmp_path / name
            if seed:
                hub.publish(f"org/{name}", empty, "main")
                hub.publish(f"org/{name}", as_bin(shipped, folder, parts=size > 24), "step143")
            else:
                hub.publish(f"org/{name}", as_parts(shipped, folder) if size > 24 else NANO / shipped, "step143")
            row = (name, "f", f"org/{name}", "step143", n_params[shipped], N_TOKENS, "float32", "bin" if seed else "")
            rows.append("\t".join(map(str, row)))
    sizes = tmp_path / "sizes.tsv"
    sizes.write_text(HEADER + "\n".join(rows) + "\n")
    steps = tmp_path / "steps.tsv"
    lines = []
    for step in STEPS:
        hub.publish("org/m64", NANO / f"nano-w64-s0-t{step}", f"step{step}")
        lines.append(f"m64-step{step}\tf\torg/m64\tstep{step}\t{n_params['nano-w64-s0']}\t{1000 * step}\tfloat32\t")
    steps.write_text(HEADER + "\n".join([*lines, rows[-SEEDS_OF_EACH]]) + "\n")
    return [sizes, steps]


def test_seeds_are_replicates_and_checkpoints_a_second_axis(ladders: list[Path], tmp_path: Path) -> None:
    out, task = tmp_path / "results", "letter_reversal:length_4"
    examples = tmp_path / "reversal.parquet"
    cli.prompts(task, examples, bigbench=Path("data/tasks"), seed=1, max_examples=50)
    made = read_ladders(ladders)
    for ladder in ladders:
        cli.extract([examples], ladder, made.filter(ladder=ladder.stem)["model"].to_list(), out)
    files = sorted(out.glob("extractions/*/reversal.parquet")) + sorted(out.glob("generations/*/reversal.parquet"))
    assert len(files) == 2 * (len(SIZES) * SEEDS_OF_EACH + len(STEPS))
    here = tmp_path / "here.tsv"  # the same model from a folder, which nobody changed
    here.write_text(f"{HEADER}m64-seed1\tf\t{NANO}/nano-w64-s1\t-\t1\t1\tfloat32\t\n")
    cli.extract([examples], here, ["m64-seed1"], tmp_path / "here")
    told = [read(folder / "extractions/m64-seed1/reversal.parquet", EXTRACTIONS) for folder in (out, tmp_path / "here")]
    assert told[0].equals(told[1])
    cli.score(files, examples, out / "scores.parquet")
    assert set(read(out / "scores.parquet", SCORES)["model"]) == set(made["model"])

    cli.test(ladders, out, [out / "scores.parquet"], settings='{"draws": 99}')
    verdicts = {
        row["ladder"]: row
        for row in read(out / "verdicts.parquet", VERDICTS).to_dicts()
        if row["metric"] == "exact_match"
    }
    assert {ladder: row["n_rungs"] for ladder, row in verdicts.items()} == {
        "sizes": len(SIZES),
        "steps": len(STEPS) + 1,
    }
    assert verdicts["sizes"]["verdict"] == "cliff"
    assert verdicts["steps"]["verdict"] != "not judged"
    curves = read(out / "curves.parquet", CURVES)
    assert checkpoint_ladders(curves) == {"steps"}
    seeds = read(out / "seeds.parquet", SEEDS).filter(ladder="sizes")
    assert set(seeds["seeds"]) == {SEEDS_OF_EACH}
    labels = dict(read(out / "cliffs.parquet", CLIFFS).select("ladder", "label").rows())
    assert labels["sizes"] in ("mirage", "both", "open")
    assert labels["steps"] != "not judged"

    text = tmp_path / "t.txt"  # of the kind that the models were trained on
    text.write_text(
        "".join(f"Reverse: {a}\nReversed: {a[::-1]}\n" for a in ("abcd", "qxyz", "mnop", "hijk", "rstu", "bdfh"))
    )
    cli.loss(text, ladders, tmp_path / "measured", window=128)
    filled = [tmp_path / "measured" / ladder.name for ladder in ladders]
    along = read_ladders(filled, axis="pretraining_loss_nats")
    assert along["pretraining_loss_nats"].n_unique() == len(set(made["model"]))
    cli.test(
        filled, tmp_path / "along", [out / "scores.parquet"], settings='{"axis": "pretraining_loss_nats", "draws": 99}'
    )
    verdicts = read(tmp_path / "along/verdicts.parquet", VERDICTS).filter(metric="exact_match")
    assert dict(verdicts.select("ladder", "n_rungs").rows())["steps"] == len(STEPS) + 1
    assert (verdicts["verdict"] != "not judged").all()
