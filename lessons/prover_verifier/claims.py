"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

from torch import Tensor, nn

from lessons.prover_verifier import market, onesided, provers, shapes, traces
from lessons.prover_verifier.cuts import tuned
from lessons.prover_verifier.exercises import legibility_tax
from utils.claims import Finding, claim
from utils.notebook import generator

# Each of these is done once a seed, whichever claim asks first.


@cache
def game(seed: int, adversarial: bool = True) -> list[shapes.Round]:
    return shapes.play(seed, adversarial=adversarial)


@cache
def pixels(seed: int) -> list[onesided.PixelRound]:
    return onesided.play_pixels(seed)


@cache
def judge(seed: int) -> nn.Module:
    return onesided.pixel_judge(seed)


@cache
def trained(seed: int) -> provers.Trained:
    return provers.train_provers(seed)


@cache
def traders(seed: int) -> market.Traders:
    return market.informed(judge(seed), seed)


@cache
def shares(seed: int) -> Tensor:
    """The market's shares after all honest traders."""
    return market.market(traders(seed))


@cache
def adders(seed: int) -> Tensor:
    return traces.train_judges(seed)


@claim(
    "After rounds of the game few false claims get through, and every true one does",
    source="Anil et al. 2021, abstract",
    paper="“a robust decision rule”, even when the prover's messages are optimized to convince it",
    bound="last of five rounds, provers search all places: sound for 0.9 of false names, complete "
    "for 0.95 of true ones",
)
def rounds_make_it_sound(seed: int) -> Finding:
    last = game(seed)[-1]
    holds = last.soundness >= 0.9 and last.completeness >= 0.95
    return Finding(last.soundness, "of false names refused", holds)


@claim(
    "Without an adversary, as many solutions and steps leave a verifier that accepts above 0 easy "
    "to fool",
    source="the control of the row above; Anil et al. 2021 train in a game for this reason",
    paper="—",
    bound="against provers who search, at least a third of false names get through",
)
def unopposed_it_is_fooled(seed: int) -> Finding:
    fooled = 1 - game(seed, adversarial=False)[-1].soundness
    return Finding(fooled, "of false names accepted", fooled >= 1 / 3)


@claim(
    "A cut set by true claims makes the verifier that was never attacked sound, too; that of the "
    "game more so",
    source="this course: how much of the two rows above is where 0 lies",
    paper="—",
    bound="accepting above the score that 99 % of true names reach, on other pictures: the control "
    "sound for 0.9 and complete for 0.95, as the first row asks; the verifier of the game, cut in "
    "the same way, refuses more",
)
def the_cut_does_most(seed: int) -> Finding:
    (sound, complete), (sounder, _) = (tuned(game(seed, a)[-1]) for a in (False, True))
    holds = sound >= 0.9 and complete >= 0.95 and sounder > sound
    return Finding(sound, "of false names refused, never attacked", holds)


@claim(
    "With six pixels of a digit that one prover picks, the game does not make the verifier sound",
    source="this course, after a first try of its own; Irving et al. 2018, section 3.1, say of "
    "pixels that they can be chosen adversarially",
    paper="—",
    bound="after as many rounds, accepting above 0, at most 0.1 of false claims are refused",
)
def pixels_are_no_proof(seed: int) -> Finding:
    last = pixels(seed)[-1]
    return Finding(last.soundness, "of false claims refused", last.soundness <= 0.1)


@claim(
    "Debated, six pixels tell more than two provers' own six do, and than unanswered",
    source="Khan et al. 2024; Michael et al. 2023, abstracts",
    paper="debate beats one adviser by 10 points and more (people, LLM judges)",
    bound="truth against one lie about the same picture: at least 10 points above the verifier "
    "that was trained in the game; and above the judge of the debate, where both sides pick their "
    "three without seeing the other's",
)
def debate_tells_more(seed: int) -> Finding:
    debated, alone = (f(judge(seed), seed) for f in (onesided.debated, onesided.unanswered))
    gain = 100 * (debated - pixels(seed)[-1].chosen)
    return Finding(gain, "points", gain >= 10 and debated > alone)


@claim(
    "One adviser who lies half of the time: the more of the advice can be checked, the more it is "
    "worth",
    source="this course, after Khan et al. 2024 and Michael et al. 2023: advisers know more than "
    "the judge",
    paper="—",
    bound="accepting above the cut that is best on other claims, verifiers of the game: right at "
    "least 10 points more often with a patch than with six pixels, and with six pixels than with a "
    "name alone (a guess); and more often than who compares the six pixels of two advisers",
)
def what_can_be_checked(seed: int) -> Finding:
    patch, six = (sum(tuned(f(seed)[-1], None)) / 2 for f in (game, pixels))
    holds = patch >= six + 0.1 and six >= 0.6 and patch > pixels(seed)[-1].chosen
    return Finding(100 * (patch - six), "points, a patch above six pixels", holds)


@claim(
    "Over the rounds the helpful prover gets more accurate and the verifier more robust",
    source="Kirchner et al. 2024, abstract; there provers start anew each round, ours go on",
    paper="“the helpful prover's accuracy and the verifier's robustness … increase”",
    bound="after the last round against the first: the helpful role names more right, and the "
    "verifier refuses more false names, all places searched",
)
def both_improve(seed: int) -> Finding:
    first, *_, last = trained(seed).verified
    sound, *_, sounder = trained(seed).searched
    holds = last.accuracy > first.accuracy and sounder > sound
    return Finding(sounder - sound, "more of false names refused", holds)


@claim(
    "Checkability costs accuracy: about half of the gain",
    source="OpenAI's post on Kirchner et al. 2024",
    paper="“half of the performance boost seen when optimizing only for answer correctness”",
    bound="between a quarter and three quarters of that gain are given up, same start and steps",
)
def legibility_is_taxed(seed: int) -> Finding:
    t = trained(seed)
    tax = legibility_tax(t.correct[0].accuracy, t.correct[-1].accuracy, t.checkable[-1].accuracy)
    return Finding(tax, "of the gain given up", 0.25 <= tax <= 0.75)


@claim(
    "Rewarded for being right alone, solutions become harder to check; in the game they do not",
    source="Kirchner et al. 2024, abstract and section 4.3.3",
    paper="optimizing only for correctness can make solutions less legible; in the game they stay "
    "as legible as at the start",
    bound="an outside judge tells right from wrong ones (mean of the two rates) less well than at "
    "the start; after the game better than that, and at most 5 points less well than at the start",
)
def correctness_alone_costs_legibility(seed: int) -> Finding:
    t = trained(seed)
    start, alone, played = (m[-1].told for m in (t.correct[:1], t.correct, t.checkable))
    holds = alone < start and alone < played and played >= start - 0.05
    return Finding(100 * (played - start), "points from start to game", holds)


@claim(
    "For a judge outside the game, helpful solutions get easier and sneaky ones harder",
    source="Kirchner et al. 2024, abstract",
    paper="people's accuracy rises on the helpful prover's solutions and falls on the sneaky one's "
    "(the latter from a pilot study that its authors call flawed)",
    bound="at the end against the start: the helpful role's right and wrong ones told apart better "
    "(mean of the two rates), fewer wrong sneaky ones refused",
)
def outsiders_feel_both(seed: int) -> Finding:
    first, last = trained(seed).checkable[0], trained(seed).checkable[-1]
    holds = last.told > first.told and last.refuses < first.refuses
    return Finding(first.refuses - last.refuses, "fewer of sneaky ones refused", holds)


@claim(
    "A liar finds the step that one judge gets wrong; five judges at that one step stop this",
    source="a question of this course, after Brown-Cohen et al. 2023",
    paper="a constant number of human judgments is enough, whatever T, if these are right",
    bound="256 steps, judges with a twentieth of additions not learned: one catches at most 0.1 of "
    "chosen errors, the majority of five at least 0.9",
)
def a_liar_finds_the_gap(seed: int) -> Finding:
    one, five = (
        traces.debates(adders(seed)[:k], 256, traces.where_it_passes, generator(seed)).caught
        for k in (1, 5)
    )
    return Finding(five, "caught by the majority of five", one <= 0.1 and five >= 0.9)


@claim(
    "The market names more digits right than its best trader, and than the traders' vote",
    source="Hanson 2003 (rules that combine forecasts)",
    paper="—",
    bound="above both on 400 held-out digits",
)
def the_market_aggregates(seed: int) -> Finding:
    t, truth = traders(seed), traders(seed).truth
    vote = market.by_vote(t, generator(seed))
    best = max(market.accuracy(belief, truth) for belief in t.beliefs)
    got = market.accuracy(shares(seed), truth)
    return Finding(100 * (got - vote), "points above the vote", got > max(best, vote))


@claim(
    "Its price is a better forecast than the mean of the traders' beliefs",
    source="Hanson 2003: a market scoring rule pays by the logarithm of the price",
    paper="—",
    bound="a higher mean log-probability of the true digit",
)
def the_price_is_a_forecast(seed: int) -> Finding:
    t = traders(seed)
    mean = market.log_score(t.beliefs.exp().mean(0).log(), t.truth)
    lead = market.log_score(shares(seed).log_softmax(-1), t.truth) - mean
    return Finding(lead, "nats better", lead > 0)


@claim(
    "Who manipulates and is answered does little harm, and pays the others",
    source="Hanson & Oprea 2009, abstract",
    paper="manipulation can raise accuracy, by boosting the returns to informed trading",
    bound="a budget of 5, spent first: at most 2 points of accuracy lost, and honest traders earn "
    "more than without it",
)
def manipulators_pay(seed: int) -> Finding:
    t = traders(seed)
    lies = onesided.false_claims(t.truth, generator(seed))
    without, with_one = (market.attacked(t, lies, budget) for budget in (0.0, 5.0))
    lost = round(100 * (without.accuracy - with_one.accuracy), 9)
    holds = lost <= 2 and with_one.profit > without.profit
    return Finding(lost, "points of accuracy lost", holds)
