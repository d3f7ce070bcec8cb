"""Ten statements in circulation, and what their sources say: one of them is right."""

from typing import NamedTuple


class Statement(NamedTuple):
    """What is said, and what is so, with where that stands."""

    said: str
    so: str


STATEMENTS = (
    Statement(
        "In the AI Impacts survey of 2,778 researchers, human-level AI is expected by 2040.",
        "2040 is one wording's answer. Asked for years, the survey's people said 17 years from "
        "2023; asked for probabilities, 34. The published forecast, both in one, is 2047; asked "
        "for occupations in place of tasks, 2116. (Grace et al. 2024, sections 3.2 and 3.3)",
    ),
    Statement(
        "Debate lifts a classifier's accuracy on one and the same task from 59.4 % to 88.9 %.",
        "The paper's own abstract reads so, and its Table 2 shows two tasks. 59.4 % is accuracy "
        "among ten digits from random pixels; 88.9 % is how often the honest side beats each of "
        "nine lies that must be committed to beforehand. Without commitment: 74.4 %. (Irving et "
        "al. 2018, Table 2; the lesson on debate)",
    ),
    Statement(
        "At a gap of 400 Elo, oversight succeeds in 52 % of cases.",
        "That is the debate game alone, by a model fitted to it: 51.7 %. Mafia 13.5 %, backdoor "
        "code 10.0 %, wargames 9.4 %. (Engels et al. 2025; the lesson on how oversight scales)",
    ),
    Statement(
        "Control evaluations caught 85 % of obvious and 40 to 60 % of subtle scheming.",
        "Neither figure stands in the paper it is ascribed to (Greenblatt et al. 2023), whose "
        "results are safety scores of whole protocols, from 15 to 92 %.",
    ),
    Statement(
        "RLHF-V reduced hallucinations by 13.8 points.",
        "By 34.8 % relative to the base model, with 1,400 annotated samples. We did not find the "
        "13.8. (Yu et al. 2024, abstract, arXiv 2312.00849)",
    ),
    Statement(
        "Asked about unauthorized access, Claude 3.7 Sonnet's faithfulness drops to 41 %.",
        "41 % is more than its average over all kinds of hints, 25 %. "
        "(Chen et al. 2025; the lesson on chains of thought)",
    ),
    Statement(
        "Depending on the wording, 38 to 51 % of the surveyed AI researchers gave at least 10 % to "
        "an outcome as bad as human extinction.",
        "So it stands in the abstract: between 37.8 and 51.4 %. (Grace et al. 2024)",
    ),
    Statement(
        "ASL-3 was activated because Claude Opus 4 had passed the capability threshold.",
        "The announcement does not say so: “we have not yet determined whether Claude Opus 4 has "
        "definitively passed the Capabilities Threshold”; it could not be ruled out clearly. "
        "(Anthropic, 22 May 2025)",
    ),
    Statement(
        "FLI's AI Safety Index of winter 2025 gave Anthropic a C+, OpenAI a C, DeepMind a C−.",
        "Those are the grades of summer 2025. In winter it was C+, C+ and C. "
        "(press reports of December 2025)",
    ),
    Statement(
        "Features have been identified in models of up to 34 million parameters.",
        "34 million is the size of the largest dictionary. The model it was made for is Claude 3 "
        "Sonnet, whose size is not public. (Templeton et al. 2024; the lesson on sparse "
        "autoencoders)",
    ),
)
RIGHT = 7  # counted from 1
