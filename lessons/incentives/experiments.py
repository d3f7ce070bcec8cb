"""What the lesson shows and measures: goals drawn at random, switches, races and prices."""

from lessons.incentives.diagrams import PRESSED, Case, four_agents  # noqa: F401 (lesson.md shows)
from lessons.incentives.goals import house_goals, orbit_shares  # noqa: F401
from lessons.incentives.interruptions import update  # noqa: F401
from lessons.incentives.pricing import RATE, learn_from, profits  # noqa: F401
from lessons.incentives.race import LEVELS, race_payoffs  # noqa: F401
from lessons.incentives.robots import (  # noqa: F401
    ACT,
    FEATURES,
    NOISE,
    OFF,
    WAIT,
    Proposals,
    choose,
    posterior,
)
from lessons.incentives.steps import Step  # noqa: F401
from lessons.incentives.tolerance import GAMMA, HAZARD, WAYS, worth  # noqa: F401
