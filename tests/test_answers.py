"""When two outputs of an answer are the same behavior, so that a mistake can be named."""

import numpy as np
import pytest
import torch

from utils import answers


@pytest.mark.parametrize(
    "a, b, same",
    [
        (1, 1.0, True),
        (0, 0.0, True),
        (np.float64(0.5), 0.5, True),
        (1, True, False),
        (100, 101, False),
        (1.00, 1.04, True),  # one number may be a statistic of random samples
        ([1.00, 2.0], [1.04, 2.0], False),  # of several, each says more
        ([1, 2.0], [1.0, 2], True),
        ((1.0, 2.0), [1.0, 2.0], False),
        ((torch.ones(2), 3), (torch.ones(2), 3.0), True),
        ({"a": torch.ones(2)}, {"a": torch.zeros(2)}, False),
        ({"a": 1.0}, {"b": 1.0}, False),
    ],
)
def test_a_mistake_is_known_by_what_it_gives_not_by_how_that_is_written(a, b, same):
    assert answers.alike(a, b, 1e-4) == same
