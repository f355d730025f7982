import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

VOCAB, HORIZON, DIM = 5, 4, 16     # click sequences: small vocabulary and a short horizon
MARGIN = 0.3


class TripletGenerator(tf.keras.utils.PyDataset):
    '''(anchor, positive, negative) click sequences; the positive comes from the same user profile.'''

    def __init__(self, profiles, batch_size, steps, seed):
        super().__init__()
        self.profiles, self.batch_size, self.steps = profiles, batch_size, steps
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return self.steps

    def draw(self, user):
        p = self.profiles[user]
        return self.rng.choice(VOCAB, size=HORIZON, p=p)

    def __getitem__(self, _):
        a, p, n = [], [], []
        for _ in range(self.batch_size):
            u, v = self.rng.choice(len(self.profiles), 2, replace=False)
            a.append(self.draw(u))
            p.append(self.draw(u))
            n.append(self.draw(v))
        x = np.stack([a, p, n], axis=1)
        return x, np.zeros((self.batch_size, 1), 'float32')


def pairwise(a, b):
    # a positive may be equal to its anchor
    return tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=-1) + 1e-8)


def triplet(_, emb):
    anchor, pos, neg = tf.unstack(emb, axis=1)
    hinge = pairwise(anchor, pos) - pairwise(anchor, neg) + MARGIN
    return tf.reduce_mean(tf.nn.relu(hinge))


def encoder():
    return tf.keras.Sequential([
        layers.Embedding(VOCAB, 8),
        layers.GRU(DIM),
        layers.Dense(DIM),
    ], name='encoder')


tf.keras.utils.set_random_seed(4)
profiles = np.random.dirichlet(np.full(VOCAB, 0.3), size=12)
seq = layers.Input((3, HORIZON), dtype='int32')
model = tf.keras.Model(seq, layers.TimeDistributed(encoder())(seq))
model.compile(tf.keras.optimizers.Adam(2e-3), loss=triplet)
out = model.fit(TripletGenerator(profiles, 32, 12, seed=1), epochs=3, verbose=0)
print(out.history['loss'])
