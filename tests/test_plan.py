"""The plan: what is wrong with config and tables is found before a job runs; what is right says where tasks are."""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescore.bigbench.catalogue import catalogue
from rescore.config import plan
from rescore.config.cluster import Request, raised, request
from rescore.config.extract_job import lost_tables
from rescore.config.folder import warn_of_main
from rescore.tables import InputError

CONFIG = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
LADDER = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n"
SUITE = "task\tshots\tmax_examples\tseed\n"

Make = Callable[..., plan.Plan]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_task: Any) -> Make:
    """Plan in a folder with one model and two tasks of its own; arguments replace what stands in its files."""
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    for name in ("config.json", "tokenizer.json"):
        Path("model", name).write_text("{}")
    Path("model/model.safetensors").write_bytes(b"weights")
    write_task("fruit")
    write_task("trees", examples=...)
    write_task("trees/oak")
    shutil.copytree("tasks", "data/tasks")
    Path("elsewhere").mkdir()
    shutil.move("tasks", "elsewhere/bigbench")

    def call(
        *, suite: str = "fruit\t0\t\t42\n", ladder: str = "m\tf\tmodel\t-\t1\t2\tfloat32\n", **changes: Any
    ) -> plan.Plan:
        Path("nano.tsv").write_text(LADDER + ladder)
        Path("suite.tsv").write_text(SUITE + suite)
        return plan.make(CONFIG | {"ladders": ["nano.tsv"], "suite": "suite.tsv"} | changes, "config.yaml")

    return call


def test_an_own_task_is_used_where_it_is(make: Make) -> None:
    made = make(suite="fruit\t2\t10\t7\ntrees:oak\t0\t\t42\n")
    assert list(made.models) == ["m"]
    assert made.ladder_of("m") == "nano.tsv"
    assert made.downloads == []
    assert made.fetch_options() == "--out data/downloads/bigbench"
    assert made.task_file("trees.oak") == "data/tasks/trees/task.json"
    assert made.prompt_options("fruit") == "--bigbench data/tasks --task fruit --shots 2 --seed 7 --max-examples 10"
    assert made.prompt_options("trees.oak") == "--bigbench data/tasks --task trees:oak --shots 0 --seed 42"


def test_a_task_of_big_bench_is_fetched_once_for_all_its_subtasks(make: Make) -> None:
    made = make(
        suite="arithmetic:1_digit_addition\t0\t\t42\narithmetic:2_digit_addition\t0\t\t42\nanachronisms\t0\t\t1\n"
    )
    assert made.downloads == ["anachronisms", "arithmetic"]
    assert made.fetch_options() == "anachronisms arithmetic --out data/downloads/bigbench"
    assert made.task_file("anachronisms") == "data/downloads/bigbench/anachronisms/task.json"
    assert made.task_digest("anachronisms") is None


def test_a_task_that_was_fetched_is_not_fetched_again(make: Make) -> None:
    suite = "arithmetic:1_digit_addition\t0\t\t42\nanachronisms\t0\t\t1\n"
    shutil.copytree("data/tasks/fruit", "data/downloads/bigbench/arithmetic")
    made = make(suite=suite)
    assert made.downloads == ["anachronisms"]
    assert made.task_file("arithmetic.1_digit_addition") == "data/downloads/bigbench/arithmetic/task.json"


def test_the_hub_is_passed_on(make: Make) -> None:
    hub = {"source": "tasksource/bigbench", "revision": "abc"}
    made = make(suite="anachronisms\t0\t\t1\n", bigbench={"path": None, "hub": hub})
    assert made.fetch_options() == (
        "anachronisms --out data/downloads/hub/tasksource-bigbench-abc --hub tasksource/bigbench --revision abc"
    )


def test_a_folder_of_ones_own_is_used_instead_of_the_download(make: Make) -> None:
    shutil.rmtree("data/tasks")
    made = make(suite="trees\t0\t\t1\n", bigbench={"path": "elsewhere/bigbench", "hub": None})
    assert made.downloads == []
    assert made.task_file("trees") == "elsewhere/bigbench/trees/task.json"


def test_digests_follow_files_and_rows(make: Make) -> None:
    made = make(suite="trees\t0\t\t1\n")
    task, row = made.task_digest("trees"), made.row_digest("m")
    assert (make(suite="trees\t0\t\t1\n").task_digest("trees"), made.row_digest("m")) == (task, row)
    leaf = Path("data/tasks/trees/oak/task.json")
    leaf.write_text(leaf.read_text().replace("answer 1", "answer one"))
    assert made.task_digest("trees") != task
    assert make(ladder="m\tf\tmodel\t-\t1\t2\tbfloat16\n").row_digest("m") != row
    Path("model/notes.md").symlink_to("nowhere")  # nothing reads it
    assert made.row_digest("m") == row
    weights = Path("model/model.safetensors")
    weights.write_bytes(bytes(len(weights.read_bytes())))  # trained anew: as long as before
    assert made.row_digest("m") != row


def test_a_note_in_a_ladder_runs_no_model_again(make: Make) -> None:
    made = make()
    ladder = Path("nano.tsv").read_text()
    header, row = ladder.splitlines()
    Path("noted.tsv").write_text(f"{header}\tfigures\n{row}\tthe paper\n")
    assert make(ladders=["noted.tsv"]).row_digest("m") == made.row_digest("m")


def test_tables_of_a_finished_job_that_are_gone_are_found(make: Make) -> None:
    ladder = "small\tf\tmodel\t-\t1\t2\tfloat32\nlarge\tf\tmodel\t-\t1e9\t2\tfloat32\n"
    made = make(ladder=ladder, suite="fruit\t0\t\t42\ntrees\t0\t\t42\n")
    jobs = made.extract_jobs()
    assert list(jobs) == ["small", "large"]
    assert lost_tables(jobs, "done", "results") == {}  # nothing was made yet
    for kind in ("extractions", "generations"):
        for model in ("small", "large"):
            folder = Path("results", kind, model)
            folder.mkdir(parents=True)
            for task in ("fruit", "trees"):
                (folder / f"{task}.parquet").touch()
    Path("done").mkdir()
    Path("done/small").touch()
    assert lost_tables(jobs, "done", "results") == {}
    shutil.rmtree("results/extractions/large")  # its job is not done, and runs anyway
    Path("results/generations/small/trees.parquet").unlink()
    assert lost_tables(jobs, "done", "results") == {"small": ["results/generations/small/trees.parquet"]}
    shutil.rmtree("results/extractions/small")
    assert lost_tables(jobs, "done", "results") == {
        "small": [
            "results/extractions/small/fruit.parquet",
            "results/extractions/small/trees.parquet",
            "results/generations/small/trees.parquet",
        ]
    }


def test_values_that_the_command_line_gives_as_text_are_read_as_their_types(make: Make) -> None:
    """As Snakemake hands over `--config "extract={batch_tokens: 100}"`, merged with the file."""
    made = make(
        extract=CONFIG["extract"] | {"batch_tokens": "100"},
        discontinuity=CONFIG["discontinuity"] | {"confidence": "95e-2", "axis": "n_params"},
        bigbench={"path": "null", "hub": ""},
    )
    assert made.config["extract"] == {"batch_tokens": 100, "max_new_tokens": 32, "shards": 1}
    assert (made.config["discontinuity"]["confidence"], made.config["discontinuity"]["axis"]) == (0.95, "n_params")
    assert made.config["bigbench"] == {"path": None, "hub": None}
    hub = {"source": "12", "revision": "3" * 40}
    assert make(bigbench={"path": None, "hub": hub}).config["bigbench"]["hub"] == hub  # texts in the schema


def test_each_source_of_bigbench_has_a_folder_of_its_own(make: Make) -> None:
    roots = {make(suite="anachronisms\t0\t\t1\n").download_root}
    for revision in ("a" * 40, "b" * 40):
        hub = {"path": None, "hub": {"source": "tasksource/bigbench", "revision": revision}}
        made = make(suite="anachronisms\t0\t\t1\n", bigbench=hub)
        assert made.task_file("anachronisms") == str(made.download_root / "anachronisms/task.json")
        assert f"--revision {revision}" in made.fetch_options()
        roots.add(made.download_root)
    assert len(roots) == 3


def test_a_blank_line_is_no_row(make: Make) -> None:
    assert list(make(suite="trees\t0\t\t1\n\n\t\t\t\n").tasks) == ["trees"]


def test_a_mistake_on_the_command_line_is_blamed_on_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG | {"ladders": ["nano.tsv"], "suite": "suite.tsv"}
    make()
    for given, message in (
        ({"extract": {"batch_tokens": "many"}}, "--config: key 'extract.batch_tokens': 'many', expected a whole"),
        ({"extract": {"batch_token": "1"}}, "--config: key 'extract.batch_token': unknown; did you mean"),
        ({"suits": "x"}, "--config: key 'suits': unknown; did you mean 'suite'?"),
        ({"discontinuity": {"alpha": "1"}}, "--config: key 'discontinuity.alpha': went with the p-values"),
    ):
        merged = {k: v | given.get(k, {}) if isinstance(v, dict) else v for k, v in config.items()} | {
            k: v for k, v in given.items() if k not in config
        }
        with pytest.raises(InputError, match=f"^{message}"):
            plan.make(merged, "config.yaml", given)
    hub = {"bigbench": {"path": None, "hub": {"source": "a/b"}}}
    with pytest.raises(InputError, match=r"^config.yaml \+ --config: key 'bigbench.hub.revision': missing"):
        plan.make(config | hub, "config.yaml", hub)
    broken = config | {"extract": CONFIG["extract"] | {"shards": 0}}
    with pytest.raises(InputError, match=r"^config.yaml: key 'extract.shards'"):
        plan.make(broken, "config.yaml", {"extract": {"batch_tokens": "1"}})


def test_a_large_models_tasks_are_split_and_small_models_share_a_job(make: Make) -> None:
    rows = "".join(f"s{i}\tf\tmodel\t-\t{10**i}\t2\tfloat32\n" for i in range(1, 4))
    rows += f"big\tf\tmodel\t-\t{10**9}\t2\tbfloat16\n"
    suite = "fruit\t0\t\t1\ntrees\t0\t\t1\narithmetic\t2\t10\t1\nanachronisms\t0\t50\t1\n"
    jobs = make(ladder=rows, suite=suite, extract=CONFIG["extract"] | {"shards": 3}).extract_jobs()
    assert {name: list(job.models) for name, job in jobs.items()} == {
        "s1": ["s1", "s2", "s3"],
        "big": ["big"],
        "big+2": ["big"],
        "big+3": ["big"],
    }
    parts = [list(job.tasks) for name, job in jobs.items() if name.startswith("big")]
    assert parts == [["arithmetic"], ["anachronisms"], ["fruit", "trees"]]  # 220, 50, 4 + 4
    assert list(jobs["s1"].tasks) == ["fruit", "trees", "arithmetic", "anachronisms"]
    assert (jobs["s1"].gpus, jobs["big"].gpus) == (0, 1)
    many = make(ladder=rows, suite=suite, extract=CONFIG["extract"] | {"shards": 99}).extract_jobs()
    assert sorted(t for name, job in many.items() if name.startswith("big") for t in job.tasks) == sorted(
        ["fruit", "trees", "arithmetic", "anachronisms"]
    )


def test_a_model_of_several_ladders_is_run_once(make: Make) -> None:
    shared, row = "m\tf\tmodel\t-\t1\t2\tfloat32\n", "{}\tf\tmodel\t-\t1\t{}\tfloat32\n"
    Path("steps.tsv").write_text(LADDER + row.format("m-early", 1) + shared)
    made = make(ladder=shared + row.format("m-late", 3), ladders=["nano.tsv", "steps.tsv"])
    assert list(made.models) == ["m", "m-late", "m-early"]
    assert (made.ladder_of("m"), made.ladder_of("m-early")) == ("nano.tsv", "steps.tsv")
    assert {name: list(job.models) for name, job in made.extract_jobs().items()} == {
        "m": ["m", "m-late"],
        "m-early": ["m-early"],
    }
    turned = make(ladder=shared, ladders=["steps.tsv", "nano.tsv"])
    assert turned.ladder_of("m") == "steps.tsv"
    assert turned.row_digest("m") == made.row_digest("m")  # so that another order of the ladders runs no model again


def test_questions_are_counted_by_the_catalogue(make: Make) -> None:
    suite = "fruit\t0\t\t1\narithmetic\t0\t10\t1\nanachronisms\t0\t\t1\n"
    made = make(suite=suite)
    sizes = {n: k for n, k in catalogue().select("name", "n_examples").rows() if k}
    leaves = [k for n, k in sizes.items() if n.startswith("arithmetic:")]
    assert made.n_questions("arithmetic") == sum(min(10, k) for k in leaves)
    assert made.n_questions("anachronisms") == sizes["anachronisms"]
    assert made.n_questions("fruit") == 4  # in its own file


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("fruit\t4", "'fruit' has 4 questions, 4 shots need 5; ask for fewer shots"),
        ("trees\t7", "'trees:[a-z]+' has 4 questions, 7 shots need 8; ask"),
        ("trees:oak\t4", "'trees:oak' has 4 questions, 4 shots need 5; ask"),
        ("conlang_translation\t10", "'conlang_translation:[a-z_]+' has 10 questions, 10 shots need 11; ask"),
    ],
)
def test_more_shots_than_a_subtask_has_other_questions_stop_the_plan(make: Make, row: str, told: str) -> None:
    with pytest.raises(InputError, match=rf"^suite.tsv: row 2: key 'shots': {told}"):
        make(suite=f"{row}\t\t1\n")


def test_a_whole_number_with_decimals_is_one(make: Make) -> None:
    made = make(extract={"batch_tokens": 1.0, "max_new_tokens": "2.0", "shards": 3.0})
    assert str(made.config["extract"]) == "{'batch_tokens': 1, 'max_new_tokens': 2, 'shards': 3}"


def test_what_a_model_asks_for_grows_with_it_and_with_each_try() -> None:
    def ask(n_params: int, dtype: str = "bfloat16", device_map: str | None = None) -> Request:
        row = {"n_params": n_params, "dtype": dtype, "device_map": device_map}
        return request(row, n_tokens=10**6, batch_tokens=16384)

    asked = [ask(n) for n in (10**5, 10**7, 10**9, 10**11)]
    assert [one.gpus for one in asked] == [0, 1, 1, 1]
    assert all(a.mem_mb < b.mem_mb for a, b in pairwise(asked))
    # 6.9 billion parameters: 13.8 GB of weights, 1.2 GB of embeddings and head twice, 16384 tokens of keys and values
    width = (6.9e9 * 128 / 12) ** (1 / 3)
    weights, cache = 2 * (6.9e9 + 300_000 * width), 2 * 2 * width * width / 128 * 16384
    assert ask(6_900_000_000).mem_mb == pytest.approx(3000 + 1.2 * (weights + 2 * cache) / 1e6, abs=1)
    assert ask(10**9, "float32").mem_mb == pytest.approx(2 * (ask(10**9).mem_mb - 3000) + 3000, abs=2)
    assert ask(7 * 10**10, device_map="auto").gpus == 4  # 2 x 70 GB and what runs beside them, on 80 GB each
    assert ask(7 * 10**10).gpus == 1
    assert [raised(500)(None, attempt) for attempt in (1, 2, 3)] == [500, 1000, 1500]


HUB = {"source": "tasksource/bigbench", "revision": None}
BROKEN = {
    "unpinned dataset": (
        {"bigbench": {"path": None, "hub": HUB}},
        "config.yaml: key 'bigbench.hub.revision': a dataset of the Hub needs its commit; null is for a folder",
    ),
    "subtask from the hub": (
        {
            "bigbench": {"path": None, "hub": HUB | {"revision": "a" * 40}},
            "suite": "arithmetic:2_digit_addition\t0\t\t1\n",
        },
        "suite.tsv: row 2: key 'task': 'arithmetic:2_digit_addition': the copies on the Hub have no subtasks; "
        "name the task alone",
    ),
    "setting out of range": (
        {"discontinuity": CONFIG["discontinuity"] | {"confidence": 5}},
        "config.yaml: key 'discontinuity.confidence': 5, expected 0.999 or less",
    ),
    "setting of the first edition": (
        {"discontinuity": CONFIG["discontinuity"] | {"edge_alpha": 0.1}},
        "config.yaml: key 'discontinuity.edge_alpha': went with the first edition of the method; take the line out",
    ),
    "config key": ({"suit": "x"}, "config.yaml: key 'suit': unknown; did you mean 'suite'?"),
    "text for a number": (
        {"extract": CONFIG["extract"] | {"batch_tokens": "many"}},
        "config.yaml: key 'extract.batch_tokens': 'many', expected a whole number",
    ),
    "nested key": (
        {"extract": CONFIG["extract"] | {"batch_token": 1}},
        "config.yaml: key 'extract.batch_token': unknown; did you mean 'batch_tokens'?",
    ),
    "own task unknown": (
        {"suite": "fruit:apple\t0\t\t1\n"},
        "suite.tsv: row 2: key 'task': data/tasks/fruit/task.json: task 'fruit' has no subtask 'apple'",
    ),
    "task unknown": (
        {"suite": "fruit\t0\t\t1\narithmetik\t0\t\t1\n"},
        "suite.tsv: row 3: key 'task': 'arithmetik' is neither in data/tasks nor a JSON task of BIG-Bench; "
        "did you mean 'arithmetic'?",
    ),
    "below a blank line": (
        {"suite": "fruit\t0\t\t1\n\narithmetik\t0\t\t1\n"},
        "suite.tsv: row 4: key 'task': 'arithmetik' is neither in data/tasks nor a JSON task of BIG-Bench; ",
    ),
    "subtask unknown": (
        {"suite": "arithmetic:3_digit_adition\t0\t\t1\n"},
        "suite.tsv: row 2: key 'task': 'arithmetic:3_digit_adition' is neither in data/tasks nor a JSON task of "
        "BIG-Bench; did you mean 'arithmetic:3_digit_addition'?",
    ),
    "nothing like it": (
        {"suite": "zzzzzzzz\t0\t\t1\n"},
        "suite.tsv: row 2: key 'task': 'zzzzzzzz' is neither in data/tasks nor a JSON task of BIG-Bench",
    ),
    "not in the folder": (
        {"suite": "arithmetic\t0\t\t1\n", "bigbench": {"path": "elsewhere/bigbench", "hub": None}},
        "suite.tsv: row 2: key 'task': elsewhere/bigbench/arithmetic/task.json: no such file",
    ),
    "no folder": (
        {"ladder": "m\tf\tmodels\t-\t1\t2\tfloat32\n"},
        "nano.tsv: row 2: model 'm': key 'source': no folder models; a model of the Hub needs its commit",
    ),
    "no weights": (
        {"ladder": "m\tf\tdata\t-\t1\t2\tfloat32\n"},
        "nano.tsv: row 2: model 'm': key 'source': data holds no config",
    ),
    "unpinned": (
        {"ladder": "m\tf\torg/m\tmy branch\t1\t2\tfloat32\n"},
        "nano.tsv: row 2: key 'revision': 'my branch', expected a commit",
    ),
    "slug twice": (
        {"ladder": "m\tf\tmodel\t-\t1\t2\tfloat32\n" * 2},
        "nano.tsv: row 3: key 'model': 'm' stands in row 2 already",
    ),
    "task twice": ({"suite": "fruit\t0\t\t1\n" * 2}, "suite.tsv: row 3: key 'task': 'fruit' stands in row 2 already"),
    "no compute": (
        {"ladder": "m\tf\tmodel\t-\t1\t2\tfloat32\nn\tf\tmodel\t-\t1\t\tfloat32\n"},
        "nano.tsv: row 3: key 'n_tokens': missing, so 'n' has no place along compute; give it, or test along "
        "parameters (discontinuity.axis: n_params)",
    ),
    "ladder twice": ({"ladders": ["nano.tsv", "./nano.tsv"]}, "nano.tsv: stands twice among the ladders; take one out"),
    "two ladders of one name": (
        {"ladders": ["nano.tsv", "elsewhere/nano.tsv"]},
        "elsewhere/nano.tsv: nano.tsv gives a ladder 'nano' already; rename the file",
    ),
    "models that differ in case": (
        {"ladder": "m\tf\tmodel\t-\t1\t2\tfloat32\nM\tf\tmodel\t-\t1\t2\tfloat32\n"},
        "nano.tsv: row 3: key 'model': 'M' differs from 'm' (row 2) in case only; rename one",
    ),
    "ladder missing": ({"ladders": ["none.tsv"]}, "none.tsv: no such file"),
}


@pytest.mark.parametrize(("changes", "message"), BROKEN.values(), ids=list(BROKEN))
def test_what_is_wrong_is_named_with_file_row_and_key(make: Make, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make(**changes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_home_folder_may_stand_for_itself_in_every_path(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    make()
    bigbench = {"path": "~/elsewhere/bigbench", "hub": None}
    made = make(ladders=["~/nano.tsv"], suite="trees\t0\t\t1\n", bigbench=bigbench, published={"path": "~/results"})
    assert (list(made.ladders.values()), made.config["published"]["path"]) == (
        [Path.cwd() / "nano.tsv"],
        f"{Path.cwd()}/results",
    )
    shutil.rmtree("data/tasks")
    assert (
        make(suite="trees\t0\t\t1\n", bigbench=bigbench).task_file("trees")
        == f"{Path.cwd()}/elsewhere/bigbench/trees/task.json"
    )
    with pytest.raises(
        InputError, match=r"^config.yaml: key 'ladders': ~nobody-here/l.tsv: no user 'nobody-here'; write"
    ):
        make(ladders=["~nobody-here/l.tsv"])


def test_a_path_with_a_control_character_is_refused(make: Make) -> None:
    bigbench = {"path": "a\0b", "hub": None}
    with pytest.raises(
        InputError, match=r"^config.yaml: key 'bigbench.path': 'a\\x00b' holds a control character; take"
    ):
        make(bigbench=bigbench)


def test_a_path_may_have_a_space_that_no_line_breaks_at(make: Make) -> None:
    Path("my\xa0ladder.tsv").write_text(LADDER + "m\tf\tmodel\t-\t1\t2\tfloat32\n")
    assert list(make(ladders=["my\xa0ladder.tsv"]).models) == ["m"]


@pytest.mark.parametrize("text", ["", "- a\n", "text\n"])
def test_a_config_without_keys_is_refused(make: Make, text: str) -> None:
    Path("config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"^config.yaml: holds no keys with values, such as `suite: "):
        make()


def test_every_bad_row_of_a_suite_or_ladder_is_named(make: Make) -> None:
    with pytest.raises(
        InputError, match=r"^suite.tsv: row 2: key 'task': 'frut' is .*; also suite.tsv: row 4: key 'task': 'tres' "
    ):
        make(suite="frut\t0\t\t1\nfruit\t0\t\t1\ntres\t0\t\t1\n")
    row = "{}\tf\t{}\t-\t1\t2\tfloat32\n"
    with pytest.raises(
        InputError, match=r"^nano.tsv: row 2: model 'a': key 'source'.*; also nano.tsv: row 4: model 'c': "
    ):
        make(ladder=row.format("a", "none") + row.format("b", "model") + row.format("c", "data"))


def test_a_key_that_stands_twice_in_the_file_is_named_with_its_line(make: Make) -> None:
    Path("config.yaml").write_text("suite: a.tsv\nextract:\n  shards: 1\nsuite: suite.tsv\n")
    with pytest.raises(InputError, match=r"^config.yaml: line 4: key 'suite': stands twice; take one out$"):
        make()
    Path("config.yaml").write_text("extract:\n  shards: 1\nbigbench:\n  shards: 1\n")
    make()


def test_a_malformed_task_of_ones_own(make: Make) -> None:
    path = Path("data/tasks/fruit/task.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": ["exact"]}))
    with pytest.raises(
        InputError, match=rf"^suite.tsv: row 2: key 'task': {path}: key 'metrics': 'exact' is not one of"
    ):
        make()


def test_bad_input_ends_snakemake_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, plan.exiting():
        plan.make(CONFIG | {"suit": "x"}, "config.yaml")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "rescore: config.yaml: key 'suit': unknown; did you mean 'suite'?\n"


def test_models_at_the_branch_main_are_told_in_one_line_per_ladder(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    row = "{}\tf\torg/m\t{}\t1\t2\tfloat32\n"
    moving = row.format("a", "main") + row.format("b", "main") + row.format("c", "step1") + row.format("d", "0" * 40)
    Path("steps.tsv").write_text(LADDER + row.format("e", "step1"))

    def told() -> str:
        made = make(ladder=moving, ladders=["nano.tsv", "steps.tsv"])
        warn_of_main(made.models.values(), made.ladders)
        return capsys.readouterr().err

    line = told()
    assert line.startswith("rescore: nano.tsv: 2 of 4 models name the branch main, which may move; ")
    assert line.count("\n") == 1
    Path("org/m").mkdir(parents=True)  # a folder has no branch
    for file in Path("model").iterdir():
        shutil.copy(file, "org/m")
    assert told() == ""
