import numpy as np


def flows(n, seed=71):
    """Packet statistics of four kinds of traffic."""
    rng = np.random.RandomState(seed)
    kind = rng.randint(0, 4, n)
    centre = rng.normal(0, 1.4, (4, 2, 9))
    mode = rng.randint(0, 2, n)
    return (centre[kind, mode] + 0.6 * rng.randn(n, 9)).astype("float32"), kind
