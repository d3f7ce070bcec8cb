"""What the whiteboard prompts grade beside the exercises."""

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="how much an L1 penalty shrinks what is reconstructed",
    hints=[
        "First one size a: which f ≥ 0 minimizes (a − f)² + λ f? Where does it become 0?",
        "γ makes the mean of (f/γ − a)² smallest: set the derivative with respect to 1/γ to zero.",
        "Two integrals over a, from the size at which the latent begins to fire up to 1.",
    ],
    why="With t = λ/2 the latent is a − t above t: γ = ∫(a − t)² / ∫(a − t) a over [t, 1], and a "
    "factor (1 − t)² cancels.",
)
def reconstruction_bias(l1_coefficient: float) -> float:
    """γ of an ideal latent under an L1 penalty (Rajamanoharan et al. 2024a define γ).

    One feature, one latent, a unit direction. The feature's size a is uniform on [0, 1]; for each
    a the latent takes the value f ≥ 0 that minimizes (a − f)² + λ f. γ is the number for which
    f/γ is nearest to a in mean square. l1_coefficient λ: 0 ≤ λ < 2. Returns a float in (0, 1].
    """
    t = l1_coefficient / 2
    return 2 * (1 - t) / (2 + t)
