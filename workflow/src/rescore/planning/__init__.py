"""What is reported beside the verdicts and never decides one; docs/diagnostics.md says what each table means."""

from rescore.planning.flags import flags
from rescore.planning.forecasts import forecast_counts, forecasts
from rescore.planning.ladder_shifts import ladder_shifts
from rescore.planning.planted import planted, power
from rescore.planning.scaffold import PromptSetting, prompt_stability, scaffold_shift

__all__ = [
    "PromptSetting",
    "flags",
    "forecast_counts",
    "forecasts",
    "ladder_shifts",
    "planted",
    "power",
    "prompt_stability",
    "scaffold_shift",
]
