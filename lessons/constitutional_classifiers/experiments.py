"""What the lesson on constitutional classifiers trains and measures, gathered for the notebook.

guards.py makes classifiers from a constitution, monitors.py makes them cheap, consistency.py mends
the model instead, robust.py attacks and certifies a small classifier of words.
"""

from lessons.constitutional_classifiers.consistency import compared  # noqa: F401
from lessons.constitutional_classifiers.constitution import read_clauses, tables  # noqa: F401
from lessons.constitutional_classifiers.guards import (  # noqa: F401
    CALIBRATED,
    COMPARED,
    HELD_OUT,
    NAMES_SHOWN,
    SHOWN,
    Classifier,
    Decoder,
    Exchanges,
    average,
    by_parts,
    dress,
    everyday_traffic,
    fit_classifier,
    guards,
    table,
    tests,
    threshold_for,
)
from lessons.constitutional_classifiers.monitors import (  # noqa: F401
    MONITORS,
    SIZES,
    alone,
    auroc,
    cost,
    screened,
)
from lessons.constitutional_classifiers.robust import (  # noqa: F401
    BLIND,
    ETA,
    FILLERS,
    OWNED,
    STRONG,
    TONE,
    WEAK,
    Asks,
    Net,
    accuracy,
    attacked,
    by_slots,
    certified,
    fit_certified,
    fit_linear,
    measure,
    measure_blind,
    rounds,
)
