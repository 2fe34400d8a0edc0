"""Settings of the method's first edition, and what became of each."""

from collections.abc import Mapping
from typing import Any

from rescore.tables.errors import InputError

_FIXED = "is a constant of the method now; take the line out"
_GONE = "went with the first edition of the method; take the line out"

OLD_SETTINGS: Mapping[str, str] = {
    "alpha": "went with the p-values; `confidence` says how sure an answer must be; take the line out",
    "draws_tail": "went with the p-values; `draws` is the one number of draws; take the line out",
    **dict.fromkeys(
        ("lower_part", "onset_share_max", "jump_share_min", "rise_min", "saturated_at", "prior_rung_sd", "prior_df"),
        _FIXED,
    ),
    **dict.fromkeys(("nll_floor_nats", "loss_decades_min"), _FIXED),
    **dict.fromkeys(
        ("edge_alpha", "onset_share_max_held", "floor_share", "flat_raw", "flat_link", "metric_rung_sd"), _GONE
    ),
}


def refuse_old_settings(mapping: Mapping[str, Any], where: str = "discontinuity.", end: str = "") -> None:
    """Say what became of a setting that is no longer one.

    Raises
    ------
    InputError
        Names the first such key.
    """
    for key in mapping:
        if key in OLD_SETTINGS:
            raise InputError(f"{where}{key}{end}: {OLD_SETTINGS[key]}")
