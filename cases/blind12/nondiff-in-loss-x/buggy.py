import keras
import numpy as np
import tensorflow as tf
from keras.layers import LSTM, Dense, Dropout, Input
from keras.models import Sequential

keras.utils.set_random_seed(13)


def get_price_windows(n=400, steps=10):
    """col 0 of the target: up or down tomorrow, col 1: worth trading"""
    ret = np.zeros(n + steps + 1)
    for t in range(1, len(ret)):
        ret[t] = 0.8 * ret[t - 1] + np.random.normal(0, 0.5)
    windows = np.stack([ret[i:i + steps] for i in range(n)])[..., None]
    nxt = ret[steps:steps + n]
    return windows.astype('float32'), np.stack([nxt > 0, np.abs(nxt) > 0.3], 1).astype('float32')


def getBalance(x_true, x_pred):

    ##Selected entries for calculation
    trade_index = tf.not_equal(tf.round(x_pred[:, 1]), 0)

    x_true_tradeable = tf.boolean_mask(x_true[:, 0], trade_index)
    x_pred_tradeable = tf.boolean_mask(tf.round(x_pred[:, 0]), trade_index)

    cm = tf.math.confusion_matrix(x_true_tradeable, x_pred_tradeable, num_classes=2)

    correctPredictions = cm[0, 0] + cm[1, 1]
    wrongPredictions = cm[1, 0] + cm[0, 1]
    TotalTrades = tf.maximum(correctPredictions + wrongPredictions, 1)
    Accuracy = (correctPredictions / TotalTrades) * 100

    Accuracy = tf.cast(Accuracy, tf.float32)

    return 100 - Accuracy


train_input_data_NN, outputs_NN = get_price_windows()

model = Sequential()
model.add(Input((train_input_data_NN.shape[1], train_input_data_NN.shape[2])))
model.add(Dropout(0.1))
model.add(LSTM(30, return_sequences=False))
model.add(Dense(2, activation='sigmoid'))
model.compile(loss=getBalance, optimizer='adam')
history = model.fit(train_input_data_NN, outputs_NN, epochs=6, batch_size=64, verbose=2)
