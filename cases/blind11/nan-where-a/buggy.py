"""River gauge forecast: three drivers + the level itself; the level sensor drops out now and then (NaN)."""
import numpy as np
import tensorflow as tf
import tensorflow.keras.backend as K
from tensorflow.keras import layers, models

LOOKBACK, FEATURES = 3, 4


def make_series(n=900, missing=0.08, seed=21):
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.6, 1.0, n)
    temp = np.sin(np.arange(n) / 24.) + 0.1 * rng.normal(size=n)
    melt = np.maximum(temp, 0)
    level = np.convolve(rain + melt, [0.5, 0.3, 0.2])[:n]
    data = np.stack([rain, temp, melt, level], axis=1)
    data = (data - data.mean(0)) / data.std(0)
    target = data[:, 3].copy()
    target[rng.random(n) < missing] = np.nan
    return data.astype('float32'), target.astype('float32')


def windows(data, target):
    x = np.stack([data[i:i + LOOKBACK] for i in range(len(data) - LOOKBACK)])
    y = target[LOOKBACK:]
    return x, y[:, None]


def mse_without_nan(y_true, y_pred):
    sqr = K.square(y_pred - y_true)
    num_nan = tf.reduce_sum(tf.cast(tf.math.is_nan(sqr), tf.float32))
    num_obs = tf.cast(tf.size(sqr), tf.float32) - num_nan
    # replace NANs by zero
    sqr_without_nan = tf.where(tf.math.is_nan(sqr), tf.zeros_like(sqr), sqr)
    return tf.reduce_sum(sqr_without_nan) / tf.maximum(num_obs, 1.)


def build():
    m = models.Sequential([
        layers.Input((LOOKBACK, FEATURES)),
        layers.LSTM(12),
        layers.Dense(1),
    ])
    m.compile(optimizer='adam', loss=mse_without_nan)
    return m


x, y = windows(*make_series())
cut = 700
model = build()
hist = model.fit(x[:cut], y[:cut], batch_size=32, epochs=4, verbose=0, validation_data=(x[cut:], y[cut:]))
for e, (a, b) in enumerate(zip(hist.history['loss'], hist.history['val_loss'])):
    print('epoch %d loss %.4f val_loss %.4f' % (e, a, b))
print('forecast', model.predict(x[cut:cut + 5], verbose=0).ravel())
