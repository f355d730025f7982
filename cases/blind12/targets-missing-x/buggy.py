import random
from functools import partial

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

EOS = '<eos>'
PAD = '<pad>'

RESERVED_TOKENS = [PAD, EOS]
EOS_ID = RESERVED_TOKENS.index(EOS)
PAD_ID = RESERVED_TOKENS.index(PAD)

dictionary = [
    'verstehen',
    'verstanden',
    'vergessen',
    'verlegen',
    'vernehmen',
    'verreisen',
    'bestehen',
    'bestanden',
    'besessen',
    'belegen',
]

random.seed(0)
keras.utils.set_random_seed(0)


class CharEncoder:
    def __init__(self, words):
        self.chars = RESERVED_TOKENS + sorted(set(''.join(words)))
        self.vocab_size = len(self.chars)

    def encode(self, word):
        return [self.chars.index(c) for c in word]


def generator(encoder, n=200):
    for _ in range(n):
        ids = encoder.encode(random.choice(dictionary)) + [EOS_ID]
        yield {'inputs': ids[:-1], 'targets': ids[1:]}


def input_fn(encoder, batch_size=20):
    spec = tf.TensorSpec((None,), tf.int32)
    ds = tf.data.Dataset.from_generator(partial(generator, encoder),
                                        output_signature={'inputs': spec, 'targets': spec})
    ds = ds.padded_batch(batch_size, padded_shapes={'inputs': [12], 'targets': [12]},
                         padding_values=PAD_ID)
    return ds


def build_model(vocab_size):
    inputs = layers.Input((None,), name='inputs', dtype='int32')
    x = layers.Embedding(vocab_size, 16)(inputs)
    x = layers.GRU(32, return_sequences=True)(x)
    x = layers.GRU(32, return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Dense(32, activation='relu'))(x)
    outputs = layers.Dense(vocab_size, activation='softmax', name='outputs')(x)
    return keras.Model(inputs=inputs, outputs=outputs)


def main():
    encoder = CharEncoder(dictionary)
    model = build_model(encoder.vocab_size)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss='sparse_categorical_crossentropy')

    train_ds = input_fn(encoder)
    model.fit(train_ds, epochs=4, verbose=2)

    prefix = tf.constant([encoder.encode('verst')])
    guess = tf.argmax(model(prefix)[0, -1]).numpy()
    print('verst +', encoder.chars[guess])


if __name__ == '__main__':
    main()
