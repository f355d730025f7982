import numpy as np

PAST, HORIZON = 48, 6


def hourly_load(days=60, seed=0):
    rng = np.random.default_rng(seed)
    h = np.arange(days * 24)
    daily = np.sin(2 * np.pi * (h % 24) / 24)
    weekend = ((h // 24) % 7 >= 5) * 0.6
    load = 2.0 + daily * (1.0 - weekend) + 0.1 * rng.normal(size=h.size)
    return load.astype("float32")


def supervised(load):
    n = len(load) - PAST - HORIZON
    x = np.stack([load[i : i + PAST] for i in range(n)])
    y = np.stack([load[i + PAST : i + PAST + HORIZON] for i in range(n)])
    return x - 2.0, y - 2.0
