# Multi-label tagging of radio reports; the old Keras 1 metrics are back as custom functions.
import numpy as np
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras import layers

LABELS = ['effusion', 'nodule', 'fracture', 'cardiomegaly']


def precision(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    predicted_positives = K.sum(K.round(K.clip(y_pred, 0, 1)))
    return true_positives / (predicted_positives + K.epsilon())


def recall(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    possible_positives = K.sum(K.round(K.clip(y_true, 0, 1)))
    return true_positives / (possible_positives + K.epsilon())


def mcor(y_true, y_pred):
    # matthews correlation
    y_pred_pos = K.round(K.clip(y_pred, 0, 1))
    y_pred_neg = 1 - y_pred_pos
    y_pos = K.round(K.clip(y_true, 0, 1))
    y_neg = 1 - y_pos
    tp, tn = K.sum(y_pos * y_pred_pos), K.sum(y_neg * y_pred_neg)
    fp, fn = K.sum(y_neg * y_pred_pos), K.sum(y_pos * y_pred_neg)
    return (tp * tn - fp * fn) / (K.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) + K.epsilon())


def weighted_bce(y_true, y_pred):
    """unknown labels are marked by -1 in the export and do not count"""
    known = K.cast(K.greater_equal(y_true, 0.), 'float32')
    target = K.maximum(y_true, 0.)
    p = K.clip(y_pred, K.epsilon(), 1. - K.epsilon())
    bce = -(3. * target * K.log(p) + (1. - target) * K.log(1. - p))
    return K.sum(bce * known, axis=-1) / (K.sum(known, axis=-1) + K.epsilon())


class BestThreshold(keras.callbacks.Callback):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def on_epoch_end(self, epoch, logs=None):
        p = self.model.predict(self.x, verbose=0)
        f1 = [2 * np.sum((p > t) * self.y) / (np.sum(p > t) + np.sum(self.y)) for t in (.3, .5, .7)]
        print('epoch %d loss %.4f mcor %.3f  best threshold %.1f' % (epoch, logs['loss'], logs['mcor'],
                                                                     (.3, .5, .7)[int(np.argmax(f1))]))


def reports(n, vocab=60, length=14, seed=0):
    rng = np.random.RandomState(seed)
    words = rng.randint(10, vocab, size=(n, length))
    y = (rng.rand(n, len(LABELS)) < 0.3).astype('float32')
    for k in range(len(LABELS)):
        rows = np.where(y[:, k] == 1)[0]
        words[rows, 3 * k] = 1 + k
    return words, y


keras.utils.set_random_seed(9)
x, y = reports(500)
x_val, y_val = reports(120, seed=1)
y_export = np.where(np.random.rand(*y.shape) < 0.1, -1., y).astype('float32')

model = keras.Sequential([
    layers.Input((14,), dtype='int32'),
    layers.Embedding(60, 12),
    layers.Conv1D(24, 1, activation='relu'),
    layers.GlobalMaxPooling1D(),
    layers.Dense(len(LABELS), activation='sigmoid'),
])
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss=weighted_bce, metrics=[precision, recall, mcor])
model.fit(x, y_export, epochs=6, batch_size=25, verbose=0, callbacks=[BestThreshold(x_val, y_val)])
