"""What is reported beside the verdicts and never decides one; docs/diagnostics.md says what each table means."""

from rescore.planning.flags import flags
from rescore.planning.forecasts import forecasts
from rescore.planning.ladder_shifts import ladder_shifts
from rescore.planning.planted import planted, power
from rescore.planning.scaffold import scaffold_shift

__all__ = ["flags", "forecasts", "ladder_shifts", "planted", "power", "scaffold_shift"]
