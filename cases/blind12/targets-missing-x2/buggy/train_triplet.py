import keras
import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Dense, Flatten, Input, Lambda, MaxPooling2D
from keras.models import Model, Sequential

from generator_utils import *
from parameters import *

keras.utils.set_random_seed(12)


def triplet_loss(y_true, y_pred, alpha=ALPHA):
    anchor, positive, negative = y_pred[:, 0], y_pred[:, 1], y_pred[:, 2]
    pos_dist = tf.reduce_sum(tf.square(tf.subtract(anchor, positive)), axis=-1)
    neg_dist = tf.reduce_sum(tf.square(tf.subtract(anchor, negative)), axis=-1)
    basic_loss = tf.add(tf.subtract(pos_dist, neg_dist), alpha)
    loss = tf.reduce_mean(tf.maximum(basic_loss, 0.0))
    return loss


def faceRecoModel(input_shape):
    return Sequential([
        Input(input_shape),
        Conv2D(8, 3, activation='relu'),
        MaxPooling2D(),
        Conv2D(16, 3, activation='relu'),
        Flatten(),
        Dense(32),
        Lambda(lambda x: tf.math.l2_normalize(x, axis=1), output_shape=(32,)),
    ])


FRmodel = faceRecoModel(input_shape)
for layer in FRmodel.layers[0: LAYERS_TO_FREEZE]:
    layer.trainable = False

A = Input(shape=input_shape, name='anchor')
P = Input(shape=input_shape, name='anchorPositive')
N = Input(shape=input_shape, name='anchorNegative')

enc_A = FRmodel(A)
enc_P = FRmodel(P)
enc_N = FRmodel(N)
encodings = Lambda(lambda t: tf.stack(t, axis=1), output_shape=(3, 32))([enc_A, enc_P, enc_N])

# Model
tripletModel = Model(inputs=[A, P, N], outputs=encodings)
tripletModel.compile(optimizer='adam', loss=triplet_loss)

gen = batch_generator(BATCH_SIZE)
tripletModel.fit(gen, epochs=NUM_EPOCHS, steps_per_epoch=STEPS_PER_EPOCH, verbose=2)

emb = {k: FRmodel.predict(v, verbose=0) for k, v in images.items()}
same = np.mean([np.sum((e[0] - e[1]) ** 2) for e in emb.values()])
print('mean distance, same person:', same)
