"""`make test-claims`: every claim measured again at seed 0, here, on whatever processor this is."""

import pytest
import torch

from tools import processors
from utils import claims, syllabus

TOPICS = [entry.topic for entry in syllabus.written() if claims.of(entry.topic)]


# A test a lesson, in one process: its claims share the models they train.
@pytest.mark.parametrize("topic", TOPICS)
def test_what_is_stored_comes_out_again(topic):
    torch.set_num_threads(1)
    stored, kinds, kind = claims.measured(), processors.stored(), processors.here()
    said = {
        name: processors.wrong((topic, name), found, stored, kinds, kind)
        for name, found in claims.run(topic, 0).items()
    }
    assert said and not any(said.values()), {name: why for name, why in said.items() if why}
