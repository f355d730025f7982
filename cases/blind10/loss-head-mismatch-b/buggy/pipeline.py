import numpy as np


class SkuDemand:
    """Intermittent weekly demand of spare parts, with calendar and price covariates."""

    columns = ("price_index", "promo", "week_sin", "week_cos", "lag1", "lag52")

    def __init__(self, n_rows=600, seed=0):
        rng = np.random.default_rng(seed)
        week = rng.integers(0, 52, n_rows)
        promo = (rng.random(n_rows) < 0.2).astype(float)
        price = rng.normal(0, 1, n_rows)
        ang = 2 * np.pi * week / 52
        rate = np.exp(0.4 + 0.8 * promo - 0.4 * price + 0.5 * np.sin(ang))
        lag1, lag52 = rng.poisson(rate), rng.poisson(rate)
        self.x = np.stack(
            [price, promo, np.sin(ang), np.cos(ang), np.log1p(lag1), np.log1p(lag52)], axis=1
        ).astype("float32")
        self.y = rng.poisson(rate).astype("float32")[:, None]

    def split(self, frac=0.8):
        k = int(frac * len(self.x))
        return (self.x[:k], self.y[:k]), (self.x[k:], self.y[k:])
