"""How `interruptible_update` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.incentives.exercises import interruptible_update
from lessons.incentives.steps import Step
from utils.grading import expect, require
from utils.notebook import generator

F64 = torch.float64


def _one(**changed):
    """A step of one learner from state 0 to state 1, nobody interfering."""
    usual = {
        "state": 0, "intended": 0, "executed": 0, "reward": 0.0, "following": 1,
        "next_intended": 0, "next_executed": 0, "done": False,
    } | changed  # fmt: skip
    kinds = {"reward": F64, "done": torch.bool}
    return Step(**{k: torch.tensor([v], dtype=kinds.get(k, torch.long)) for k, v in usual.items()})


def _table():
    return torch.tensor([[[0.0, 10.0], [2.0, 4.0], [0.0, 0.0]]], dtype=F64)


def _many(seed, n=6, states=4, actions=3):
    g = generator(seed)
    q = torch.randn(n, states, actions, generator=g, dtype=F64)

    def pick(most):
        return torch.randint(most, (n,), generator=g)

    step = Step(
        pick(states), pick(actions), pick(actions), torch.randn(n, generator=g, dtype=F64),
        pick(states), pick(actions), pick(actions), pick(2).bool(),
    )  # fmt: skip
    return q, step


def _by_hand(q, step, rate, gamma):
    new = q.clone()
    for i in range(len(q)):
        target = step.reward[i].item()
        if not step.done[i]:
            target += gamma * q[i, step.following[i], step.next_intended[i]].item()
        s, a = step.state[i], step.executed[i]
        new[i, s, a] = (1 - rate) * q[i, s, a] + rate * target
    return new


@interruptible_update.check
def nobody_interferes_plain_sarsa(fn):
    want = _table()
    want[0, 0, 0] = 0.5 * (1.0 + 0.5 * 4.0)
    expect(fn(_table(), _one(reward=1.0, next_intended=1, next_executed=1), 0.5, 0.5), want)


@interruptible_update.check
def what_was_done_gets_the_credit(fn):
    want = _table()
    want[0, 0, 1] = 10 + 0.1 * (1.0 + 0.5 * 2.0 - 10)
    expect(fn(_table(), _one(intended=0, executed=1, reward=1.0), 0.1, 0.5), want)


@interruptible_update.check
def an_interruption_ahead_leaves_no_trace(fn):
    free = fn(_table(), _one(next_intended=1, next_executed=1), 0.5, 0.9)
    held = fn(_table(), _one(next_intended=1, next_executed=0), 0.5, 0.9)
    expect(held, free)


@interruptible_update.check
def nothing_follows_the_end(fn):
    want = _table()
    want[0, 0, 0] = 0.5
    expect(fn(_table(), _one(reward=1.0, done=True), 0.5, 0.9), want)


@interruptible_update.check
def many_learners_each_its_own(fn):
    for seed, rate, gamma in ((0, 0.3, 0.9), (1, 1.0, 0.5), (2, 0.1, 0.0)):
        q, step = _many(seed)
        expect(fn(q.clone(), step, rate, gamma), _by_hand(q, step, rate, gamma))


@interruptible_update.check
def the_old_tables_stay_as_they_are(fn):
    q, step = _many(3)
    before = q.clone()
    fn(q, step, 0.5, 0.9)
    require(torch.equal(q, before), "unchanged tables", q)


def _variant(q, step, rate, gamma, *, action="executed", after=None, ends=True, change=True):
    each = torch.arange(len(q))
    rows = q[each, step.following]
    following = rows.amax(-1) if after is None else rows[each, getattr(step, after)]
    if ends:
        following = torch.where(step.done, 0.0, following)
    target = step.reward + gamma * following
    done = getattr(step, action)
    new = q.clone()
    old = q[each, step.state, done]
    new[each, step.state, done] = old + rate * (target - old) if change else target
    return new


@interruptible_update.mistake("the interruption is in the target: plain SARSA takes what was done")
def _(q, step, rate, gamma):
    return _variant(q, step, rate, gamma, after="next_executed")


@interruptible_update.mistake(
    "the intended action gets the credit, though the world answered another"
)
def _(q, step, rate, gamma):
    return _variant(q, step, rate, gamma, action="intended", after="next_intended")


@interruptible_update.mistake("intended and executed are confused in both places")
def _(q, step, rate, gamma):
    return _variant(q, step, rate, gamma, action="intended", after="next_executed")


@interruptible_update.mistake("the best next action: that is Q-learning, and not SARSA")
def _(q, step, rate, gamma):
    return _variant(q, step, rate, gamma)


@interruptible_update.mistake("the value of a next state is added where the episode is over")
def _(q, step, rate, gamma):
    return _variant(q, step, rate, gamma, after="next_intended", ends=False)


@interruptible_update.mistake("where done the reward is lost, too")
def _(q, step, rate, gamma):
    new = _variant(q, step, rate, gamma, after="next_intended")
    each = torch.arange(len(q))
    old = q[each, step.state, step.executed]
    over = old - rate * old
    now = new[each, step.state, step.executed]
    new[each, step.state, step.executed] = torch.where(step.done, over, now)
    return new


@interruptible_update.mistake("steps that were interfered with are thrown away: those learn, too")
def _(q, step, rate, gamma):
    new = _variant(q, step, rate, gamma, after="next_intended")
    touched = (step.intended != step.executed) | (step.next_intended != step.next_executed)
    return torch.where(touched[:, None, None], q, new)


@interruptible_update.mistake("steps whose own action was replaced are thrown away")
def _(q, step, rate, gamma):
    new = _variant(q, step, rate, gamma, after="next_intended")
    return torch.where((step.intended != step.executed)[:, None, None], q, new)


@interruptible_update.mistake("steps whose next action was replaced are thrown away")
def _(q, step, rate, gamma):
    new = _variant(q, step, rate, gamma, after="next_intended")
    return torch.where((step.next_intended != step.next_executed)[:, None, None], q, new)


@interruptible_update.mistake("q[:, state, action] changes every table: each learner has its own")
def _(q, step, rate, gamma):
    each = torch.arange(len(q))
    after = q[each, step.following, step.next_intended]
    target = step.reward + gamma * torch.where(step.done, 0.0, after)
    new = q.clone()
    new[:, step.state, step.executed] += rate * (target - q[:, step.state, step.executed])
    return new


@interruptible_update.mistake("only the first learner is updated")
def _(q, step, rate, gamma):
    new = q.clone()
    new[0] = _variant(q, step, rate, gamma, after="next_intended")[0]
    return new


@interruptible_update.mistake("the mean of the next values: SARSA takes that of one action")
def _(q, step, rate, gamma):
    each = torch.arange(len(q))
    after = torch.where(step.done, 0.0, q[each, step.following].mean(-1))
    new = q.clone()
    old = q[each, step.state, step.executed]
    new[each, step.state, step.executed] = old + rate * (step.reward + gamma * after - old)
    return new


@interruptible_update.mistake("the rate is ignored: the value becomes the target")
def _(q, step, rate, gamma):
    return _variant(q, step, rate, gamma, after="next_intended", change=False)


@interruptible_update.mistake("γ is missing")
def _(q, step, rate, gamma):
    return _variant(q, step, rate, 1.0, after="next_intended")


@interruptible_update.mistake("added in full: the old value is not taken from the target")
def _(q, step, rate, gamma):
    new = _variant(q, step, rate, gamma, after="next_intended")
    each = torch.arange(len(q))
    new[each, step.state, step.executed] += rate * q[each, step.state, step.executed]
    return new


@interruptible_update.mistake("the tables are changed in place: clone q first")
def _(q, step, rate, gamma):
    q.copy_(_variant(q, step, rate, gamma, after="next_intended"))
    return q


@interruptible_update.right("learner by learner, in a loop")
def _(q, step, rate, gamma):
    return _by_hand(q, step, rate, gamma)


@interruptible_update.right("by a mask over the whole table")
def _(q, step, rate, gamma):
    n, states, actions = q.shape
    here = torch.nn.functional.one_hot(step.state * actions + step.executed, states * actions)
    there = q.reshape(n, -1).gather(1, (step.following * actions + step.next_intended)[:, None])
    target = step.reward[:, None] + gamma * there * (~step.done)[:, None]
    return q + rate * here.view(n, states, actions) * (target[..., None] - q)


@interruptible_update.right("by NumPy")
def _(q, step, rate, gamma):
    s = Step(*(x.numpy() for x in step))
    old, each = q.numpy(), torch.arange(len(q)).numpy()
    target = s.reward + gamma * old[each, s.following, s.next_intended] * (1 - s.done)
    new = old.copy()
    new[each, s.state, s.executed] = (1 - rate) * old[each, s.state, s.executed] + rate * target
    return torch.from_numpy(new)
