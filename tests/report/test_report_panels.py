"""Small panels, the map, the waterfall, curves by answer length, answers in words: each shows what the tables hold."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import vl_convert
from report_tables import WORDS, cliff_row, curve_rows
from test_report_charts import scene

from rescore.report import partial_credit, real_answers
from rescore.report.along import Along
from rescore.report.charts import GREEN, RED
from rescore.report.cliff_charts import PARTS, cliff_map, waterfall
from rescore.report.panels import Panel, grouped, line
from rescore.report.replies import facts, replies
from rescore.report.sentences import sentences
from rescore.report.text import LABELS, Subtask, group, in_order, words
from rescore.tables import CLIFFS, EXAMPLES, GENERATIONS, write

COMPUTE = Along()
LINES = {"metric_share_min": 0.25, "acceleration_min": 0.5}


def test_a_curve_that_falls_is_drawn_upside_down() -> None:
    assert str(line("partial", [(1, 2.0), (3, 0.0)], (1, 3), top=2.0, falls=True).points) == "2,46 118,2"
    assert str(line("hard", [(1, 0.0)], (1, 1)).points) == "2,46"  # a ladder of one size


def test_groups_are_in_order_and_a_reader_sees_what_is_empty() -> None:
    panel = Panel("s1", "a", "", "", "", [])
    found = grouped([("flat", panel), ("real or ordinary", panel), ("real or ordinary", panel), (None, panel)])
    assert [(each.name, len(each.panels)) for each in found] == [
        ("mirage", 0),
        ("both", 0),
        ("real", 0),
        ("ordinary", 0),
        ("real or ordinary", 2),
        ("no cliff", 0),
        ("flat", 1),
        ("no label", 1),
    ]
    assert found[0].meaning == LABELS["mirage"]


def cliff(label: str, share: float, alpha: float, **values: Any) -> pl.DataFrame:
    numbers = {"metric_share": share, "metric_share_low": share - 0.1, "metric_share_high": share + 0.1}
    numbers |= {"acceleration": alpha, "acceleration_low": alpha - 0.1, "acceleration_high": alpha + 0.1}
    key = ("nano", "t", f"t:{label}")
    return cliff_row(key, label, cliff="yes", **numbers | values)


def test_the_map_has_a_point_per_cliff_with_its_intervals_and_four_regions() -> None:
    cliffs = pl.concat([cliff("mirage", 0.75, 0.0), cliff("real", 0.0, 0.75), cliff_row(WORDS, "no cliff", cliff="no")])
    graph = vl_convert.vegalite_to_scenegraph(cliff_map(cliffs, LINES).to_dict())
    mirage, real = scene(graph, "symbol")
    assert (mirage["fill"], real["fill"]) == (RED, GREEN)
    assert mirage["x"] > real["x"]
    assert mirage["y"] > real["y"]  # down the page: slower
    rules = [bar for bar in scene(graph, "rule") if bar.get("x2", bar["x"]) != bar["x"] and bar["y"] == mirage["y"]]
    assert [(bar["x"] + bar["x2"]) / 2 for bar in rules if bar["stroke"] == RED] == pytest.approx([mirage["x"]])
    texts = [text["text"] for text in scene(graph, "text")]
    assert texts == ["real", "both", "ordinary", "mirage", 1, 2]
    assert "mark" in cliff_map(CLIFFS.empty(), LINES).to_dict()  # nothing to draw


def test_the_map_holds_intervals_whole_unless_they_are_very_wide() -> None:
    def domains(low: float, high: float) -> list[list[float]]:
        ends = {"metric_share_low": low, "metric_share_high": high, "acceleration_low": low, "acceleration_high": high}
        [points] = [
            layer
            for layer in cliff_map(cliff("mirage", 0.5, 0.5, **ends), {}).to_dict()["layer"]
            if layer["mark"]["type"] == "point"
        ]
        return [points["encoding"][axis]["scale"]["domain"] for axis in "xy"]

    assert all(left < -0.15 and right > 1.0 for left, right in domains(-0.15, 1.0))
    assert all(left > -0.5 and right < 1.5 for left, right in domains(-9.0, 9.0))


def test_a_crowd_on_the_map_has_neither_bars_nor_numbers() -> None:
    many = pl.concat([cliff("open", 0.5, 0.5)] * 41)
    assert len(cliff_map(many, {}).to_dict()["layer"]) == 1
    assert len(cliff_map(many.head(40), {}).to_dict()["layer"]) == 4


def test_numbers_on_the_map_cover_no_other_number_and_no_point() -> None:
    near = pl.concat([cliff("open", 0.5 + 0.05 * n, 0.5 + 0.04 * (n % 3)) for n in range(6)])
    graph = vl_convert.vegalite_to_scenegraph(cliff_map(near, {}).to_dict())
    numbers = [text for text in scene(graph, "text") if isinstance(text["text"], int)]
    assert sorted(text["text"] for text in numbers) == [1, 2, 3, 4, 5, 6]
    places = [(text["x"] + text["dx"], text["y"] + text["dy"]) for text in numbers]
    places += [(point["x"], point["y"]) for point in scene(graph, "symbol")]
    for at, (x, y) in enumerate(places[:6]):
        others = places[:at] + places[at + 1 :]
        assert min(max(abs(x - a), abs(y - b)) for a, b in others) >= 9  # pixels, as high as the digits are


def test_a_number_on_the_map_is_nearest_to_its_own_point() -> None:
    crowd = [(0.42, 0.704), (0.47, 0.729), (0.401, 0.642), (0.401, 0.597), (0.434, 0.673)]
    cliffs = pl.concat(cliff("open", share, alpha, subtask=f"t:{n}") for n, (share, alpha) in enumerate(crowd))
    graph = vl_convert.vegalite_to_scenegraph(cliff_map(cliffs, {}).to_dict())
    points = [(point["x"], point["y"]) for point in scene(graph, "symbol")]
    numbers = [text for text in scene(graph, "text") if isinstance(text["text"], int)]
    assert len(numbers) == len(points)
    for text in numbers:
        x, y = text["x"] + text["dx"], text["y"] + text["dy"]
        far = [max(abs(x - a), abs(y - b)) for a, b in points]
        assert far.index(min(far)) == text["text"] - 1


def test_the_waterfall_stacks_the_parts_on_either_side_of_zero() -> None:
    parts = dict(zip(PARTS, (0.5, 0.25, 0.5, -0.25), strict=True))
    graph = vl_convert.vegalite_to_scenegraph(waterfall(cliff("both", 0.5, 0.6, **parts)).to_dict())
    bars = scene(graph, "rect")
    zero = scene(graph, "rule")[0]["x"]
    unit = bars[0]["width"] / 0.5
    starts = [(bar["x"] - zero) / unit for bar in bars]
    assert starts == pytest.approx([0, 0.5, 0.75, -0.25])
    assert [bar["width"] / unit for bar in bars] == pytest.approx([0.5, 0.25, 0.5, 0.25])


def by_length() -> tuple[pl.DataFrame, pl.DataFrame]:
    keys = [("nano", "t", f"t:{n}_letters_long") for n in (3, 5, 8)]
    metrics = {"exact_match": 0.25, "token_edit_distance": 0.125}
    curves = [curve_rows(key, m, [(mean / n, 0.0)] * 4) for n, key in enumerate(keys, 1) for m, mean in metrics.items()]
    other = curve_rows(WORDS, "exact_match", [(0.5, 0.0)] * 4)
    lengths = [cliff_row(key, "open", answer_tokens=tokens) for key, tokens in zip(keys, (3.0, 5.5, 8.0), strict=True)]
    return pl.concat([*curves, other]), pl.concat([*lengths, cliff_row(WORDS, "open", answer_tokens=2.0)])


def test_subtasks_that_differ_in_a_number_are_a_series_by_answer_length() -> None:
    rows = partial_credit.by_length(*by_length(), COMPUTE)
    assert rows["series"].unique().to_list() == ["t: n-letters long"]
    first = rows.filter(place=0, metric="exact_match")
    assert first.select("tokens", "mean").rows() == [(3.0, 0.25), (5.5, 0.125), (8.0, pytest.approx(0.25 / 3))]
    [cells] = partial_credit.cells(rows, COMPUTE).values()
    assert [(cell.size, cell.ends) for cell in cells] == [(size, "3 to 8") for size in ("1e16", "1e18", "1e20")]
    assert [curve.kind for curve in cells[0].lines] == ["partial", "hard"]
    edit, exact = (curve.points.split()[0].split(",")[1] for curve in cells[0].lines)
    assert float(edit) == pytest.approx(2 + 44 * 0.125, rel=0.01)  # upside down, so near the top
    assert float(exact) == pytest.approx(2 + 44 * 0.75, rel=0.01)
    graph = vl_convert.vegalite_to_scenegraph(partial_credit.figure(rows, COMPUTE).to_dict())
    assert len(scene(graph, "symbol")) == 18  # three sizes, three lengths, two metrics


def test_a_long_ladder_has_five_sizes_from_the_first_to_the_last() -> None:
    curves, cliffs = by_length()
    curve = curves.filter(metric="exact_match", task="t").unique("subtask")
    sizes = [curve.with_columns(compute_flops=pl.lit(10.0**n), model=pl.lit(f"m{n}")) for n in range(10, 22)]
    places = partial_credit.by_length(pl.concat(sizes), cliffs, COMPUTE)["x"].unique().sort().to_list()
    assert len(places) == 5
    assert (places[0], places[-1]) == pytest.approx((10, 21))


def test_two_lengths_are_no_series() -> None:
    curves, cliffs = by_length()
    assert partial_credit.by_length(curves, cliffs.filter(pl.col("answer_tokens") < 8), COMPUTE).is_empty()


def test_three_questions_are_chosen_and_each_answer_is_the_models(tmp_path: Path) -> None:
    defaults = {"task": "t", "subtask": "t", "choices": None, "target_scores": None, "shots": 0, "seed": 0}
    examples = pl.DataFrame(
        [defaults | {"example_id": n, "prompt": f"Q{n}\nA: ", "targets": [f"t{n}"] if n else []} for n in range(10)],
        schema=dict(EXAMPLES.columns),
    )
    asked = real_answers.questions(examples)
    assert asked["example_id"].to_list() == [1, 4, 7]  # of the nine with a target
    empty = dict.fromkeys(GENERATIONS.columns) | {"token_ids": [], "span_ids": [], "span_ends": [], "logprob_nats": []}
    empty |= {"finish_reason": "eos"}
    said = pl.DataFrame(
        [empty | {"subtask": "t", "example_id": n, "text": f" {n}\x1b\n!"} for n in range(9)],
        schema=dict(GENERATIONS.columns),
    )
    found = real_answers.said(asked, {"small": said.filter(pl.col("example_id") < 4), "large": said})
    shown = real_answers.shown(found, ["small", "other", "large"])
    write(examples, tmp_path / "examples" / "t.parquet", EXAMPLES, {})
    write(said, tmp_path / "generations" / "large" / "t.parquet", GENERATIONS, {})
    curves = curve_rows(WORDS, "exact_match", [(0.5, 0.1)] * 4)
    read = real_answers.read_answers(tmp_path, ["t", "elsewhere"], curves, ["compute_flops"])
    assert read is not None
    assert read.equals(found.filter(model="large"))
    assert real_answers.read_answers(tmp_path, ["elsewhere"], curves, ["compute_flops"]) is None
    assert shown["questions"] == [["Q1 ⏎ A:", "t1"], ["Q4 ⏎ A:", "t4"], ["Q7 ⏎ A:", "t7"]]
    assert shown["said"] == [
        ["small", ["1\ufffd ⏎ !", False], ["", False], ["", False]],
        ["large", ["1\ufffd ⏎ !", False], ["4\ufffd ⏎ !", False], ["7\ufffd ⏎ !", False]],
    ]


def test_a_question_is_cut_between_words_and_an_answer_is_right_only_in_full() -> None:
    target = "the capital of the kingdom of Denmark is the city of Copenhagen"
    said = {"right": f" {target}\n", "wrong": f"{target[:60]}hagenX", "silent": ""}
    rows = [(model, "t", "t", 0, "word " * 50 + "end?", target, words) for model, words in said.items()]
    shown = real_answers.shown(pl.DataFrame(rows, schema=dict(real_answers.ANSWERS), orient="row"), list(said))
    assert shown["questions"] == [["…" + "word " * 31 + "end?", f"{target[:60]}…"]]
    cut = f"{target[:60]}…"
    assert shown["said"] == [["right", [cut, True]], ["wrong", [cut, False]], ["silent", ["", False]]]


def test_long_texts_are_cut_where_they_say_least() -> None:
    rows = pl.DataFrame(
        [("m", "t", "t", 0, "a" * 500 + "?", "b" * 500, "c" * 500)], schema=dict(real_answers.ANSWERS), orient="row"
    )
    shown = real_answers.shown(rows, ["m"])
    [[question, target]], [[_, [said, _]]] = shown["questions"], shown["said"]
    assert question == "…" + "a" * 159 + "?"
    assert (target, said) == ("b" * 60 + "…", "c" * 60 + "…")


def test_one_model_speaks_for_its_size(tables: SimpleNamespace) -> None:
    assert real_answers.one_per_size(tables.curves, "compute_flops") == {"nano": ["small-0", "middle", "large"]}
    steps = [tables.curves.with_columns(compute_flops=pl.lit(float(n)), model=pl.lit(f"{n:02}")) for n in range(1, 32)]
    [chosen] = real_answers.one_per_size(pl.concat(steps), "compute_flops").values()
    assert chosen == [f"{n:02}" for n in range(1, 32, 2)]


def test_replies_are_of_the_table_and_name_no_number_that_is_not_there() -> None:
    row = cliff_row(WORDS, "open", cliff="open", p_cliff=0.625).row(0, named=True)
    numbers = {"metric_share": 1.0, "metric_share_low": 1.0, "metric_share_high": 1.0, "hidden_progress": 1.0}
    unasked = [("open", "62% of bootstrap draws have one"), ("not asked", ""), ("not asked", "")]
    assert replies(row) == replies(row | numbers) == unasked
    assert facts(row | numbers, COMPUTE, None) == []  # what was not asked has no number
    assert facts(row, COMPUTE, None) == []
    row |= {
        "metric_makes_it": "yes",
        "hidden_progress": 0.5,
        "hidden_progress_low": 0.25,
        "hidden_progress_high": 0.75,
        "rungs_in_window": 1,
    }
    row |= {"window_start_log10_x": 18.0, "window_end_log10_x": 20.0, "answer_tokens": 8.0, "seeds": "lottery"}
    assert facts(row, COMPUTE, 0.2) == [
        "Guessing among the choices scores 20%.",
        "50% (25% to 75%) of the likelihood's progress was made before the score began to rise.",
        "The climb from a tenth to nine tenths lies between 1e18 and 1e20 FLOPs, 1 size in between.",
        "An answer has 8 tokens on average.",
        "Seeds of one size: some have the skill and others lack it (a lottery).",
    ]
    broke = cliff_row(WORDS, "real", skill_broke="yes", under_nll_nats_per_token="disappears").row(0, named=True)
    [said] = facts(broke, COMPUTE, None)
    assert said.startswith("NLL per token has no cliff, and still the skill broke: ")
    for other in ({"under_nll_nats_per_token": "survives"}, {"skill_broke": "no"}):
        assert facts(broke | other, COMPUTE, None) == []
    noise = cliff_row(WORDS, "open", rung_noise_logits=0.146, rung_noise_from="seeds").row(0, named=True)
    assert facts(noise, COMPUTE, None) == ["Noise of a model beyond its questions: 0.15 logits, measured from seeds."]
    noise |= {"rung_noise_logits": 0.2, "rung_noise_from": "convention"}
    assert facts(noise, COMPUTE, None)[0].endswith("0.2 logits, assumed, as too few seeds or checkpoints tell it.")


@pytest.mark.parametrize(
    ("subtask", "full"),
    [
        (("nano", "letter_reversal", "letter_reversal:length_3"), "letter reversal: length 3 (nano)"),
        (("nano", "codenames", "codenames"), "codenames (nano)"),
        (("nano", "t", "t:three_digit_sum@2-shot"), "t: three digit sum, 2-shot (nano)"),
        (("nano", "t", "t:gpt2_small"), "t: gpt2 small (nano)"),  # no digit of its own
    ],
)
def test_names_are_words(subtask: tuple[str, str, str], full: str) -> None:
    assert words(Subtask(*subtask), with_ladder=True).full == full


def test_the_sentences_count_every_answer_and_say_the_open_ones() -> None:
    answers = [("yes", "no"), ("yes", "yes"), ("no", "open"), ("open", "open"), (None, None)]
    found = [
        cliff_row(("nano", "t", f"t:{n}"), "", cliff="yes", metric_makes_it=metric, skill_broke=skill)
        for n, (metric, skill) in enumerate(answers)
    ]
    others = [
        cliff_row(("nano", "t", f"t:{word}"), "", cliff=word, hard_metric="exact_match") for word in ("no", "open")
    ]
    first, rest = sentences(pl.concat([*found, *others]))
    assert first == (
        "5 of 7 subtasks rise suddenly (1 more is open). The metric makes at least 2 of 4 cliffs with a likelihood "
        "(1 has none); the skill itself broke in at least 1."
    )
    assert rest == "The metric makes it: 2 yes, 1 no, 1 open. The skill broke: 1 yes, 1 no, 2 open."
    assert sentences(pl.concat(found[:2])) == (
        "2 of 2 subtasks rise suddenly. The metric makes 2 of 2 cliffs; the skill itself broke in 1.",
        "The metric makes it: 2 yes, 0 no, 0 open. The skill broke: 1 yes, 1 no, 0 open.",
    )
    assert sentences(pl.concat(others)) == ("No sudden rise under exact match in 2 subtasks (1 is open).", "")
    assert sentences(pl.concat([found[-1], *others])) == (
        "1 of 3 subtasks rises suddenly (1 more is open). It has no likelihood, so what makes it is not asked.",
        "",
    )


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            [("open", "open")] * 21,
            "Whether the metric makes them is open in all 21 cliffs; whether the skill itself broke is open in all.",
        ),
        (
            [("open", "no"), ("no", "open"), ("no", "no"), (None, None), (None, None)],
            "Whether the metric makes them is open in 1 of 3 cliffs with a likelihood (2 have none); "
            "whether the skill itself broke is open in 1.",
        ),
        ([("no", "no")] * 2, "The metric makes 0 of 2 cliffs; the skill itself broke in 0."),
        ([("yes", "no")], "The metric makes the cliff; the skill itself did not break."),
        ([("no", "yes")], "The metric adds little to the cliff; the skill itself broke."),
        (
            [("open", "open"), (None, None)],
            "Whether the metric makes the cliff with a likelihood (1 has none) is open; "
            "whether the skill itself broke is open.",
        ),
    ],
)
def test_the_headline_makes_no_zero_of_what_is_open(answers: list[tuple[str | None, str | None]], said: str) -> None:
    rows = [
        cliff_row(("nano", "t", f"t:{n}"), "", cliff="yes", metric_makes_it=metric, skill_broke=skill)
        for n, (metric, skill) in enumerate(answers)
    ]
    assert sentences(pl.concat(rows))[0].partition(" suddenly. ")[2] == said


OPEN = {
    ("yes", "yes", "open"): "mirage or both",
    ("yes", "open", "no"): "mirage or ordinary",
    ("yes", "open", "yes"): "both or real",
    ("yes", "no", "open"): "real or ordinary",
    ("yes", "open", "open"): "cause open",
    ("open", None, None): "cliff open",
}


def test_an_open_subtask_is_grouped_by_what_is_known() -> None:
    rows = [
        cliff_row(("nano", "t", "t:".join(map(str, answers))), "open", cliff=answers[0]).with_columns(
            metric_makes_it=pl.lit(answers[1], pl.String), skill_broke=pl.lit(answers[2], pl.String)
        )
        for answers in OPEN
    ]
    known = [cliff_row(WORDS, "no cliff", cliff="no"), cliff_row(WORDS, "real", cliff="yes")]
    ordered = in_order(pl.concat([*known, *rows])).to_dicts()
    answers = ("cliff", "metric_makes_it", "skill_broke")
    assert {tuple(row[name] for name in answers): group(row) for row in ordered[1:-1]} == OPEN
    assert [group(row) for row in ordered] == [
        "real", "mirage or both", "both or real", "real or ordinary", "mirage or ordinary", "cause open", "cliff open",
        "no cliff",
    ]  # fmt: skip
