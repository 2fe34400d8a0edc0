"""Models that cannot be run, or only with care: one line that names the file and the mend, or the right window."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from extracting import extract
from test_model_loading import SETTINGS, fails, row, write_examples
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    MptConfig,
    Qwen2Config,
    RobertaConfig,
    T5Config,
    T5ForConditionalGeneration,
    WhisperConfig,
    XLNetConfig,
)

from rescore.config.folder import check_source
from rescore.models import extraction as run
from rescore.models.loading import load, window
from rescore.tables import provenance

NANO = Path("data/ladders/nano/nano-w8-s0")
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
GPT2 = {"n_embd": 8, "n_layer": 1, "n_head": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "m"
    shutil.copytree(NANO, copy)
    return copy


def save(folder: Path, config: Any, spoil: Callable[[Any], object] = id) -> None:
    """Save a model with random weights, changed by `spoil`, beside the shipped ladder's tokenizer of 124 tokens."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        spoil(model)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(NANO).save_pretrained(folder)


def runs(folder: Path, tmp_path: Path, prompt: str = "abcde", **fields: object) -> Path:
    [made] = extract(row(folder, **fields), [write_examples(tmp_path / "t.parquet", prompt)], tmp_path, SETTINGS)
    return made


def fails_at_work(folder: Path, tmp_path: Path, prompt: str = "abcde", **fields: object) -> str:
    """What running a model says behind its name and the examples'."""
    examples = write_examples(tmp_path / "t.parquet", prompt)
    start, _, rest = fails(extract, row(folder, **fields), [examples], tmp_path, SETTINGS).partition(f"{examples}: ")
    assert start == "model 'm', "
    return rest


WINDOWS: dict[str, tuple[Any, int, int | None]] = {  # by what gives it: the window, and what makes a longer input fail
    "max_seq_len": (MptConfig(d_model=16, n_heads=2, n_layers=1, max_seq_len=24), 24, 25),
    "max_target_positions": (
        WhisperConfig(
            d_model=16, decoder_layers=1, encoder_layers=1, decoder_attention_heads=2, encoder_attention_heads=2,
            decoder_ffn_dim=16, encoder_ffn_dim=16, max_target_positions=24, vocab_size=64, pad_token_id=1,
            bos_token_id=2, eos_token_id=2, decoder_start_token_id=2,
        ), 24, 25,
    ),
    "n_positions": (GPT2Config(**GPT2, n_positions=24), 24, 25),
    "places behind that of padding": (
        RobertaConfig(**TINY, max_position_embeddings=24, pad_token_id=1, is_decoder=True), 22, 23
    ),
    "yarn": (
        Qwen2Config(
            **TINY, num_key_value_heads=1, max_position_embeddings=32,
            rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
        ), 128, None,
    ),
    "yarn, counted in": (
        Qwen2Config(
            **TINY, num_key_value_heads=1, max_position_embeddings=128,
            rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
        ), 128, None,
    ),
    "nothing": (MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1), 2**31, None),
    "less than nothing": (XLNetConfig(vocab_size=64, d_model=16, n_layer=1, n_head=2, d_inner=16), 2**31, None),
}  # fmt: skip


@pytest.mark.parametrize("key", WINDOWS)
def test_a_window_is_what_the_model_can_read(key: str) -> None:
    config, expected, too_long = WINDOWS[key]
    model = AutoModelForCausalLM.from_config(config).eval()
    assert window(model) == expected
    if too_long:
        model(input_ids=torch.full((1, expected), 5))
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, too_long), 5))


def test_a_prompt_over_the_window_of_mpt_is_cut(tmp_path: Path) -> None:
    save(tmp_path / "m", MptConfig(vocab_size=124, d_model=16, n_heads=2, n_layers=1, max_seq_len=24))
    made = runs(tmp_path / "m", tmp_path, prompt="abcde" * 8)
    assert provenance(made)["prompts_cut"] == {"t": 1}


def test_a_token_that_the_model_has_no_embedding_for_is_named(folder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["cd"])
    tokenizer.add_special_tokens({"bos_token": "<first>"})
    tokenizer.save_pretrained(folder)
    mend = "add none without resizing the embeddings, or take the tokenizer that the model was trained with"
    for prompt, token, number in (("abcde", "cd", 124), ("", "<first>", 125)):
        told = f"its tokenizer gives '{token}' the id {number}, and the model has embeddings for 124 tokens; {mend}"
        assert fails_at_work(folder, tmp_path, prompt) == told
    assert runs(folder, tmp_path, prompt="abdce")  # which has none of them


def test_a_text_that_the_tokenizer_cannot_read(folder: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"] |= {"unk_token": "<none>"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert fails_at_work(folder, tmp_path, "\u2603").startswith("its tokenizer cannot read a text: ")


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 7\n"
MERGE = "holds an adapter (adapter_config.json), which is not loaded; merge it into its base model first"


def split(folder: Path) -> list[Path]:
    """Save a model in parts of one weight or few."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="1KB")
    return sorted(folder.glob("model-*.safetensors"))


def edit(folder: Path, **fields: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))


def add_adapter(folder: Path, *, is_all: bool) -> None:
    shutil.copy(folder / "model.safetensors", folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{}")
    if is_all:
        (folder / "model.safetensors").unlink()
        (folder / "config.json").unlink()


def save_t5(folder: Path) -> None:
    T5ForConditionalGeneration(
        T5Config(vocab_size=124, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    ).save_pretrained(folder)


def be_dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights": (
        lambda m: (m / "model.safetensors").write_text(POINTER),
        ": model.safetensors is a Git LFS pointer, which stands for the file; run 'git lfs pull' there",
    ),
    "a part": (lambda m: split(m)[1].write_text(POINTER), ": model-00002-of-00007.safetensors is a Git LFS pointer"),
    "tokenizer": (lambda m: (m / "tokenizer.json").write_text(POINTER), ": tokenizer.json is a Git LFS pointer"),
    "sentencepiece": (lambda m: (m / "spiece.model").write_text(POINTER), ": spiece.model is a Git LFS pointer"),
    "a part is absent": (
        lambda m: split(m)[1].unlink(),
        " lacks model-00002-of-00007.safetensors (1 of 7 parts that model.safetensors.index.json names); copy it there",
    ),
    "the index is absent": (
        lambda m: [split(m), (m / "model.safetensors.index.json").unlink()],
        " holds neither model.safetensors nor model.safetensors.index.json, which names the parts of one",
    ),
    "the index names nothing": (
        lambda m: [split(m), (m / "model.safetensors.index.json").write_text("{}")],
        ": model.safetensors.index.json: key 'weight_map': missing, so it names no weights",
    ),
    "a link to nothing": (lambda m: be_dangling(m / "model.safetensors"), ": model.safetensors is no file"),
    "config": (lambda m: (m / "config.json").write_text("{"), ": config.json: not JSON ("),
    "list": (lambda m: (m / "config.json").write_text("[]"), ": config.json: expected a JSON object"),
    "binary": (lambda m: (m / "config.json").write_bytes(b"\xff"), ": config.json: not JSON (not in UTF-8)"),
    "generation": (lambda m: (m / "generation_config.json").write_text("{"), ": generation_config.json: not JSON ("),
    "adapter alone": (lambda m: add_adapter(m, is_all=True), f" {MERGE}"),
    "adapter beside its base": (lambda m: add_adapter(m, is_all=False), f" {MERGE}"),
    "T5": (save_t5, " is an encoder-decoder model (T5ForConditionalGeneration); only causal language models are run"),
    "BERT": (
        lambda m: edit(m, architectures=["BertForMaskedLM"]),
        " is a BertForMaskedLM, no causal language model; only those are run",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_folder_that_cannot_be_loaded_is_told_before_anything_runs(folder: Path, case: str) -> None:
    spoil, expected = SPOILT[case]
    spoil(folder)
    label = f"l.tsv: model 'm': key 'source': {folder}"
    assert fails(check_source, row(folder), "l.tsv").startswith(label + expected)
    assert fails(load, row(folder)).startswith(f"model 'm': {folder}{expected}")  # as one of the Hub is


def test_folders_that_can_be_loaded_pass(folder: Path, tmp_path: Path) -> None:
    assert len(split(folder)) == 7
    check_source(row(folder), "l.tsv")
    save(tmp_path / "bert", BertConfig(**TINY, vocab_size=124, is_decoder=True))
    check_source(row(tmp_path / "bert"), "l.tsv")


def test_a_gguf_file_that_is_a_pointer_or_cut_off(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_text(POINTER)
    told = fails(check_source, row(tmp_path, gguf_file="a.gguf"), "l.tsv")
    assert told.startswith(f"l.tsv: model 'm': key 'gguf_file': {tmp_path}: a.gguf is a Git LFS pointer")
    (tmp_path / "a.gguf").write_bytes(b"GGUF\3\0\0\0")
    assert fails(load, row(tmp_path, gguf_file="a.gguf")).endswith("; see whether a.gguf is whole")


def test_a_file_is_no_folder(folder: Path) -> None:
    file = folder / "model.safetensors"
    told = f"l.tsv: model 'm': key 'source': {file} is a file; give the folder that it is in"
    assert fails(check_source, row(file), "l.tsv") == told


UNFIT: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (
        lambda m: os.truncate(split(m)[1], 1000),
        " cannot be loaded: model-00002-of-00007.safetensors is damaged or cut off (1000 bytes); copy it there again",
    ),
    "other shapes": (
        lambda m: edit(m, vocab_size=20),
        ": gpt_neox.embed_in.weight is (124, 8) in its weights and (20, 8) by its config.json",
    ),
    "fewer layers": (
        lambda m: [save(m, GPT2Config(**GPT2 | {"n_layer": 2}, vocab_size=124)), edit(m, n_layer=1)],
        ": its config.json has no place for its weights transformer.h.1.",
    ),
    "unknown": (
        lambda m: edit(m, model_type="martian"),
        " cannot be loaded: the installed transformers does not know its 'model_type' (config.json); a later one may",
    ),
    "sees": (
        lambda m: (m / "config.json").write_text('{"model_type": "vit"}'),
        " cannot be loaded: its configuration is a ViTConfig, which is no causal language model; only those are run",
    ),
    "no tokenizer": (
        lambda m: (m / "tokenizer.json").write_text(""), " cannot be loaded: its tokenizer: JSONDecodeError: "
    ),
    "end": (
        lambda m: (m / "generation_config.json").write_text('{"eos_token_id": "<eos>"}'),
        ": key 'eos_token_id' is '<eos>': expected the id of a token, or a list of ids",
    ),
    "quantised": (
        lambda m: edit(m, quantization_config={"quant_method": "awq", "bits": 4, "group_size": 128}),
        " cannot be loaded: its weights are quantised (ImportError: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNFIT)
def test_a_model_that_cannot_be_loaded_is_told_in_one_line(folder: Path, case: str) -> None:
    spoil, expected = UNFIT[case]
    spoil(folder)
    assert fails(load, row(folder)).startswith(f"model 'm': {folder}{expected}")


def make_nan(model: Any) -> None:
    model.transformer.h[0].mlp.c_fc.weight[0, 0] = torch.nan


def make_large(model: Any) -> None:
    """Make logits of 1e30 times 1e30, more than any type holds, from weights that float32 and bfloat16 hold."""
    model.transformer.wte.weight.fill_(1e30)
    model.transformer.ln_f.weight.fill_(1e30)
    model.transformer.ln_f.bias.fill_(1e30)


@pytest.mark.parametrize(
    ("spoil", "dtype", "told"),
    [
        (make_nan, "float32", "its weight transformer.h.0.mlp.c_fc.weight holds them, so its file is damaged"),
        (make_nan, "bfloat16", "its weight transformer.h.0.mlp.c_fc.weight holds them, so its file is damaged"),
        (make_large, "float32", "its weights are finite, and what it computes from them overflows even in float32"),
        (make_large, "bfloat16", "try dtype float32 in its ladder row"),
        (make_large, "float16", "try dtype bfloat16 or float32 in its ladder row"),
    ],
)
def test_numbers_that_are_none_are_told_with_a_mend_that_helps(
    tmp_path: Path, spoil: Callable[[Any], object], dtype: str, told: str
) -> None:
    save(tmp_path / "m", GPT2Config(**GPT2, vocab_size=124), spoil)
    message = fails(load, row(tmp_path / "m", dtype=dtype))
    assert message.startswith(f"model 'm': {tmp_path / 'm'}: its logits hold NaN or infinity; {told}")


CODE = """
import torch
from transformers import GPT2Config, GPT2LMHeadModel
class OwnConfig(GPT2Config):
    model_type = "own"
class OwnForCausalLM(GPT2LMHeadModel):
    config_class = OwnConfig
    def forward(self, input_ids, **others):
        return torch.zeros(2) @ torch.zeros(3)
"""


def save_own(folder: Path) -> None:
    """Save a model whose code comes with it, and cannot run."""
    save(folder, GPT2Config(**GPT2, vocab_size=124, bos_token_id=1, eos_token_id=1))
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    edit(folder, model_type="own", auto_map=own)
    (folder / "own.py").write_text(CODE)


@pytest.mark.filterwarnings("ignore")  # the library says more of a model that it does not know
def test_a_model_that_fails_while_it_runs_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    save_own(tmp_path / "m")
    told = fails(load, row(tmp_path / "m", trust_remote_code=True))
    assert told.startswith(f"model 'm': {tmp_path / 'm'}: its architecture does not run here (RuntimeError: ")


def test_an_error_of_this_program_is_not_taken_for_the_models(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run_task", lambda *_, **__: [][0])
    with pytest.raises(IndexError):
        runs(folder, tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.model", "spiece.model"])
def test_a_sentencepiece_model_alone_is_a_tokenizer(tmp_path: Path, name: str) -> None:
    import sentencepiece

    folder = tmp_path / "m"
    folder.mkdir()
    kind = "bpe" if name == "tokenizer.model" else "unigram"
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["abc abd xyz", "banana house abc", "xyz house"] * 9), model_type=kind, vocab_size=24,
        hard_vocab_limit=False, model_writer=written, minloglevel=2,
    )  # fmt: skip
    (folder / name).write_bytes(written.getvalue())
    trained = sentencepiece.SentencePieceProcessor(model_file=str(folder / name))
    config = LlamaConfig(**TINY, vocab_size=128, bos_token_id=1, eos_token_id=2)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    kinds = {"tokenizer.model": "LlamaTokenizer", "spiece.model": "T5Tokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kinds[name]}))
    check_source(row(folder), "l.tsv")
    ids = load(row(folder)).vocabulary.ids(["banana house"])["banana house"]
    assert [token for token in ids if token != 1] == trained.encode("banana house")
    assert runs(folder, tmp_path)


def test_a_home_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    """A folder is loaded without one; what has to be kept somewhere is told, and where to say so."""
    write_examples(tmp_path / "t.parquet")
    save_own(tmp_path / "own")
    header = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\ttrust_remote_code\n"
    (tmp_path / "l.tsv").write_text(
        f"{header}here\tf\t{folder}\t-\t1\t1\tfloat32\tfalse\nown\tf\t{tmp_path}/own\t-\t1\t1\tfloat32\ttrue\n"
        f"hub\tf\torg/m\t{'0' * 40}\t1\t1\tfloat32\tfalse\n"
    )
    program = """
import contextlib, io, json, sys
from rescore import cli
for model in ("here", "own", "hub"):
    sys.argv[1:] = ["extract", "t.parquet", "--ladder", "l.tsv", "--model", model, "--out", "out"]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            cli.main()
        except SystemExit as end:
            print(json.dumps([model, end.code or 0, said.getvalue()]))
"""
    home = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_"))} | {"HOME": "/dev/null/x"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=True)
    told = {}
    for model, status, said in map(json.loads, done.stdout.splitlines()):
        assert status == (0 if model == "here" else 2), said
        assert "Traceback" not in said
        told[model] = said.splitlines()[-1]
    end = "(Not a directory); name a folder that can be"
    assert (
        told["own"]
        == f"rescore: model 'own': {tmp_path}/own cannot be loaded: /dev/null/x cannot be written {end} in HF_HOME"
    )
    assert told["hub"].startswith("rescore: model 'hub': org/m: /dev/null/x/.cache/huggingface/")
    assert told["hub"].endswith(f"of the Hub's cache cannot be used {end} written in HF_HOME")
