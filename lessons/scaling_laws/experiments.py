"""What the notebook of this lesson shows and calls of its experiments.

laws.py fits scaling laws and holds the published ones; ridge.py is a toy whose limits are known,
warmup.py trains it step by step; splits.py reads best sizes off; recall.py learns strings by heart,
grokking.py learns to add, negation.py to answer questions.
"""

from lessons.scaling_laws.grokking import FULL as FULL
from lessons.scaling_laws.grokking import NO_DECAY as NO_DECAY
from lessons.scaling_laws.grokking import PRIME as PRIME
from lessons.scaling_laws.grokking import SHUFFLED as SHUFFLED
from lessons.scaling_laws.grokking import by_sum as by_sum
from lessons.scaling_laws.grokking import grow as grow
from lessons.scaling_laws.grokking import sum_share as sum_share
from lessons.scaling_laws.laws import BESIROGLU as BESIROGLU
from lessons.scaling_laws.laws import DELTA as DELTA
from lessons.scaling_laws.laws import EMBEDDING as EMBEDDING
from lessons.scaling_laws.laws import HOFFMANN as HOFFMANN
from lessons.scaling_laws.laws import UNROUNDED as UNROUNDED
from lessons.scaling_laws.laws import Law as Law
from lessons.scaling_laws.laws import chinchilla_like as chinchilla_like
from lessons.scaling_laws.laws import fit_law as fit_law
from lessons.scaling_laws.laws import huber_in_logs as huber_in_logs
from lessons.scaling_laws.laws import seen_without_embeddings as seen_without_embeddings
from lessons.scaling_laws.negation import learn_questions as learn_questions
from lessons.scaling_laws.recall import learn_strings as learn_strings
from lessons.scaling_laws.ridge import RIDGES as RIDGES
from lessons.scaling_laws.ridge import best_ridge as best_ridge
from lessons.scaling_laws.ridge import limits as limits
from lessons.scaling_laws.ridge import loss_of as loss_of
from lessons.scaling_laws.ridge import measured as measured
from lessons.scaling_laws.splits import at_budget as at_budget
from lessons.scaling_laws.splits import by_envelope as by_envelope
from lessons.scaling_laws.splits import by_parabolas as by_parabolas
from lessons.scaling_laws.splits import columns as columns
from lessons.scaling_laws.splits import exponent as exponent
from lessons.scaling_laws.splits import warned as warned
from lessons.scaling_laws.warmup import fixed_warmup as fixed_warmup
from lessons.scaling_laws.warmup import no_warmup as no_warmup
from lessons.scaling_laws.warmup import trained as trained
from lessons.scaling_laws.warmup import warmup_of_own_size as warmup_of_own_size
