"""The loss of a model on a text: by hand, by lm-evaluation-harness, and what a user may give in its place."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from test_model_loading import fails, row, save_gpt2
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from rescore.commands import loss as command
from rescore.config.inputs import read_ladders
from rescore.models.loading import Loaded, load
from rescore.models.split import SplitModel
from rescore.models.text_loss import text_loss
from rescore.tables import LOSSES, InputError, provenance, read

NANO = Path("data/ladders/nano")
WINDOW = 40
PEER = Path(__file__).with_name("text_loss_peer.py")
TEXT = """A gull sat on the wall. It had seen 14 boats go out,
and now it counted them in again: 11, 12, 13.

Sort: edcba
Sorted: abcde
The last one came late, with its lamp lit; the gull slept.
"""


def by_hand(folder: Path, text: str, window: int, stride: int) -> list[float]:
    """Nats of each token, each by a forward pass of its own over what precedes it in its window."""
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    sequence = [tokenizer.eos_token_id, *tokens]
    nats = []
    for place in range(1, len(sequence)):
        end = window
        while end < place:  # the first window that reaches it
            end += stride
        start = max(0, min(end, len(tokens)) - window)
        with torch.no_grad():
            logits = model(torch.tensor([sequence[start:place]])).logits[0, -1].double()
        nats.append(-float(logits.log_softmax(-1)[sequence[place]]))
    return nats


@pytest.mark.parametrize(("window", "stride"), [(16, 16), (16, 8), (16, 1), (40, 24), (4096, 4096)])
def test_each_token_is_scored_once_after_what_its_window_holds(window: int, stride: int) -> None:
    folder = NANO / "nano-w24-s0"
    loaded = load(row(folder))
    right = by_hand(folder, TEXT, min(window, loaded.window), min(stride, loaded.window))
    for batch_tokens in (1, 100, 16384):
        found = text_loss(loaded, TEXT, window=window, stride=stride, batch_tokens=batch_tokens)
        assert found.n_tokens == len(right)
        assert found.window == min(window, loaded.window)
        assert found.nats / found.n_tokens == pytest.approx(np.mean(right), abs=1e-6)


def test_a_text_of_one_token_follows_bos_alone() -> None:
    loaded = load(row(NANO / "nano-w24-s0"))
    [right] = by_hand(NANO / "nano-w24-s0", "a", 16, 16)
    assert text_loss(loaded, "a", window=16, stride=16, batch_tokens=100).nats == pytest.approx(right, abs=1e-6)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CPUAllocator: can't allocate memory")]
)
def test_a_batch_that_runs_out_of_memory_is_halved_and_counted_once(
    monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    loaded = load(row(NANO / "nano-w24-s0"))
    options = {"window": 16, "stride": 16, "batch_tokens": 100}
    whole = text_loss(loaded, TEXT, **options)
    sizes, most = [], 16

    def in_two_parts(model: SplitModel, states: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        sizes.append(len(states))
        for part in (slice(0, len(states) // 2), slice(len(states) // 2, len(states))):
            if part.start and len(states) > most:
                raise error
            yield part, model.logits(states[part])

    monkeypatch.setattr(SplitModel, "chunks", in_two_parts)
    assert text_loss(loaded, TEXT, **options).nats == pytest.approx(whole.nats, abs=1e-4)
    assert sizes[:4] == [96, 48, 16, 16]  # six windows, three, one
    most = 15
    with pytest.raises(InputError, match=r"^a window of 16 tokens needs more memory than there is; ask for less$"):
        text_loss(loaded, TEXT, **options)


def test_numbers_are_those_of_lm_evaluation_harness(tmp_path: Path) -> None:
    peer = Path(sys.prefix, "peer")
    if not peer.is_dir():
        pytest.skip(f"{peer}: no such folder; sh setup.sh --dev makes it")
    (tmp_path / "text.jsonl").write_text(json.dumps({"text": TEXT}) + "\n")
    folder = (NANO / "nano-w24-s0").resolve()
    offline = {"HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, PEER, tmp_path, folder, str(WINDOW)], env=os.environ | offline | {"PYTHONPATH": str(peer)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = json.loads(done.stdout.partition("FOUND")[2])
    found = text_loss(load(row(folder)), TEXT, window=WINDOW, stride=WINDOW, batch_tokens=1000)
    assert found.n_tokens > 2 * WINDOW
    words = len(re.split(r"\s+", TEXT))
    assert exp(found.nats / words) == pytest.approx(theirs["word_perplexity"], rel=1e-4)
    assert found.nats / log(2) / len(TEXT) == pytest.approx(theirs["bits_per_byte"], rel=1e-4)


def test_what_a_tokenizer_cannot_do_is_told(tmp_path: Path) -> None:
    loaded = load(row(NANO / "nano-w24-s0"))
    options = {"window": 16, "stride": 16, "batch_tokens": 100}
    assert fails(lambda: text_loss(loaded, "a \u2603", **options)).startswith("its tokenizer")
    save_gpt2(tmp_path / "m")
    loaded = load(row(tmp_path / "m"))
    loaded.vocabulary.tokenizer.eos_token = loaded.vocabulary.tokenizer.bos_token = None
    assert fails(lambda: text_loss(loaded, "abc", **options)).startswith("its tokenizer has neither a BOS nor an EOS")


def write_ladder(path: Path, *folders: Path) -> Path:
    rows = "".join(f"{folder.name}\tf\t{folder}\t-\t{10 + k}\t9\tfloat32\n" for k, folder in enumerate(folders))
    path.write_text(f"model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n{rows}")
    return path


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    """Two sizes of the shipped ladder."""
    return write_ladder(tmp_path / "l.tsv", NANO / "nano-w8-s0", NANO / "nano-w24-s0")


def test_a_ladder_gets_its_axis(ladder: Path, tmp_path: Path) -> None:
    text, out = tmp_path / "t.txt", tmp_path / "out"
    text.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())  # a byte order mark is no text
    command.loss(text, [ladder], out, window=32, stride=16)
    table = read(out / "losses.parquet", LOSSES)
    assert table["model"].to_list() == ["nano-w8-s0", "nano-w24-s0"]
    assert table.select("text", "n_bytes", "window", "stride").unique().row(0) == ("t.txt", len(TEXT), 32, 16)
    right = [float(np.mean(by_hand(NANO / name, TEXT, 32, 16))) for name in table["model"]]
    assert table["nats_per_token"].to_list() == pytest.approx(right, abs=1e-6)
    bits = table["nats_per_token"] * table["n_tokens"] / log(2) / len(TEXT)
    assert table["bits_per_byte"].to_list() == pytest.approx(bits.to_list(), rel=1e-12)
    filled = read_ladders([out / "l.tsv"], axis="pretraining_loss_nats")
    assert filled["pretraining_loss_nats"].to_list() == pytest.approx(table["nats_per_token"].to_list(), rel=1e-8)
    assert filled.drop("pretraining_loss_nats").equals(read_ladders([ladder]).drop("pretraining_loss_nats"))


def test_what_is_measured_is_not_measured_again(ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    monkeypatch.setattr("rescore.models.loading.load", lambda r: loads.append(r["model"]) or load(r))
    text, out = tmp_path / "t.txt", tmp_path / "out"
    text.write_text(TEXT)
    both = ["nano-w8-s0", "nano-w24-s0"]
    command.loss(text, [ladder], out, window=32)
    first = read(out / "losses.parquet", LOSSES)
    text.rename(tmp_path / "renamed.txt")
    command.loss(tmp_path / "renamed.txt", [ladder], out, window=32)
    assert loads == both
    again = read(out / "losses.parquet", LOSSES)
    assert set(again["text"]) == {"renamed.txt"}
    assert again.drop("text").equals(first.drop("text"))
    assert provenance(out / "losses.parquet")["window"] == 32
    command.loss(tmp_path / "renamed.txt", [ladder], out, window=33)
    assert loads == both * 2
    ladder.write_text(ladder.read_text().replace("9\tfloat32\nnano-w24", "9\tbfloat16\nnano-w24"))
    command.loss(tmp_path / "renamed.txt", [ladder], out, window=33)
    assert loads == [*both * 2, both[0]]
    (tmp_path / "renamed.txt").write_text("abc")
    command.loss(tmp_path / "renamed.txt", [ladder], out, window=33)
    assert loads == [*both * 2, both[0], *both]
    monkeypatch.setattr("rescore.tables.source.code_digest", lambda module: f"another {module}")
    command.loss(tmp_path / "renamed.txt", [ladder], out, window=33)
    assert loads == [*both * 2, both[0], *both, *both]


def test_models_of_another_ladder_stay_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []

    def loaded(given: dict[str, Any]) -> Loaded:
        loads.append(given["model"])
        if len(loads) == 4:
            raise KeyboardInterrupt
        return load(given)

    monkeypatch.setattr("rescore.models.loading.load", loaded)
    text, out = tmp_path / "t.txt", tmp_path / "out"
    text.write_text(TEXT)
    one = write_ladder(tmp_path / "a.tsv", NANO / "nano-w8-s0", NANO / "nano-w24-s0")
    other = write_ladder(tmp_path / "b.tsv", NANO / "nano-w8-s1")
    command.loss(text, [one], out, window=32)
    first = read(out / "losses.parquet", LOSSES)
    command.loss(text, [other], out, window=32)
    both = read(out / "losses.parquet", LOSSES)
    assert both["model"].to_list() == loads == ["nano-w8-s0", "nano-w24-s0", "nano-w8-s1"]
    assert both.head(2).equals(first)
    changed = tmp_path / "changed/nano-w8-s0"
    shutil.copytree(NANO / "nano-w8-s0", changed)
    (changed / "new.json").write_text("{}")
    with pytest.raises(KeyboardInterrupt):
        command.loss(text, [write_ladder(one, NANO / "nano-w24-s0", changed)], out, window=32)
    left = read(out / "losses.parquet", LOSSES)
    command.loss(text, [write_ladder(one, NANO / "nano-w24-s0"), other], out, window=32)
    assert len(loads) == 4  # what was measured before the kill is still there
    assert left["model"].to_list() == both["model"].to_list()


def test_models_of_other_tokenizers_share_an_axis(tmp_path: Path) -> None:
    """The axis counts the first model's tokens for all, so that its places are those of bits per byte."""
    save_gpt2(tmp_path / "chars")
    shutil.copytree(tmp_path / "chars", tmp_path / "pairs")
    old = AutoTokenizer.from_pretrained(tmp_path / "chars")
    words = {token: k for token, k in old.get_vocab().items() if k < 100}
    pairs = {"ab": 100, "ba": 101} | {c: words[c] for c in "ab"} | {"<e>": 102}
    tokenizer = Tokenizer(models.WordLevel(pairs, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("ab|ba|a|b"), "isolated")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<e>").save_pretrained(tmp_path / "pairs")
    path = write_ladder(tmp_path / "l.tsv", tmp_path / "chars", tmp_path / "pairs")
    (tmp_path / "t.txt").write_text("abab" * 5)
    command.loss(tmp_path / "t.txt", [path], tmp_path / "out", window=8)
    table = read(tmp_path / "out/losses.parquet", LOSSES)
    assert table["n_tokens"].to_list() == [20, 10]
    axis = pl.Series(read_ladders([tmp_path / "out/l.tsv"])["pretraining_loss_nats"])
    per_byte = table["bits_per_byte"] * log(2)
    assert (axis / per_byte).to_list() == pytest.approx([1.0, 1.0], rel=1e-8)  # 20 bytes are 20 tokens of the first


BAD = {
    "empty": (b"", ": holds no text"),
    "latin-1": (b"caf\xe9", ": not UTF-8 at byte 3; convert it (iconv -f LATIN1 -t UTF-8, if it is LATIN1)"),
    "utf-16": ("abc".encode("utf-16"), ": not UTF-8 at byte 0; convert it (iconv -f UTF-16 -t UTF-8, if it is UTF-16)"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_text_is_told(ladder: Path, tmp_path: Path, case: str) -> None:
    content, told = BAD[case]
    (tmp_path / "t.txt").write_bytes(content)
    assert fails(command.loss, tmp_path / "t.txt", [ladder], tmp_path / "out") == f"{tmp_path}/t.txt{told}"
    assert not (tmp_path / "out").exists()


def test_folders_and_files_in_the_way_are_told(ladder: Path, tmp_path: Path) -> None:
    assert fails(command.loss, tmp_path, [ladder]) == f"{tmp_path}: cannot be read (Is a directory)"
    assert fails(command.loss, tmp_path / "no.txt", [ladder]) == f"{tmp_path}/no.txt: no such file"
    (tmp_path / "t.txt").write_text(TEXT)
    told = fails(command.loss, tmp_path / "t.txt", [ladder], tmp_path)
    assert told == f"{ladder}: lies in --out, where its copy would replace it; give another folder"


def test_a_model_that_fails_comes_last_and_leaves_the_others(tmp_path: Path) -> None:
    shutil.copytree(NANO / "nano-w6-s0", tmp_path / "bad")
    os.truncate(tmp_path / "bad/model.safetensors", 500)
    ladder = write_ladder(tmp_path / "l.tsv", NANO / "nano-w8-s0", tmp_path / "bad", NANO / "nano-w24-s0")
    (tmp_path / "t.txt").write_text("abc")
    told = fails(command.loss, tmp_path / "t.txt", [ladder], tmp_path / "out")
    assert told.startswith(f"model 'bad': {tmp_path}/bad cannot be loaded: model.safetensors is damaged")
    assert read(tmp_path / "out/losses.parquet", LOSSES)["model"].to_list() == ["nano-w8-s0", "nano-w24-s0"]
    assert not (tmp_path / "out/l.tsv").exists()
