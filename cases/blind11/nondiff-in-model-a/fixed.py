import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import LSTM, Dense, Input, Lambda
from tensorflow.keras.models import Sequential

KEYS = 24       # two octaves
STEPS = 12


def FloorSampling(x):
    """Returns a tensor which is only consist of several 1 and several 0.
    This function can be used when the target we want to predict is an operation,
    such as press 1~N piano keys in one time. Coded as one-hot this needs 2^KEYS dimensions.
    By using this function in the outputlayer, the target vector is like [1,0,1,1,0,...,1,0]"""
    keys = tf.floor(x + tf.random.uniform(tf.shape(x), 0, 1))
    # straight through: the sample in the forward pass, the gradient of x in the backward pass
    return x + tf.stop_gradient(keys - x)


def chords(n, seed=44):
    rng = np.random.RandomState(seed)
    rolls, following = [], []
    triads = [(0, 4, 7), (2, 5, 9), (5, 9, 12), (7, 11, 14)]
    for _ in range(n):
        start = rng.randint(4)
        roll = np.zeros((STEPS + 1, KEYS), 'float32')
        for t in range(STEPS + 1):
            for k in triads[(start + t) % 4]:
                roll[t, k] = 1
        rolls.append(roll[:STEPS])
        following.append(roll[STEPS])
    return np.array(rolls), np.array(following)


tf.keras.utils.set_random_seed(44)
x, y = chords(256)

model = Sequential()
model.add(Input(shape=(STEPS, KEYS)))
model.add(LSTM(32))
model.add(Dense(KEYS, activation='sigmoid'))
model.add(Lambda(FloorSampling, output_shape=(KEYS,)))
model.compile(loss='mse', optimizer='rmsprop')
for epoch in range(5):
    h = model.fit(x, y, batch_size=32, epochs=2, verbose=0)
    print(epoch, h.history['loss'])
