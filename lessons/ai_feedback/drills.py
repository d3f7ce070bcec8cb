"""What the whiteboard prompts of the lesson on AI feedback grade."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what the mean over both orders does to a judge that likes what stands first",
    why="σ(x) = ½ + ½ tanh(x/2), so the ½ stay and two hyperbolic tangents are added: the sum has "
    "the sign of the quality alone, and shrinks as the bias grows.",
    hints=[
        "In one order the log-odds for response 1 are quality + bias, in the other quality − bias.",
        "Write σ(x) as ½ + ½ tanh(x/2), and add the two.",
        "tanh a + tanh b = sinh(a + b) / (cosh a cosh b); 2 cosh a cosh b = cosh(a+b) + cosh(a−b).",
    ],
)
def debiased_label(quality: float, bias: float) -> float:
    """The mean label of a judge over both orders of a pair.

    quality: by how many nats of log-odds the judge finds response 1 better than response 2. bias:
    how many nats it adds to whichever is shown first. Each order gives the probability that
    response 1 is preferred. Returns the mean of the two. All are plain
    numbers, no tensors. Quality and bias of ±50 must work.
    """
    shrunk = math.tanh((quality + bias) / 2) + math.tanh((quality - bias) / 2)
    return 0.5 + shrunk / 4  # = 1/2 + sinh(quality) / (2 cosh(quality) + 2 cosh(bias))
