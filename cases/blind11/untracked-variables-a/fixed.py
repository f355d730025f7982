import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Activation, Dense, Input, Layer
from tensorflow.keras.models import Model

N = 11          # number of experts


def gating_data(n=500, seed=6):
    rng = np.random.RandomState(seed)
    logits = rng.uniform(-1, 1, size=(n, N))
    winner = logits.argmax(axis=1)
    return logits.astype('float32'), np.eye(N, dtype='float32')[winner]


class Scale(Layer):
    # one temperature for all the experts
    def build(self, input_shape):
        self.w = self.add_weight(name='w_g', shape=(), initializer='ones', trainable=True)

    def call(self, x):
        return x * self.w


def build_gating():
    my_input = Input(shape=(N,), name='input')
    shift = Dense(N, name='experts_bias', kernel_initializer='identity')(my_input)

    softmax_scale = Scale(name='softmax_scale')
    scaled = softmax_scale(shift)
    my_out = Activation('softmax', name='softmax')(scaled)
    return Model(inputs=my_input, outputs=my_out, name='gating'), softmax_scale.w


gating, w_g = build_gating()
gating.summary()
gating.compile(optimizer=tf.keras.optimizers.SGD(0.5), loss='categorical_crossentropy', metrics=['accuracy'])

x, y = gating_data()
print('w_g before', float(w_g.numpy()))
gating.fit(x, y, epochs=5, batch_size=50, verbose=2)
print('w_g after ', float(w_g.numpy()))
