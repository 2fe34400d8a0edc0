"""What every test of the models starts from."""

import pytest

from rescore.models.vocabulary import Vocabulary


@pytest.fixture(autouse=True)
def no_shared_tokenizer() -> None:
    """Forget the last model's tokenizer, and the tasks it has read, which a process keeps for the next model."""
    Vocabulary._last = None
