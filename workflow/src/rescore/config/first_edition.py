"""Old keys of the config's `discontinuity:` block, and what became of each."""

from collections.abc import Iterable, Mapping

from rescore.tables.errors import InputError

_FIXED = "is a constant of the method now; take the line out"
_GONE = "went with the first edition of the method; take the line out"

OLD_SETTINGS: Mapping[str, str] = {
    "alpha": "went with the p-values; `confidence` says how sure an answer must be; take the line out",
    "draws_tail": "went with the p-values; `draws` is the one number of draws; take the line out",
    **dict.fromkeys(("lower_part", "onset_share_max", "jump_share_min", "rise_min", "saturated_at"), _FIXED),
    **dict.fromkeys(("prior_rung_sd", "prior_df", "nll_floor_nats", "loss_decades_min"), _FIXED),
    **dict.fromkeys(("edge_alpha", "onset_share_max_held", "floor_share"), _GONE),
    **dict.fromkeys(("flat_raw", "flat_link", "metric_rung_sd"), _GONE),
}


def refuse_old_settings(keys: Iterable[str], where: str = "discontinuity.", end: str = "") -> None:
    """Say in one line what became of a key that is no longer one; raises InputError for the first."""
    for key in keys:
        if key in OLD_SETTINGS:
            raise InputError(f"{where}{key}{end}: {OLD_SETTINGS[key]}")
