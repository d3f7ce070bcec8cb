"""What the whiteboard prompts of this lesson grade beside its exercises."""

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="what knowing one's own strength does to a race",
    why="At the optimum, being a little faster would win as much as the winner's safety loses by "
    "it. The more rivals stand close behind, the more a step wins, and the less safety is left.",
    hints=[
        "Suppose all follow s = k c / tax. Then the score is (1 − k) c, and the most capable wins.",
        "A team of capability c may act as one of capability z: which safety has it then?",
        "It wins with the chance z^(n − 1). Write what it expects, differentiate by z, set z = c.",
    ],
)
def informed_safety(capability: float, n: int, tax: float, enmity: float) -> float:
    """How safe a team is in equilibrium that knows its own capability, and not its rivals'.

    n teams with capabilities uniform in 0..1. A team's score is its capability less tax times its
    safety; the highest score wins, and the winner's safety is the chance that all goes well. Then
    the winner gets 1 and the others 1 − enmity; else all get 0. Safety is from 0 to 1.
    Returns the safety of a team of this capability, a float.
    """
    return min(1.0, capability / (tax * (1 + (n - 1) * enmity)))
