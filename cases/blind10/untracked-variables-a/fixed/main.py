"""Mixture of experts for day-ahead electricity demand."""
import keras
import numpy as np

from demand import HORIZON, hourly_load, supervised
from experts import LoadMixture


def baseline(x, y):
    """Same hours of the previous day."""
    return float(np.mean((x[:, -24 : -24 + HORIZON] - y) ** 2))


def main():
    keras.utils.set_random_seed(30)
    x, y = supervised(hourly_load())
    cut = int(0.8 * len(x))
    model = LoadMixture(n_experts=3, hidden=16, horizon=HORIZON)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="mse")
    hist = model.fit(x[:cut], y[:cut], validation_data=(x[cut:], y[cut:]), epochs=8, batch_size=64, verbose=0)
    print("train mse", np.round(hist.history["loss"], 3))
    print("valid mse", np.round(hist.history["val_loss"], 3), "baseline", round(baseline(x[cut:], y[cut:]), 3))


if __name__ == "__main__":
    main()
