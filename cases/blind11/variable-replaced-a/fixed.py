import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Conv2D, Dense, GlobalAveragePooling2D, Layer, Reshape


class Normalize_freq(Layer):
    """Per-mel-band normalisation of a dB melspectrogram (batch, n_mels, n_frame).
    Starts from the statistics of the training set; they are tuned with the network."""

    def __init__(self, means, stds, **kwargs):
        self.start_means = np.asarray(means, 'float32')
        self.start_stds = np.asarray(stds, 'float32')
        super(Normalize_freq, self).__init__(**kwargs)

    def build(self, input_shape):
        n_mels = input_shape[1]
        self.means = self.add_weight(name='means', shape=(n_mels,),
                                     initializer=keras.initializers.Constant(self.start_means))
        self.stds = self.add_weight(name='stds', shape=(n_mels,),
                                    initializer=keras.initializers.Constant(self.start_stds))
        super(Normalize_freq, self).build(input_shape)

    def call(self, x):
        means = K.expand_dims(self.means, axis=1)   # (n_mels, 1)
        stds = K.expand_dims(self.stds, axis=1)
        return (x - means) / (K.abs(stds) + K.epsilon())

    def compute_output_shape(self, input_shape):
        return input_shape


def melgrams(n, n_mels=16, n_frame=20, genres=3, seed=10):
    rng = np.random.default_rng(seed)
    genre = rng.integers(genres, size=n)
    tilt = np.linspace(0, -40, n_mels)[None, :, None]
    x = tilt + 4 * rng.normal(size=(n, n_mels, n_frame))
    for i, g in enumerate(genre):
        x[i, 2 + 4 * g:5 + 4 * g, ::(g + 2)] += 12
    return x.astype('float32'), genre


keras.utils.set_random_seed(10)
x, genre = melgrams(300)
means, stds = x.mean(axis=(0, 2)), x.std(axis=(0, 2))

mel = keras.Input((16, 20))
h = Normalize_freq(means, stds, name='norm')(mel)
h = Reshape((16, 20, 1))(h)
h = Conv2D(8, 3, activation='elu')(h)
h = GlobalAveragePooling2D()(h)
model = keras.Model(mel, Dense(3, activation='softmax')(h))
model.compile('adam', 'sparse_categorical_crossentropy', metrics=['acc'])
start = [v.copy() for v in model.get_layer('norm').get_weights()]
model.fit(x, genre, epochs=4, batch_size=32, verbose=2)
print('moved:', [float(np.abs(a - b).max()) for a, b in zip(start, model.get_layer('norm').get_weights())])
