"""`make test-claims`: every claim measured again at seed 0, here, on whatever processor this is."""

from functools import cache

import pytest
import torch

from tools import processors
from utils import claims, syllabus

DECLARED = [c for entry in syllabus.written() for c in claims.of(entry.topic)]


@cache
def measured_here(topic):
    torch.set_num_threads(1)
    return claims.run(topic, 0)


@pytest.mark.parametrize(
    "c",
    # One process a lesson (`-n 2 --dist loadgroup`): its claims share the models they train.
    [pytest.param(c, marks=pytest.mark.xdist_group(c.topic)) for c in DECLARED],
    ids=lambda c: f"{c.topic}.{c.name}",
)
def test_what_is_stored_comes_out_again(c):
    found = measured_here(c.topic)[c.name]
    name, kind = (c.topic, c.name), processors.here()
    said = processors.wrong(name, found, claims.measured(), processors.stored(), kind)
    assert not said, said
