"""What the lesson shows and measures: crowds, reward models, a conversation, walks on a grid."""

from lessons.preference_aggregation.crowds import (  # noqa: F401 (lesson.md shows these)
    Crowd,
    ask_crowd,
    lie_pays,
    log_loss,
    nash_md,
    newton_scores,
    pairs_of,
    preferences,
    random_crowds,
    regularized_nash,
    welfare,
    worst_margin,
)
from lessons.preference_aggregation.grid import (  # noqa: F401
    Demonstrator,
    demonstrate,
    log_policy,
    posterior,
    reward_loss,
)
from lessons.preference_aggregation.rewards import (  # noqa: F401
    explained,
    fit_spread,
    gamble,
    gamble_borda,
    log_chance,
    reward_network,
)
from lessons.preference_aggregation.votes import (  # noqa: F401
    adopted,
    approval,
    converse,
    find_groups,
    opinion_map,
)
