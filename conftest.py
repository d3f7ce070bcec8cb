"""For every test and every kernel that a test starts: no progress bars, a record of its own."""

import os
import tempfile

os.environ["TQDM_DISABLE"] = "1"
os.environ.setdefault("ALIGNMENT_IN_MINIATURE_HOME", tempfile.mkdtemp())
# Two threads on tensors this small only get into each other's way; a lesson sets its own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
