import numpy as np


def ring(n, rng, radius=2.0, modes=6):
    """Mixture of gaussians laid out on a circle."""
    k = rng.integers(0, modes, n)
    ang = 2 * np.pi * k / modes
    centre = radius * np.stack([np.cos(ang), np.sin(ang)], axis=1)
    return (centre + 0.05 * rng.normal(size=(n, 2))).astype("float32")
