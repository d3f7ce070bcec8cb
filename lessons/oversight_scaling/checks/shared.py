"""What several checks of this lesson share: truths by plain arithmetic, published numbers."""

Line = tuple[float, float]

# Domain Elo by Arena Elo, (slope, intercept) of guard and Houdini, and what the authors' own code
# prints for a gap of 400 from 1,103: best number of steps, and success (their notebook).
PRINTED = {
    "Mafia": (
        (1.5305382247861692, -622.9317463747565),
        (0.8344154600833648, 173.2206142928111),
        1,
        0.11062359444258423,
    ),
    "Debate": (
        (1.0983942546126946, -47.49890598669299),
        (0.04936115584058696, 1080.3983558810423),
        1,
        0.5135844751096337,
    ),
    "Backdoor Code": (
        (0.7192614624976502, 552.0221384375485),
        (1.9518243250891987, -1361.61176329289),
        2,
        0.275691407676768,
    ),
    "Wargames": (
        (1.1666737577004682, -229.07366870912878),
        (0.6795738441484533, 422.0053838057133),
        1,
        0.09797700206320373,
    ),
}


def win(lead: float) -> float:
    """Elo's formula, number by number; 10 to the power 300 would overflow later."""
    return 0.0 if lead < -120_000 else 1 / (1 + 10 ** (-lead / 400))


def ladder(gap: float, guard: Line, houdini: Line, steps: int, start: float = 0.0) -> float:
    """The product over the steps, written out."""
    product = 1.0
    for i in range(1, steps + 1):
        overseer = start + gap * (i - 1) / steps
        overseen = start + gap * i / steps
        g = guard[0] * overseer + guard[1]
        product *= win(g - houdini[0] * overseen - houdini[1])
    return product
