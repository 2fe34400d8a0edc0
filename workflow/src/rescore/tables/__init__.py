"""The tables that the stages share: what they hold, reading and writing them, the metrics."""

from rescore.tables.contracts import TABLES as TABLES, Table as Table
from rescore.tables.errors import InputError as InputError
from rescore.tables.errors import (
    count as count,
    did_you_mean as did_you_mean,
    printable as printable,
    some as some,
    together as together,
    unknown as unknown,
)
from rescore.tables.files import (
    content_digest as content_digest,
    digest as digest,
    distinct as distinct,
    fingerprint as fingerprint,
    provenance as provenance,
    read as read,
    read_all as read_all,
    read_text as read_text,
    to_csv as to_csv,
    write as write,
    write_bytes as write_bytes,
    write_text as write_text,
    write_twins as write_twins,
)
from rescore.tables.metrics import METRICS as METRICS, Metric as Metric

EXAMPLES = TABLES["examples"]
EXTRACTIONS = TABLES["extractions"]
GENERATIONS = TABLES["generations"]
REASONING = TABLES["reasoning"]
SCORES = TABLES["scores"]
AGGREGATES = TABLES["aggregates"]
BIGBENCH = TABLES["bigbench"]
GRADING = TABLES["grading"]
POSITIONS = TABLES["positions"]
CURVES = TABLES["curves"]
VERDICTS = TABLES["verdicts"]
CLIFFS = TABLES["cliffs"]
HEADLINE = TABLES["headline"]
RISES = TABLES["rises"]
SEEDS = TABLES["seeds"]
FAMILIES = TABLES["families"]
CONCENTRATION = TABLES["concentration"]
EMERGENCE = TABLES["emergence"]
PREFERRED_METRICS = TABLES["preferred_metrics"]
LADDER_SHIFTS = TABLES["ladder_shifts"]
FORECASTS = TABLES["forecasts"]
FORECAST_COUNTS = TABLES["forecast_counts"]
FLAGS = TABLES["flags"]
PLANTED = TABLES["planted"]
LOSSES = TABLES["losses"]
POWER = TABLES["power"]
SCAFFOLD_SHIFT = TABLES["scaffold_shift"]
PROMPT_STABILITY = TABLES["prompt_stability"]

DIAGNOSTICS = (RISES, SEEDS, FAMILIES, LADDER_SHIFTS, FORECASTS, FORECAST_COUNTS, FLAGS, PLANTED)
"""The tables that `rescore test` writes beside the verdicts, which decide none."""
