"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

from lessons.verifiable_rewards.experiments import (
    CLIP_HIGHER,
    CRITIC,
    DR_GRPO,
    DYNAMIC,
    GROUP,
    GRPO,
    NO_DEVIATION,
    NO_LENGTH,
    REINFORCE,
    RLOO,
    TOKEN,
    Probe,
    Run,
    accuracy_after,
    pass_at,
    start,
    train,
)
from utils.claims import Finding, claim

# Each of these is trained once a seed, whichever claim asks first.


@cache
def main(seed: int) -> dict[Run, list[Probe]]:
    """Every way to divide and to take a baseline, one update a batch."""
    runs = [GRPO, NO_DEVIATION, NO_LENGTH, DR_GRPO, TOKEN, GROUP, RLOO, REINFORCE, CRITIC]
    return train(seed, runs)


@cache
def dynamic(seed: int, lr: float = 2e-3) -> list[Probe]:
    return train(seed, [DYNAMIC], steps=100, lr=lr)[DYNAMIC]


@cache
def static(seed: int, lr: float) -> list[Probe]:
    return main(seed)[TOKEN] if lr == 2e-3 else train(seed, [TOKEN], lr=lr)[TOKEN]


@cache
def clipped(seed: int) -> dict[Run, list[Probe]]:
    """Four updates a batch, so that the clip has something to cut."""
    return train(seed, [TOKEN, CLIP_HIGHER], steps=100, updates=4)


@cache
def leaky(seed: int) -> list[Probe]:
    run = GRPO._replace(hole=True, every=0.01)
    return train(seed, [run], steps=250)[run]


def gap(seed: int, run: Run) -> float:
    """How much longer wrong answers are than right ones at the end, in tokens."""
    end = main(seed)[run][-1]
    return end.wrong - end.right


LIU = "Liu et al. 2025, section 3.1"


@claim(
    "Wrong answers are longer under GRPO than under Dr. GRPO",
    source="Liu et al. 2025, section 3.2 and Fig. 5",
    paper="the length of incorrect responses is substantially reduced by Dr. GRPO",
    bound="filler after wrong answers is at least a third shorter under Dr. GRPO",
)
def wrong_answers_are_longer(seed: int) -> Finding:
    ends = [main(seed)[run][-1].wrong for run in (DR_GRPO, GRPO)]
    return Finding(ends[0] / ends[1], "of GRPO's length", ends[0] <= ends[1] * 2 / 3)


@claim(
    "Right answers are shorter under GRPO",
    source=LIU,
    paper="argued, not measured: the length bias makes the policy favor brevity in correct answers",
    bound="filler after right answers is at least a third shorter under GRPO than Dr. GRPO",
)
def right_answers_are_shorter(seed: int) -> Finding:
    ends = [main(seed)[run][-1].right for run in (GRPO, DR_GRPO)]
    return Finding(ends[0] / ends[1], "of Dr. GRPO's length", ends[0] <= ends[1] * 2 / 3)


@claim(
    "The length in the divisor does it, and the deviation does not",
    source="Liu et al. 2025, appendix C and Fig. 8",
    paper="both variants without the length write shorter answers: it has the larger influence",
    bound="without the length, the gap between wrong and right is less than half of GRPO's; "
    "without the deviation, more than half",
)
def the_divisor_does_it(seed: int) -> Finding:
    both, no_length, no_deviation = (gap(seed, run) for run in (GRPO, NO_LENGTH, NO_DEVIATION))
    holds = no_length < both / 2 < no_deviation
    return Finding(no_length / both, "of GRPO's gap, without the length", holds)


@claim(
    "Dr. GRPO is as accurate as GRPO",
    source="Liu et al. 2025, abstract",
    paper="improves token efficiency while maintaining reasoning performance",
    bound="final accuracy no more than 2 points lower",
)
def accuracy_is_kept(seed: int) -> Finding:
    ends = [main(seed)[run][-1].accuracy for run in (DR_GRPO, GRPO)]
    return Finding(100 * (ends[0] - ends[1]), "points", ends[0] >= ends[1] - 0.02)


@claim(
    "A mean over all tokens of the batch takes the bias away",
    source="Yu et al. 2025, section 3.3 and Fig. 4b",
    paper="the sample-level loss leads to an unhealthy increase in response length, a token-level "
    "loss does not",
    bound="the gap between wrong and right is less than a quarter of GRPO's",
)
def token_mean_takes_it_away(seed: int) -> Finding:
    ours, theirs = gap(seed, TOKEN), gap(seed, GRPO)
    return Finding(ours / theirs, "of GRPO's gap", ours < theirs / 4)


@claim(
    "A mean over each group's tokens leaves some of it",
    source="this lesson's question, of Yu et al. 2025, eq. 12",
    paper="no claim: the formula divides by the group's tokens, in which the answer's own count",
    bound="the gap is above that with the batch's tokens and below GRPO's, by 0.5 tokens each",
)
def group_mean_leaves_some(seed: int) -> Finding:
    low, ours, high = (gap(seed, run) for run in (TOKEN, GROUP, GRPO))
    return Finding(ours / high, "of GRPO's gap", low + 0.5 <= ours <= high - 0.5)


@claim(
    "Dividing by the deviation helps hard questions",
    source="this lesson's question, of Liu et al. 2025, section 3.1",
    paper="no claim: too easy and too hard questions get higher weights, which they call a bias",
    bound="accuracy on hard questions is higher with the deviation than without, both divided by "
    "a constant length",
)
def deviation_helps_hard_questions(seed: int) -> Finding:
    hard = start(seed).hard
    ends = [main(seed)[run][-1].p[hard].mean().item() for run in (NO_LENGTH, DR_GRPO)]
    return Finding(100 * (ends[0] - ends[1]), "points", ends[0] > ends[1])


DYNAMIC_PAPER = {
    "source": "Yu et al. 2025, section 3.2 and Fig. 6",
    "paper": "with dynamic sampling the experiment achieves the same performance faster",
}


@claim(
    "Dynamic sampling learns faster per update",
    **DYNAMIC_PAPER,
    bound="more accurate after 60 batches than without",
)
def dynamic_saves_updates(seed: int) -> Finding:
    ours, theirs = (
        next(p for p in probes if p.step == 60) for probes in (dynamic(seed), main(seed)[TOKEN])
    )
    gain = ours.accuracy - theirs.accuracy
    return Finding(100 * gain, "points", gain > 0)


@claim(
    "Dynamic sampling learns faster per reply written",
    source="this lesson's question, of Yu et al. 2025, section 4.1",
    paper="no claim: more replies are sampled, and time is saved by fewer training steps",
    bound="more accurate after 20,000 replies than without it, each with the better of two step "
    "sizes, 0.002 and 0.004",
)
def dynamic_saves_samples(seed: int) -> Finding:
    ours, theirs = (
        max(accuracy_after(way(seed, lr), 20_000) for lr in (2e-3, 4e-3))
        for way in (dynamic, static)
    )
    gain = ours - theirs
    return Finding(100 * gain, "points", gain > 0)


def path(seed: int, run: Run) -> float:
    """Mean accuracy along training."""
    probes = main(seed)[run]
    return sum(p.accuracy for p in probes) / len(probes)


@claim(
    "RLOO beats REINFORCE with a running mean",
    source="Ahmadian et al. 2024, Table 1, as reported by others",
    paper="win rates of 77.9, 43.7 and 64.1 % against 70.7, 37.9 and 55.3 %",
    bound="higher accuracy, averaged along training, with as many replies",
)
def rloo_beats_a_running_mean(seed: int) -> Finding:
    gain = path(seed, RLOO) - path(seed, REINFORCE)
    return Finding(100 * gain, "points", gain > 0)


@claim(
    "RLOO beats a learned critic",
    source="Ahmadian et al. 2024, Table 1, as reported by others",
    paper="win rates of 77.9, 43.7 and 64.1 % against the 70.4, 36.4 and 52.3 % of a policy "
    "gradient with a critic",
    bound="higher accuracy, averaged along training, with as many replies; one update a batch",
)
def rloo_beats_a_critic(seed: int) -> Finding:
    gain = path(seed, RLOO) - path(seed, CRITIC)
    return Finding(100 * gain, "points", gain > 0)


CLIP_PAPER = {
    "source": "Yu et al. 2025, section 3.1 and Fig. 2",
    "paper": "clip-higher raises accuracy and keeps the policy's entropy up",
}


@claim(
    "Clip-higher keeps entropy up",
    **CLIP_PAPER,
    bound="higher entropy of answers at the end; 0.28 against 0.2, four updates a batch",
)
def clip_higher_keeps_entropy(seed: int) -> Finding:
    ends = [clipped(seed)[run][-1].entropy for run in (CLIP_HIGHER, TOKEN)]
    return Finding(ends[0] - ends[1], "nats", ends[0] > ends[1])


@claim(
    "Clip-higher raises accuracy",
    **CLIP_PAPER,
    bound="higher accuracy at the end; the same runs",
)
def clip_higher_raises_accuracy(seed: int) -> Finding:
    ends = [clipped(seed)[run][-1].accuracy for run in (CLIP_HIGHER, TOKEN)]
    return Finding(100 * (ends[0] - ends[1]), "points", ends[0] > ends[1])


@claim(
    "After RL one try is better, and 64 tries are worse",
    source="Yue et al. 2025, section 3.1 and Fig. 2",
    paper="RL-trained models are ahead at small k; base models surpass them as k grows",
    bound="GRPO's pass@1 above the base's, its pass@64 below",
)
def base_overtakes(seed: int) -> Finding:
    base, end = main(seed)[GRPO][0], main(seed)[GRPO][-1]
    lost = pass_at(end.p, 64) - pass_at(base.p, 64)
    return Finding(100 * lost, "points at k = 64", end.accuracy > base.accuracy and lost < 0)


@claim(
    "A checker with a hole is gamed",
    source="Baker et al. 2025, section 2.1",
    paper="once general hacks like these emerge, they quickly get reinforced and become systemic",
    bound="after 250 batches most replies use the hole, and true accuracy is 10 points or more "
    "below its peak; the base uses it once in 100 replies",
)
def hole_is_gamed(seed: int) -> Finding:
    probes = leaky(seed)
    fall = max(p.accuracy for p in probes) - probes[-1].accuracy
    return Finding(100 * fall, "points below the peak", probes[-1].every > 0.5 and fall >= 0.1)
