"""What the whiteboard prompts of this lesson grade beside its exercises."""

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how much a planner must have at stake to comply from the first episode on",
    why="In the last episode p · discount · stake must exceed the cost; each episode earlier the "
    "stake counts one discount less.",
    hints=[
        "Begin with one episode: comply if p · discount · stake > cost.",
        "If it complies in all later episodes, the goal is worth discount^(k − 1) · stake after "
        "this one.",
    ],
)
def stake_to_comply(cost: float, p_modified: float, horizon: int, discount: float) -> float:
    """The stake above which complying in every training episode is best.

    cost above 0; p_modified and discount above 0 and at most 1; horizon, the number of training
    episodes, from 1: all as in best_response_to_training. Returns a float.
    """
    return cost / (p_modified * discount**horizon)
