"""The one error that a user is meant to see."""

import pytest

from metastack.errors import InputError, require


def test_require_says_the_message_and_only_when_the_condition_fails():
    require(True, "never said")
    with pytest.raises(InputError, match="`spacing_m` must be positive"):
        require(False, "`spacing_m` must be positive, but is -1.")


def test_an_input_error_is_a_value_error():
    """So that callers who know nothing of metastack catch it as such."""
    assert issubclass(InputError, ValueError)
