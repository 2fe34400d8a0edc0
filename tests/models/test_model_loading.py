"""Loading a model: once, from its folder, as its row says, or not at all, with one line that says why."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from architectures import tiny
from extracting import extract
from safetensors.torch import load_file, save_file
from test_extract import characters, make_model
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, PreTrainedModel, Qwen2Tokenizer

from rescore.commands import extract as command
from rescore.models import extraction as run
from rescore.models import jobs, loading
from rescore.models.jobs import ExtractSettings, identity, open_jobs
from rescore.models.loading import load
from rescore.models.probe import Probed, Way
from rescore.tables import EXAMPLES, EXTRACTIONS, InputError, read, write

NANO = Path("data/ladders/nano")
SETTINGS = ExtractSettings(max_new_tokens=6)


def row(folder: Path, **fields: object) -> dict[str, Any]:
    optional = {"gguf_file": None, "device_map": None, "trust_remote_code": False}
    return {"model": "m", "source": str(folder), "revision": "-", "dtype": "float32"} | optional | fields


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "m"
    shutil.copytree(NANO / "nano-w8-s0", copy)
    return copy


def write_examples(path: Path, prompt: str = "abcde", target: str = "xyz") -> Path:
    columns = {
        "task": "t", "subtask": "t", "example_id": [0], "prompt": prompt, "targets": [[target]], "choices": [None],
        "target_scores": [None], "shots": 0, "seed": 0,
    }  # fmt: skip
    write(pl.DataFrame(columns, schema=dict(EXAMPLES.columns)), path, EXAMPLES, {})
    return path


def fails(call: Any, *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_model_is_loaded_in_the_rows_precision(folder: Path, dtype: str) -> None:
    loaded = load(row(folder, dtype=dtype))
    assert {p.dtype for p in loaded.model.model.parameters()} == {getattr(torch, dtype)}
    assert not loaded.model.model.training
    assert loaded.window == json.loads((folder / "config.json").read_text())["max_position_embeddings"]


def test_files_that_make_the_library_stumble_end_in_one_line(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    del tokenizer["model"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert fails(load, row(folder)).startswith(f"model 'm': {folder} cannot be loaded: ")


def save_gpt2(folder: Path, spoil: Any = id) -> None:
    """Save a model whose places have embeddings of their own, changed by `spoil`, and a tokenizer of characters."""
    tokenizer = AutoTokenizer.from_pretrained(NANO / "nano-w8-s0")
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=32, n_embd=8, n_layer=1, n_head=1, eos_token_id=None)
    model = AutoModelForCausalLM.from_config(config)
    spoil(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


CODE = """
from pathlib import Path
from transformers import GPT2Config, GPT2LMHeadModel
Path(__file__).with_name("ran").touch()
class OwnConfig(GPT2Config):
    model_type = "own"
class OwnForCausalLM(GPT2LMHeadModel):
    config_class = OwnConfig
"""


@pytest.mark.filterwarnings("ignore")  # the library says more of a model that it does not know
def test_code_that_comes_with_a_model_runs_only_where_the_row_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "m"
    save_gpt2(folder)
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "own", "auto_map": own}))
    (folder / "own.py").write_text(CODE)
    expected = "it needs code that comes with it; read that, then set 'trust_remote_code' in its ladder row"
    assert fails(load, row(folder)) == f"model 'm': {folder} cannot be loaded: {expected}"
    assert not list(tmp_path.rglob("ran"))
    assert type(load(row(folder, trust_remote_code=True)).model.model).__name__ == "OwnForCausalLM"
    assert list((tmp_path / "modules").rglob("ran"))


def test_a_package_that_a_row_needs_and_is_not_there_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda _: None)
    for key, value, package in (("gguf_file", "a.gguf", "gguf"), ("device_map", "auto", "accelerate")):
        expected = f"model 'm': {folder}: '{key}' needs the package '{package}': install it beside rescore"
        assert fails(load, row(folder, **{key: value})) == expected
    monkeypatch.setattr(loading, "find_spec", lambda name: None if name == "accelerate" else name)
    assert "'gguf_file' needs the package 'accelerate'" in fails(load, row(folder, gguf_file="a.gguf"))


def test_a_model_larger_than_the_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def to(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 1 GiB")

    monkeypatch.setattr(PreTrainedModel, "to", to)
    expected = "exceeds the GPU: a smaller 'dtype', or 'device_map' auto on several"
    assert fails(load, row(folder)) == f"model 'm': {folder} {expected}"


def test_a_model_spread_over_devices_gives_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    examples = write_examples(tmp_path / "t.parquet")
    tables = []
    for device_map in (None, "auto"):
        [path] = extract(row(folder, device_map=device_map), [examples], tmp_path / str(device_map), SETTINGS)
        tables.append(read(path, EXTRACTIONS))
    assert tables[0].equals(tables[1])


def write_gguf(path: Path) -> dict[str, torch.Tensor]:
    """Write a Llama model of one layer and one head, whose tokens are characters and `ab`, as GGUF."""
    import gguf

    width, words = 32, ["<s>", "</s>", *map(chr, range(32, 127)), "ab"]
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in {
        "context_length": 64, "embedding_length": width, "block_count": 1, "feed_forward_length": width,
        "head_count": 1, "head_count_kv": 1, "rope_dimension_count": width, "vocab_size": len(words),
    }.items():  # fmt: skip
        getattr(writer, f"add_{name}")(value)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([word.replace(" ", "Ġ") for word in words])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    torch.manual_seed(0)
    shapes = {"token_embd": (len(words), width), "output": (len(words), width)}
    shapes |= {f"blk.0.attn_{part}": (width, width) for part in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.ffn_{part}": (width, width) for part in ("gate", "up", "down")}
    tensors = {name: torch.randn(shape) for name, shape in shapes.items()}
    tensors |= {name: torch.ones(width) for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")}
    for name, tensor in tensors.items():
        writer.add_tensor(f"{name}.weight", tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def test_a_gguf_file_is_loaded_and_is_what_its_numbers_hang_on(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    tensors = write_gguf(tmp_path / "a.gguf")
    first = row(tmp_path, gguf_file="a.gguf")
    loaded = load(first)
    assert torch.equal(loaded.model.model.get_input_embeddings().weight.detach(), tensors["token_embd"])
    assert torch.equal(loaded.model.model.get_output_embeddings().weight.detach(), tensors["output"])
    assert loaded.vocabulary.tokenizer("cab")["input_ids"][-2:] == [2 + ord("c") - 32, 97]
    assert loaded.eos_ids == {1}
    shutil.copy(tmp_path / "a.gguf", tmp_path / "b.gguf")
    who = identity(first)
    assert identity(row(tmp_path, gguf_file="b.gguf")) != who
    (tmp_path / "b.gguf").unlink()
    (tmp_path / "config.json").write_text("{}")
    assert identity(first) == who


def test_a_layer_that_predicts_later_tokens_is_not_needed(tmp_path: Path) -> None:
    """DeepSeek and GLM put one behind the last; the library knows its number for their own sizes alone."""
    model = tiny("glm4_moe")
    model.save_pretrained(tmp_path)
    characters().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    behind = {k.replace(".layers.1.", ".layers.2."): v.clone() for k, v in weights.items() if ".layers.1." in k}
    save_file(weights | behind, path, metadata={"format": "pt"})
    assert "its config.json has no place for its weights model.layers.2." in fails(load, row(tmp_path))
    behind["model.layers.2.eh_proj.weight"] = torch.zeros(32, 64)
    save_file(weights | behind, path, metadata={"format": "pt"})
    loaded = load(row(tmp_path)).model.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_weights_that_a_config_has_no_place_for_are_told(tmp_path: Path) -> None:
    """The library ignores them, though the model was trained with them; buffers and other parts may be ignored."""
    given = make_model(tmp_path, "llama", characters())
    path, layer = tmp_path / "model.safetensors", "model.layers.0.self_attn"
    weights = load_file(path)
    for name in (f"{layer}.q_proj.bias", f"{layer}.q_norm.weight", "model.layers.2.mlp.up_proj.weight"):
        save_file(weights | {name: torch.ones(32)}, path, metadata={"format": "pt"})
        assert fails(load, given).endswith(f": its config.json has no place for its weights {name} and 0 more")
    others = [f"{layer}.rotary_emb.inv_freq", f"{layer}.bias", f"{layer}.k_scale", "vision.layers.0.q.weight", "v.bias"]
    save_file(weights | {name: torch.ones(32) for name in others}, path, metadata={"format": "pt"})
    assert load(given)


def test_a_tokenizer_that_is_read_by_its_file_keeps_the_end_token_of_its_class(tmp_path: Path) -> None:
    tiny("qwen2").save_pretrained(tmp_path)
    words = characters()
    words.add_special_tokens({"additional_special_tokens": ["<|endoftext|>"]})
    words.save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Qwen2Tokenizer"}))
    vocabulary = load(row(tmp_path)).vocabulary
    assert vocabulary.ids(["a b"]) == {"a b": words("a b")["input_ids"]}
    assert vocabulary.tokenizer.eos_token_id == words.convert_tokens_to_ids("<|endoftext|>")


@pytest.mark.parametrize("asked", [{"return_dict": False}, {"attn_implementation": "flex_attention"}])
def test_what_a_configuration_asks_of_the_library_changes_no_number(
    folder: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    examples = write_examples(tmp_path / "t.parquet")
    [plain] = extract(row(folder), [examples], tmp_path / "plain", SETTINGS)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | asked))
    [path] = extract(row(folder), [examples], tmp_path / "asked", SETTINGS)
    assert read(path, EXTRACTIONS).equals(read(plain, EXTRACTIONS))


def test_a_tokenizer_reads_text_as_its_file_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The library's class for Qwen2 splits words and drops characters that are no bytes, whatever the file holds."""
    text = "Q: a b\n"
    tiny("qwen2").save_pretrained(tmp_path)
    for words, told in (
        (characters(), "its tokenizer.json is read as it is; Qwen2Tokenizer of transformers reads text otherwise\n"),
        (Qwen2Tokenizer(vocab={c: i for i, c in enumerate(sorted(ByteLevel.alphabet())[:98])}, merges=[]), ""),
    ):
        words.save_pretrained(tmp_path)
        assert load(row(tmp_path)).vocabulary.ids([text]) == {text: words(text)["input_ids"]}
        said = capsys.readouterr().err
        assert said.endswith(told) if told else "Qwen2Tokenizer" not in said


def test_what_numbers_hang_on(folder: Path) -> None:
    who = identity(row(folder))
    (folder / "README.md").write_text("says nothing about the numbers")
    assert identity(row(folder)) == who
    assert identity(row(folder, trust_remote_code=True)) == f"{who}, running its code"
    weights = load_file(folder / "model.safetensors")
    save_file({k: v + 1 for k, v in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    assert identity(row(folder)) != who
    assert identity(row(Path("org/m"), revision="0" * 40)) == f"org/m@{'0' * 40}"
    assert identity(row(Path("org/m"), revision="0" * 40, gguf_file="a.gguf")) == f"org/m@{'0' * 40}/a.gguf"


def test_a_model_is_loaded_once_for_many_tasks_and_each_table_read_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [write_examples(tmp_path / f"{name}.parquet", prompt=name) for name in "abc"]
    loads, reads, read = [], [], jobs.read
    monkeypatch.setattr(run, "load", lambda r: loads.append(r) or load(r))
    monkeypatch.setattr(jobs, "read", lambda path, table: reads.append(path) or read(path, table))
    made = extract(row(folder), examples, tmp_path, SETTINGS)
    assert [path.stem for path in made] == ["a", "b", "c"]
    assert len(loads) == 1
    assert reads == examples
    assert list(open_jobs(row(folder), examples, tmp_path, SETTINGS)) == []
    made[1].unlink()
    assert [job.examples for job in open_jobs(row(folder), examples, tmp_path, SETTINGS)] == examples[1:2]


def test_examples_that_are_not_there_are_named_before_the_model_is_loaded(folder: Path, tmp_path: Path) -> None:
    examples = [write_examples(tmp_path / "a.parquet"), tmp_path / "none.parquet"]
    with pytest.raises(InputError, match=rf"^{tmp_path}/none\.parquet: no such file$"):
        extract(row(folder), examples, tmp_path, SETTINGS)
    assert not (tmp_path / "extractions").exists()


@pytest.mark.parametrize(("where", "position"), [("first token", 4), ("candidate", 6), ("greedy answer", 9)])
@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_a_logit_that_is_no_number_stops_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, position: int, number: float
) -> None:
    """A prompt of 5 tokens and a target of 3: the target is scored from places 4 to 6, the greedy answer goes on."""
    fastest = Way(batches=True, shares_prefix=True, trees=True)
    monkeypatch.setattr("rescore.models.loading.probe", lambda *_: Probed(fastest, {}))  # it would find it before

    def spoil(model: Any) -> None:
        with torch.no_grad():
            model.transformer.wpe.weight[position] = number

    save_gpt2(tmp_path / "m", spoil)
    examples = write_examples(tmp_path / "t.parquet", "abcde", "xyz")
    message = fails(extract, row(tmp_path / "m"), [examples], tmp_path, SETTINGS)
    assert message.startswith(f"model 'm', {examples}: its logits hold NaN or infinity")
    assert not (tmp_path / "extractions").exists()
    if where == "greedy answer":  # one that is cut before never comes there
        assert extract(row(tmp_path / "m"), [examples], tmp_path, ExtractSettings(max_new_tokens=2))


def test_two_tables_of_examples_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    examples = [write_examples(tmp_path / "a.parquet"), write_examples(tmp_path / "b" / "a.parquet")]
    ladder = tmp_path / "ladder.tsv"
    ladder.write_text(f"model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\nm\tf\t{folder}\t-\t1\t1\tfloat32\n")
    with pytest.raises(InputError) as caught:
        command.extract(examples, ladder, ["m"], tmp_path, batch_tokens=9, max_new_tokens=1, threads=None)
    assert str(caught.value).startswith(f"{examples[1]}: {examples[0]} has this name too")
    assert not (tmp_path / "extractions").exists()


@pytest.mark.parametrize(("n_params", "asked"), [(9_999_999, []), (10_000_000, [False]), (None, [False])])
def test_a_small_model_waits_for_no_gpu(tmp_path, monkeypatch, n_params, asked):
    made = make_model(tmp_path / "m", "llama", characters())
    claims: list[bool] = []
    monkeypatch.setattr(loading, "claim", lambda *, every: claims.append(every) or [])
    assert load(made | {"n_params": n_params}).model.device.type == "cpu"
    assert claims == asked
