"""The package without a checkout, torch or Snakemake: what an importer of others' results installs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rescore.simulate import Truth, simulated_ladder, simulated_scores

REPOSITORY = Path(__file__).parents[1]
EXTRAS = "torch transformers accelerate datasets gguf huggingface_hub safetensors sentencepiece snakemake"
WITHOUT = f"""
import sys
class Nowhere:
    def find_spec(name, path=None, target=None):
        if name in {EXTRAS.split()!r}: raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Nowhere)
from rescore.cli import main
main()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel of a copy of the source and unpack it."""
    folder = tmp_path_factory.mktemp("wheel")
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY / "workflow/src", folder / "source/workflow/src", ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source"]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    install = [*pip, "install", "--no-deps", "--no-compile", "--target", folder / "site", wheel]
    subprocess.run(install, check=True, capture_output=True)
    return folder / "site"


def test_imported_results_become_a_page_from_any_folder(site: Path, tmp_path: Path) -> None:
    ladder = simulated_ladder(rungs=5)
    scores = simulated_scores({"chain": Truth(shape="chain")}, ladder, n_items=20).drop("reason")
    scores.write_csv(tmp_path / "mine.csv")
    rows = [f"{model}\tf\torg/{model}\tmain\t1\tfloat32\t{flops!r}\n" for _, model, flops in ladder.iter_rows()]
    header = "model\tfamily\tsource\trevision\tn_params\tdtype\tcompute_flops\n"
    (tmp_path / "L.tsv").write_text(header + "".join(rows))

    def run(*arguments: str, status: int = 0) -> str:
        environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", WITHOUT, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    columns = ["--task", "task", "--subtask", "subtask", "--metric", "metric", "--score", "score"]
    columns += ["--example", "example_id", "--settings", '{"draws": 99}']
    run("import", "csv", "mine.csv", "--out", "out", "--ladder", "L.tsv", *columns)
    assert "chain" in (tmp_path / "out/report/index.html").read_text()
    assert "chain" in run("show", "cliffs", "--results", "out")
    assert "p^k" in run("simulate")
    refused = run("extract", "out/scores.parquet", "--ladder", "L.tsv", "--model", "size00-seed0", status=2)
    assert refused == (
        "rescore: huggingface_hub is not installed; pip install 'rescore[models]' brings what this command needs\n"
    )
    assert "arithmetic" in run("tasks", "arithmetic")
