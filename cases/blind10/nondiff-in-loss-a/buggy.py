"""Learn a long/short rule for a basket of assets by maximising the (risk adjusted) PnL directly."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models

LOOKBACK, ASSETS = 10, 4


def price_panel(days=600, seed=7):
    rng = np.random.RandomState(seed)
    ret = np.zeros((days, ASSETS))
    for d in range(1, days):
        ret[d] = 0.35 * ret[d - 1] + 0.01 * rng.randn(ASSETS)
    return ret.astype("float32")


def windows(returns):
    xs = np.stack([returns[i : i + LOOKBACK] for i in range(len(returns) - LOOKBACK)])
    return 100.0 * xs, returns[LOOKBACK:]


class SharpeLoss(tf.keras.losses.Loss):
    """Negative Sharpe ratio of the strategy after costs."""

    def __init__(self, cost_bps=2.0, annual=252, name="sharpe"):
        super().__init__(name=name, reduction="sum")
        self.cost = cost_bps * 1e-4
        self.annual = float(annual)

    def positions(self, signal):
        return tf.sign(signal)

    def call(self, y_true, y_pred):
        pos = self.positions(y_pred)
        gross = tf.reduce_mean(pos * y_true, axis=-1)
        held = tf.reduce_mean(tf.abs(pos), axis=-1)
        net = gross - self.cost * held
        mean, var = tf.nn.moments(net, axes=[0])
        return -tf.sqrt(self.annual) * mean / tf.sqrt(var + 1e-8)


def build():
    inp = layers.Input((LOOKBACK, ASSETS))
    h = layers.Conv1D(8, 3, padding="causal", activation="tanh")(inp)
    h = layers.Flatten()(h)
    h = layers.Dense(16, activation="tanh")(h)
    return models.Model(inp, layers.Dense(ASSETS, name="signal")(h))


def backtest(model, x, future):
    pos = np.sign(model.predict(x, verbose=0))
    pnl = (pos * future).mean(axis=1)
    return float(np.sqrt(252) * pnl.mean() / (pnl.std() + 1e-8))


if __name__ == "__main__":
    tf.keras.utils.set_random_seed(1)
    x, future = windows(price_panel())
    split = 400
    net = build()
    net.compile(tf.keras.optimizers.Adam(3e-3), loss=SharpeLoss())
    print("sharpe before", round(backtest(net, x[split:], future[split:]), 3))
    log = net.fit(x[:split], future[:split], epochs=6, batch_size=100, shuffle=False, verbose=0)
    print("loss", np.round(log.history["loss"], 4))
    print("sharpe after ", round(backtest(net, x[split:], future[split:]), 3))
