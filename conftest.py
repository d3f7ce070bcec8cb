"""For every test and every kernel that a test starts: no bars, a record of its own, ranges."""

import os
import tempfile

from utils.measured import RANGES

os.environ["TQDM_DISABLE"] = "1"
os.environ["ALIGNMENT_IN_MINIATURE_HOME"] = tempfile.mkdtemp()  # never the one of who runs this
os.environ[RANGES] = "1"
# Two threads on tensors this small only get into each other's way; a lesson sets its own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
