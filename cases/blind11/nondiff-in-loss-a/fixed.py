"""Fine-tuning of a face representation: the second phase spreads the identities, no labels needed."""
import argparse

import numpy as np
from tensorflow.keras import backend as K
from tensorflow.keras.callbacks import CSVLogger, LambdaCallback
from tensorflow.keras.layers import BatchNormalization, Dense, Dropout, Input
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import Adam


def StdLoss(y_true, y_pred):
    # y_true is ignored, only the spread over the batch matters
    # standard deviation of the probability of each class over the batch
    return -K.mean(K.std(y_pred, axis=0))


def build_discriminative(n_in, n_id, drop):
    face = Input(shape=(n_in,), name='face')
    h = Dense(48, activation='relu', name='fc6')(face)
    h = BatchNormalization()(h)
    h = Dropout(drop)(h)
    prob = Dense(n_id, activation='softmax', name='identity')(h)
    return Model(face, prob)


def batches(x, size):
    while True:
        idx = np.random.permutation(len(x))[:size]
        # the dummy target keeps fit() happy
        yield x[idx], np.zeros((size, 1), 'float32')


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--ids', type=int, default=6)
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--epochs', type=int, default=3)
    args = parser.parse_args()

    np.random.seed(3)
    centers = np.random.randn(args.ids, 20)
    faces = (centers[np.random.randint(args.ids, size=400)] + 0.3 * np.random.randn(400, 20)).astype('float32')

    model = build_discriminative(20, args.ids, 0.2)
    model.compile(optimizer=Adam(1e-3), loss=StdLoss)
    callbacks = [LambdaCallback(on_epoch_end=lambda e, logs: print(e, logs))]
    model.fit(batches(faces, args.batch), steps_per_epoch=10, epochs=args.epochs, verbose=0,
              shuffle=False, callbacks=callbacks)
