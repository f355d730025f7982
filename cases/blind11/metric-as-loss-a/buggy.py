import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense, Dropout
from tensorflow.keras.models import Sequential


def custom_metric(y_true, y_pred, strick=1, err=1):
    diff = K.abs(y_true - y_pred)
    bound = 0.5 if strick else 1.
    comp_func = K.greater_equal if err else K.less
    return K.mean(K.cast(comp_func(diff, bound), K.floatx()))


def accuracy_loose(y_true, y_pred):
    return custom_metric(y_true, y_pred, strick=0, err=0)


def accuracy_strick(y_true, y_pred):
    return custom_metric(y_true, y_pred, strick=1, err=0)


def error_loose(y_true, y_pred):
    return custom_metric(y_true, y_pred, strick=0, err=1)


def error_strick(y_true, y_pred):
    return custom_metric(y_true, y_pred, strick=1, err=1)


# essay grades 0..6 from hand made text features
rs = np.random.RandomState(11)
X = rs.randn(600, 9).astype('float32')
Y = np.clip(np.round(3 + X[:, [0, 3, 7]].sum(axis=1) + 0.2 * rs.randn(600)), 0, 6)
Y = Y.astype('float32').reshape(-1, 1)

model = Sequential()
model.add(tf.keras.Input(shape=(X.shape[1],)))
model.add(Dense(32, activation='relu'))
model.add(Dropout(0.1))
model.add(Dense(1))
model.compile(loss=error_strick,
              optimizer='adam',
              metrics=[accuracy_loose, accuracy_strick])

history = model.fit(X[:500], Y[:500], epochs=8, batch_size=32, verbose=2, validation_data=(X[500:], Y[500:]))
print('strick accuracy', history.history['val_accuracy_strick'][-1])
