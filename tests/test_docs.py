"""The page on the method says what the code does: its example is run, its constants compared."""

import re
import runpy
from pathlib import Path

import pytest

from rescore.discontinuity import CONVENTIONS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
# A block of Python and the output that follows it, with no other block between.
EXAMPLES = re.findall(r"```python\n(.*?)```\n(?:(?!```).)*?```text\n(.*?)```", PAGE, re.DOTALL)
SAID = {
    "progress is {:g} to": "window_low",
    "is 0.1 to {:g}.": "window_high",
    "O ≤ {:g}": "onset_max",
    "J ≥ {:g}": "jump_min",
    "it rises by {:g}": "rise_min",
    "of {:g} **draws**": "draws",
    "{:g} logits of a token": "rung_sd_logits",
    "log(NLL + {:g})": "nll_floor_nats",
    "P(M ≥ {:g})": "metric_share_min",
    "P(C ≥ {:g})": "chain_share_min",
    "at least {:g} (`confidence`)": "confidence",
    "a contrast of {:g}": "break_min",
    "({:g} sizes or more)": "break_rungs_min",
    "K ≥ {:g}": "synchrony_min",
    "rho ≥ {:g}": "lottery_rho_min",
    "rho ≤ {:g}": "graded_rho_max",
    "falls as C^-{:g}": "loss_per_decade",
    "has {:g} in 90%": "saturated_at",
    "where {:.0%} of draws have a cliff": "cliff_confidence",
    "and {:.0%} still have with any": "cliff_without",
    "where {:.0%} of draws, with any inner": "break_below",
}


def test_names_of_modules_are_unique_and_the_map_has_each() -> None:
    package = ROOT / "workflow" / "src" / "rescore"
    modules = [path for path in package.rglob("*.py") if path.stem not in ("__init__", "__main__")]
    names = [path.name for path in modules]
    assert len(set(names)) == len(names)
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)(?:\.py)?`", page))
    of_big_bench = {path.stem for path in package.glob("scoring/bigbench_*.py")}  # told as `bigbench_*.py`
    assert not {path.stem for path in modules} - told - of_big_bench


def test_the_page_has_the_example() -> None:
    assert len(EXAMPLES) == 1


@pytest.mark.parametrize(("code", "printed"), EXAMPLES)
def test_an_example_prints_what_the_page_shows(
    code: str, printed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    runpy.run_path(str(script))
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(("said", "name"), SAID.items())
def test_the_constants_are_those_of_the_code(said: str, name: str) -> None:
    assert said.format(getattr(CONVENTIONS, name)) in " ".join(PAGE.split())
