import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import LSTM, Dense
from tensorflow.keras.models import Sequential

KEYS = 12      # 88 on the real piano
STATES = 3     # 0: silent, 1: held, 2: struck
STEPS = 8

tf.random.set_seed(1)


def my_loss(y_true, y_pred):
    # run over the keys, look up the state of each one and punish the wrong ones,
    # rare states are punished harder than frequent ones
    y_true = K.reshape(y_true, (-1, KEYS, STATES))
    y_pred = K.reshape(y_pred, (-1, KEYS, STATES))

    played = K.cast(K.argmax(y_pred, axis=-1), "float32")
    wanted = K.cast(K.argmax(y_true, axis=-1), "float32")

    zero_punish = 1 - K.mean(K.cast(K.equal(wanted, 0.0), "float32"))
    one_punish = 1 - K.mean(K.cast(K.equal(wanted, 1.0), "float32"))
    two_punish = 1 - K.mean(K.cast(K.equal(wanted, 2.0), "float32"))

    false_arr = K.abs(played - wanted)

    mask0_miss = false_arr * K.cast(K.equal(wanted, 0.0), "float32") * zero_punish
    mask1_miss = false_arr * K.cast(K.equal(wanted, 1.0), "float32") * one_punish
    mask2_miss = false_arr * K.cast(K.equal(wanted, 2.0), "float32") * two_punish

    return K.mean(mask0_miss + mask1_miss + mask2_miss)


def make_rolls(n=96):
    rs = np.random.RandomState(3)
    roll = rs.choice(STATES, size=(n, STEPS + 1, KEYS), p=[0.7, 0.2, 0.1])
    roll[:, -1] = np.where(roll[:, -2] > 0, 1, roll[:, -3])
    onehot = np.eye(STATES, dtype="float32")[roll].reshape(n, STEPS + 1, KEYS * STATES)
    return onehot[:, :-1], onehot[:, -1]


x, y = make_rolls()

model = Sequential()
model.add(LSTM(32, input_shape=(STEPS, KEYS * STATES)))
model.add(Dense(KEYS * STATES, activation="sigmoid"))
model.compile(loss=my_loss, optimizer="rmsprop")
model.fit(x, y, batch_size=16, epochs=4, verbose=2)
