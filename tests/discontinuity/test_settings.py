"""What a user may turn, and what became of the settings of the first edition."""

import pytest

from rescore.config.first_edition import OLD_SETTINGS
from rescore.discontinuity import CONVENTIONS, Settings
from rescore.tables import InputError


def test_settings_go_into_the_conventions() -> None:
    chosen = Settings.from_mapping({"confidence": 0.8, "draws": 999}).conventions
    assert (chosen.confidence, chosen.draws, chosen.cliff_confidence) == (0.8, 999, 0.9)
    assert Settings().conventions == CONVENTIONS


@pytest.mark.parametrize("key", OLD_SETTINGS)
def test_an_old_key_is_named_with_what_became_of_it(key: str) -> None:
    with pytest.raises(InputError, match=rf"^discontinuity.{key}: [^\n]*; take the line out$"):
        Settings.from_mapping({key: 1})
    assert key not in Settings.__dataclass_fields__


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"alfa": 1}, "discontinuity: key 'alfa': unknown; known are axis, rungs_min"),
        ({"rungs_min": 4}, "discontinuity: key 'rungs_min': 4, expected 5 or more"),
        ({"draws": 400.5}, "discontinuity: key 'draws': 400.5, expected a whole number"),
        ({"confidence": True}, "discontinuity: key 'confidence': true, expected a number"),
        ({"decades_min": 10**400}, "discontinuity: key 'decades_min': 1000"),  # no float holds it
        ({"confidence": 1.0}, "discontinuity: key 'confidence': 1.0, expected 0.999 or less"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as refused:
        Settings.from_mapping(given)
    assert str(refused.value).startswith(says)
