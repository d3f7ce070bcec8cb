"""What the whiteboard prompts of this lesson grade beside its exercises."""

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="where a student goes that imitates a teacher one small step away",
    why="The outputs differ by J Δ. The gradient of half its square brings Jᵀ in front.",
    hints=[
        "The student's outputs less the teacher's, to first order: −J Δ, on each input.",
        "The gradient of ½ ‖J (δ − Δ)‖² with respect to δ, at δ = 0, is −Jᵀ J Δ.",
        "Its step is minus the gradient. Mean over inputs.",
    ],
)
def imitation_step(jacobian: Tensor, teacher_step: Tensor) -> Tensor:
    """The student's step at rate 1, to first order in the teacher's step.

    jacobian: (n, k, p), of the k outputs at the common start, on n inputs. teacher_step: (p,).
    The student lowers half the squared distance of its outputs from the teacher's, summed over the
    outputs, mean over the inputs, by one step of gradient descent at rate 1. Returns (p,).
    """
    seen = jacobian @ teacher_step
    return (jacobian * seen[..., None]).sum((0, 1)) / len(jacobian)
