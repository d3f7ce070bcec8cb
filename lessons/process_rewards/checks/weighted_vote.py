"""How `weighted_vote` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.process_rewards.exercises import weighted_vote
from utils.grading import expect


@weighted_vote.check
def a_single_vote_wins(fn):
    expect(fn(torch.tensor([[2]]), torch.tensor([[0.3]]), 4), torch.tensor([2]))


@weighted_vote.check
def with_equal_weights_it_is_the_majority(fn):
    answers = torch.tensor([[1, 2, 2, 3], [3, 3, 0, 0], [4, 1, 4, 1]])
    for weight in (1.0, 0.01):
        got = fn(answers, torch.full((3, 4), weight), 5)
        expect(got, torch.tensor([2, 0, 1]))  # of equal sums the smallest answer


@weighted_vote.check
def one_sure_vote_outweighs_two_weak_ones(fn):
    answers = torch.tensor([[1, 2, 2]])
    expect(fn(answers, torch.tensor([[0.9, 0.2, 0.3]]), 3), torch.tensor([1]))
    expect(fn(answers, torch.tensor([[0.9, 0.6, 0.5]]), 3), torch.tensor([2]))


@weighted_vote.check
def each_problem_votes_for_itself(fn):
    answers = torch.tensor([[0, 1, 1], [0, 1, 1]])
    weights = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
    expect(fn(answers, weights, 2), torch.tensor([0, 1]))


@weighted_vote.check
def an_answer_that_nobody_gave_never_wins(fn):
    answers = torch.tensor([[3, 3, 5]])
    expect(fn(answers, torch.tensor([[0.0, 1e-6, 0.0]]), 8), torch.tensor([3]))
    tiny = torch.tensor([[0.0, 1e-60, 0.0]], dtype=torch.float64)
    expect(fn(answers, tiny, 8), torch.tensor([3]))


@weighted_vote.check
def small_weights_are_weights(fn):
    answers = torch.tensor([[3, 5, 5]])
    expect(fn(answers, torch.tensor([[1e-9, 1e-12, 1e-12]]), 8), torch.tensor([3]))


@weighted_vote.check
def many_votes_by_counting(fn):
    g = torch.Generator().manual_seed(0)
    answers = torch.randint(11, (6, 40), generator=g)
    weights = torch.rand(6, 40, generator=g, dtype=torch.float64)
    sums = [[weights[i][answers[i] == a].sum().item() for a in range(11)] for i in range(6)]
    expect(fn(answers, weights, 11), torch.tensor([row.index(max(row)) for row in sums]))


@weighted_vote.mistake("every vote counts as one: the weights are ignored")
def _(answers, weights, n_answers):
    return F.one_hot(answers, n_answers).sum(1).argmax(1)


@weighted_vote.mistake("the answer of the heaviest single vote: that is best-of-n")
def _(answers, weights, n_answers):
    return answers.gather(1, weights.argmax(1, keepdim=True))[:, 0]


@weighted_vote.mistake("the mean weight of each answer, not the sum: many votes count no more")
def _(answers, weights, n_answers):
    given = F.one_hot(answers, n_answers)
    total = (given * weights[..., None]).sum(1)
    return (total / given.sum(1).clamp(min=1)).argmax(1)


@weighted_vote.mistake("logarithms are added: each further vote counts against its answer")
def _(answers, weights, n_answers):
    logs = weights.clamp(min=1e-300 if weights.dtype == torch.float64 else 1e-30).log()
    return (F.one_hot(answers, n_answers) * logs[..., None]).sum(1).argmax(1)


@weighted_vote.mistake("scatter_ overwrites: of several votes for an answer one remains")
def _(answers, weights, n_answers):
    votes = torch.zeros(len(answers), n_answers, dtype=weights.dtype)
    return votes.scatter_(1, answers, weights).argmax(1)


@weighted_vote.mistake("all problems vote together")
def _(answers, weights, n_answers):
    votes = (F.one_hot(answers, n_answers) * weights[..., None]).sum((0, 1))
    return votes.argmax().expand(len(answers))


@weighted_vote.mistake("the place of a vote in its row, not the answer that it gave")
def _(answers, weights, n_answers):
    return weights.argmax(1)


@weighted_vote.mistake("added in half precision: small weights become 0")
def _(answers, weights, n_answers):
    votes = torch.zeros(len(answers), n_answers, dtype=torch.float16)
    return votes.scatter_add(1, answers, weights.half()).argmax(1)


@weighted_vote.mistake("added in float32: very small weights become 0")
def _(answers, weights, n_answers):
    votes = torch.zeros(len(answers), n_answers)
    return votes.scatter_add(1, answers, weights.float()).argmax(1)


@weighted_vote.mistake("the heaviest vote of each answer, not their sum")
def _(answers, weights, n_answers):
    given = F.one_hot(answers, n_answers) * weights[..., None]
    return given.amax(1).argmax(1)


@weighted_vote.mistake("a softmax over the weights: they are chances already")
def _(answers, weights, n_answers):
    given = F.one_hot(answers, n_answers) * weights.softmax(1)[..., None]
    return given.sum(1).argmax(1)


@weighted_vote.mistake("of equal sums the largest answer wins")
def _(answers, weights, n_answers):
    sums = (F.one_hot(answers, n_answers) * weights[..., None]).sum(1)
    return n_answers - 1 - sums.flip(1).argmax(1)


@weighted_vote.right("by scatter_add")
def _(answers, weights, n_answers):
    votes = torch.zeros(len(answers), n_answers, dtype=weights.dtype)
    return votes.scatter_add(1, answers, weights).argmax(1)


@weighted_vote.right("by a dictionary a problem")
def _(answers, weights, n_answers):
    winners = []
    for row, weight in zip(answers.tolist(), weights.tolist(), strict=True):
        votes = {}
        for answer, w in zip(row, weight, strict=True):
            votes[answer] = votes.get(answer, 0.0) + w
        winners.append(min(votes, key=lambda a: (-votes[a], a)))
    return torch.tensor(winners)
