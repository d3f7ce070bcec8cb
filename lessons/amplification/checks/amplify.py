"""How `amplify` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.amplification.checks.shared import after
from lessons.amplification.exercises import amplify
from utils.grading import expect, require

CYCLE = [1, 2, 3, 4, 0]
FUNNEL = [1, 2, 3, 3, 3, 0, 5]  # no permutation: what is lost stays lost


def _knows(step):
    """A model that is right at every level, and refuses a question below level 0."""
    n = len(step)

    def answer(level, x):
        require(bool((level >= 0).all()), "no question below level 0", level)
        pairs = zip(level.flatten().tolist(), x.flatten().tolist(), strict=True)
        return torch.tensor([after(step, 2**j % (n * 60), v) for j, v in pairs]).reshape(x.shape)

    return answer


def _one_step(step):
    return lambda x: torch.tensor(step)[x]


@amplify.check
def level_zero_is_the_persons(fn):
    x = torch.arange(5)
    wrong = lambda level, x: torch.zeros_like(x)  # noqa: E731
    got = fn(wrong, _one_step(CYCLE), torch.zeros_like(x), x)
    expect(got, torch.tensor(CYCLE))


@amplify.check
def level_one_takes_two_steps_of_the_model(fn):
    x = torch.arange(5)
    model = lambda level, x: (x + 1 + 2 * level) % 5  # noqa: E731
    never = lambda x: torch.full_like(x, 4)  # noqa: E731
    expect(fn(model, never, torch.ones_like(x), x), (x + 2) % 5)


@amplify.check
def two_questions_of_the_level_below(fn):
    x = torch.arange(30)
    model = lambda level, x: (3 * x + level) % 31  # noqa: E731
    human = lambda x: (x + 7) % 31  # noqa: E731
    for j in (1, 2, 3, 6):
        middle = (3 * x + j - 1) % 31
        expect(fn(model, human, torch.full_like(x, j), x), (3 * middle + j - 1) % 31)


@amplify.check
def levels_may_be_mixed(fn):
    for step in (CYCLE, FUNNEL):
        x = torch.arange(len(step)).repeat(4)
        level = torch.arange(4).repeat_interleave(len(step))
        pairs = zip(level.tolist(), x.tolist(), strict=True)
        wanted = torch.tensor([after(step, 2**j, v) for j, v in pairs])
        expect(fn(_knows(step), _one_step(step), level, x), wanted)


@amplify.check
def any_shape_and_inputs_as_they_were(fn):
    level, x = torch.tensor([[0, 1, 2], [3, 2, 0]]), torch.tensor([[4, 0, 1], [2, 3, 3]])
    before = level.clone(), x.clone()
    got = fn(_knows(CYCLE), _one_step(CYCLE), level, x)
    expect(got, (x + 2**level) % 5)
    expect(level, before[0])
    expect(x, before[1])


@amplify.mistake("the second half is missing, or asked of the start, not of where the first ended")
def _(answer, human, level, x):
    below = (level - 1).clamp(min=0)
    answer(below, x)
    return torch.where(level == 0, human(x), answer(below, x))


@amplify.mistake("the model is asked the very question that it is to learn, not easier ones")
def _(answer, human, level, x):
    return torch.where(level == 0, human(x), answer(level, x))


@amplify.mistake("the two questions are of the same level as the question, not of the one below")
def _(answer, human, level, x):
    return torch.where(level == 0, human(x), answer(level, answer(level, x)))


@amplify.mistake("the person takes one more step in place of the model's second half")
def _(answer, human, level, x):
    return torch.where(level == 0, human(x), human(answer((level - 1).clamp(min=0), x)))


@amplify.mistake("level 0 goes to the model: then nobody ever labels anything")
def _(answer, human, level, x):
    below = (level - 1).clamp(min=0)
    return answer(below, answer(below, x))


@amplify.mistake("level 1 goes to the person, too, who takes one step")
def _(answer, human, level, x):
    below = (level - 1).clamp(min=0)
    return torch.where(level <= 1, human(x), answer(below, answer(below, x)))


@amplify.mistake("level 0 goes to the person and all else to her, twice: the model is not asked")
def _(answer, human, level, x):
    return torch.where(level == 0, human(x), human(human(x)))


@amplify.mistake("the level is halved: the number of steps is to be halved, one level down")
def _(answer, human, level, x):
    half = level // 2
    return torch.where(level == 0, human(x), answer(half, answer(half, x)))


@amplify.mistake("asked below level 0: where level is 0 there is nothing left to cut")
def _(answer, human, level, x):
    return torch.where(level == 0, human(x), answer(level - 1, answer(level - 1, x)))


@amplify.mistake("changes level in place: the caller's questions are lost")
def _(answer, human, level, x):
    bottom = level == 0
    level -= 1
    below = level.clamp(min=0)
    return torch.where(bottom, human(x), answer(below, answer(below, x)))


@amplify.mistake("three questions in place of two: that is half as many steps too many")
def _(answer, human, level, x):
    below = (level - 1).clamp(min=0)
    thrice = answer(below, answer(below, answer(below, x)))
    return torch.where(level == 0, human(x), thrice)


@amplify.mistake("one level for all: that of the first question")
def _(answer, human, level, x):
    if level.flatten()[0] == 0:
        return human(x)
    return answer(level - 1, answer(level - 1, x))


@amplify.mistake("the second question is two levels below")
def _(answer, human, level, x):
    middle = answer((level - 1).clamp(min=0), x)
    return torch.where(level == 0, human(x), answer((level - 2).clamp(min=0), middle))


@amplify.right("question by question")
def _(answer, human, level, x):
    ends = []
    for j, v in zip(level.flatten(), x.flatten(), strict=True):
        v = v[None]
        if j > 0:
            for _ in range(2):
                v = answer(j[None] - 1, v)
        else:
            v = human(v)
        ends.append(v)
    return torch.cat(ends).reshape(x.shape)


@amplify.right("with a mask, asking nobody in vain")
def _(answer, human, level, x):
    out, up = x.clone(), level > 0
    out[~up] = human(x[~up])
    out[up] = answer(level[up] - 1, answer(level[up] - 1, x[up]))
    return out


@amplify.right("as a sum of two parts")
def _(answer, human, level, x):
    up = (level > 0).long()
    below = level - up
    return up * answer(below, answer(below, x)) + (1 - up) * human(x)
