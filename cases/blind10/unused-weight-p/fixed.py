# Solubility regression on random molecular graphs, dense adjacency
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

MAX_ATOMS, N_TYPES = 12, 5


class GraphConv(layers.Layer):
    """h_i' = act(W_self h_i + W_nbr mean_j h_j + b)"""

    def __init__(self, units, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, shapes):
        width = shapes[0][-1]
        self.kernel_self = self.add_weight(name="kernel_self", shape=(width, self.units), initializer="glorot_uniform")
        self.kernel_nbr = self.add_weight(name="kernel_nbr", shape=(width, self.units), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, inputs):
        nodes, adj = inputs
        degree = ops.maximum(ops.sum(adj, axis=-1, keepdims=True), 1.0)
        messages = ops.matmul(adj / degree, nodes)
        update = ops.matmul(nodes, self.kernel_self) + ops.matmul(messages, self.kernel_nbr)
        return self.activation(update + self.bias)

    def compute_output_shape(self, shapes):
        return tuple(shapes[0][:-1]) + (self.units,)


class MaskedSum(layers.Layer):
    def call(self, nodes, mask):
        return ops.sum(nodes * mask[..., None], axis=1)


def random_molecules(n, seed=0):
    rng = np.random.RandomState(seed)
    atoms = np.zeros((n, MAX_ATOMS, N_TYPES), "float32")
    bonds = np.zeros((n, MAX_ATOMS, MAX_ATOMS), "float32")
    mask = np.zeros((n, MAX_ATOMS), "float32")
    target = np.zeros((n, 1), "float32")
    polarity = np.array([0.1, 0.9, 0.7, -0.3, -0.8])
    for m in range(n):
        k = rng.randint(4, MAX_ATOMS + 1)
        kind = rng.randint(0, N_TYPES, k)
        atoms[m, np.arange(k), kind] = 1
        mask[m, :k] = 1
        for i in range(1, k):
            j = rng.randint(0, i)
            bonds[m, i, j] = bonds[m, j, i] = 1
        target[m] = polarity[kind].sum() - 0.1 * bonds[m].sum()
    return [atoms, bonds, mask], target


def solubility_net():
    atoms = keras.Input((MAX_ATOMS, N_TYPES), name="atoms")
    bonds = keras.Input((MAX_ATOMS, MAX_ATOMS), name="bonds")
    mask = keras.Input((MAX_ATOMS,), name="mask")
    h = GraphConv(16, name="gc1")([atoms, bonds])
    h = layers.Dropout(0.05)(h)
    h = GraphConv(16, name="gc2")([h, bonds])
    pooled = MaskedSum()(h, mask)
    return keras.Model([atoms, bonds, mask], layers.Dense(1)(pooled))


keras.utils.set_random_seed(3)
graphs, logs = random_molecules(240)
net = solubility_net()
net.compile(keras.optimizers.Adam(5e-3), loss="mae")
hist = net.fit(graphs, logs, batch_size=24, epochs=6, verbose=0, validation_split=0.2)
for e, (a, b) in enumerate(zip(hist.history["loss"], hist.history["val_loss"])):
    print(f"epoch {e}: mae {a:.3f} / val {b:.3f}")
