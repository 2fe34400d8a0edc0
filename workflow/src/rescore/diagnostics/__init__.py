"""What is reported beside the verdicts and never decides one; docs/diagnostics.md says what each table means."""

from rescore.diagnostics.flags import flags
from rescore.diagnostics.forecasts import forecasts
from rescore.diagnostics.ladder_shifts import ladder_shifts
from rescore.diagnostics.power import power
from rescore.diagnostics.scaffold import scaffold_shift

__all__ = ["flags", "forecasts", "ladder_shifts", "power", "scaffold_shift"]
