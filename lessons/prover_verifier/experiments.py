"""What the notebook of this lesson shows and calls of its experiments.

shapes.py is the world and Anil et al.'s game on it; provers.py lets provers learn, as Kirchner et
al. do; onesided.py plays the game with pixels; cuts.py moves the cut of a verifier; traces.py
debates computations; market.py trades.
"""

from lessons.prover_verifier.cuts import find_cut as find_cut
from lessons.prover_verifier.cuts import tuned as tuned
from lessons.prover_verifier.market import B as B
from lessons.prover_verifier.market import manipulate as manipulate
from lessons.prover_verifier.market import trade as trade
from lessons.prover_verifier.onesided import PIXELS as PIXELS
from lessons.prover_verifier.onesided import play_pixels as play_pixels
from lessons.prover_verifier.onesided import show_best as show_best
from lessons.prover_verifier.provers import Prover as Prover
from lessons.prover_verifier.provers import train_provers as train_provers
from lessons.prover_verifier.shapes import PATCH as PATCH
from lessons.prover_verifier.shapes import PLACES as PLACES
from lessons.prover_verifier.shapes import Pictures as Pictures
from lessons.prover_verifier.shapes import Round as Round
from lessons.prover_verifier.shapes import Solutions as Solutions
from lessons.prover_verifier.shapes import Verifier as Verifier
from lessons.prover_verifier.shapes import all_scores as all_scores
from lessons.prover_verifier.shapes import best_replies as best_replies
from lessons.prover_verifier.shapes import draw as draw
from lessons.prover_verifier.shapes import examined as examined
from lessons.prover_verifier.shapes import other_kind as other_kind
from lessons.prover_verifier.shapes import play as play
from lessons.prover_verifier.shapes import playable as playable
from lessons.prover_verifier.shapes import pointing as pointing
from lessons.prover_verifier.shapes import train_verifier as train_verifier
from lessons.prover_verifier.shapes import unopposed as unopposed
from lessons.prover_verifier.traces import accepts as accepts
from lessons.prover_verifier.traces import anywhere as anywhere
from lessons.prover_verifier.traces import by_length as by_length
from lessons.prover_verifier.traces import debates as debates
from lessons.prover_verifier.traces import where_it_passes as where_it_passes
