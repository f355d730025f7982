import numpy as np
import tensorflow.keras.backend as K
from tensorflow.keras.layers import LSTM, Dense, Dropout, Input, Lambda, TimeDistributed
from tensorflow.keras.models import Sequential
from tensorflow.keras.utils import set_random_seed, to_categorical

NB_WORDS = 12
MAX_SEQUENCE_LENGTH = 5
NOISE_SIZE = 6
words = ['<eos>', 'a', 'man', 'dog', 'rides', 'holds', 'the', 'ball', 'bike', 'red', 'old', 'runs']


def softmax_to_onehot(t):
    k_max = K.max(t, keepdims=True, axis=2)
    equal = K.equal(t, k_max)
    return K.cast(equal, 'float32')


def output_shape_lambda(shape):
    return shape


def generator_model():
    model = Sequential()
    model.add(Input((MAX_SEQUENCE_LENGTH, NOISE_SIZE)))
    model.add(LSTM(40, return_sequences=True))
    model.add(Dropout(0.1))
    model.add(TimeDistributed(Dense(NB_WORDS, activation="softmax")))
    model.add(Lambda(softmax_to_onehot, output_shape=output_shape_lambda))
    return model


def noise_for(kind):
    """the noise carries the kind of the picture"""
    n = 0.1 * np.random.randn(len(kind), MAX_SEQUENCE_LENGTH, NOISE_SIZE)
    n[np.arange(len(kind)), 0, kind] += 1
    return n


captions = np.array([[1, 2, 4, 8, 0], [6, 3, 11, 0, 0], [1, 10, 2, 5, 7], [6, 9, 7, 0, 0]])


def train(iterations=240, batch_size=24):
    set_random_seed(6)
    g_model = generator_model()
    g_model.compile(loss='categorical_crossentropy', optimizer='rmsprop')
    for it in range(iterations):
        kind = np.random.randint(len(captions), size=batch_size)
        one_hot_caption_batch = to_categorical(captions[kind], NB_WORDS)
        loss = g_model.train_on_batch(noise_for(kind), one_hot_caption_batch)
        if it % 80 == 79:
            print(it + 1, 'loss', round(float(loss), 4))
    return g_model


def test(g_model):
    for row in g_model.predict(noise_for(np.arange(len(captions))), verbose=0):
        print(' '.join(words[i] for i in row.argmax(axis=-1)))


if __name__ == '__main__':
    test(train())
