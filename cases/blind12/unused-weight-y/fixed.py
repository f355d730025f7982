import numpy as np
from tensorflow import keras
from tensorflow.keras import backend as K, ops
from tensorflow.keras.layers import Dense, GlobalAveragePooling1D, Input, Layer, ReLU
from tensorflow.keras.models import Model


def grid_adjacency(side):
    n = side * side
    adj = np.eye(n, dtype="float32")
    for i in range(n):
        for j in range(n):
            if abs(i // side - j // side) + abs(i % side - j % side) == 1:
                adj[i, j] = 1.0
    return adj / adj.sum(axis=1, keepdims=True)


class GraphConv(Layer):
    """AV = A . Vin,  Vout = AV . W   with A (n, n), Vin (?, n, c), W (c, f), A and W are to be learned"""

    def __init__(self, adj, output_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.adj = K.cast_to_floatx(adj)
        self.output_dim = output_dim
        self.use_bias = use_bias

    def build(self, input_shape):
        n, c = input_shape[1], input_shape[2]
        self.A = self.add_weight(name="A", shape=(n, n), initializer=lambda shape, dtype=None: ops.convert_to_tensor(self.adj, dtype),
                                 trainable=True)
        self.W = self.add_weight(name="W", shape=(c, self.output_dim), initializer="glorot_uniform", trainable=True)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.output_dim,), initializer="zeros", trainable=True)
        super().build(input_shape)

    def call(self, inputs):
        AV = ops.matmul(self.A, inputs)
        Vout = ops.matmul(AV, self.W)
        if self.use_bias:
            Vout = Vout + self.bias
        return Vout

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1], self.output_dim)


def digits_like(n=120, side=5, seed=3):
    rng = np.random.RandomState(seed)
    y = rng.randint(0, 3, n)
    img = rng.rand(n, side, side) * 0.5
    for k in range(n):
        if y[k] == 0:
            img[k, side // 2, :] += 1
        elif y[k] == 1:
            img[k, :, side // 2] += 1
        else:
            img[k][np.diag_indices(side)] += 1
    return img.reshape(n, side * side, 1).astype("float32"), y


keras.utils.set_random_seed(3)
x_train, y_train = digits_like()
adj = grid_adjacency(5)

inp = Input(shape=(25, 1))
x = ReLU()(GraphConv(adj, 8, name="gc1")(inp))
x = ReLU()(GraphConv(adj, 16, name="gc2")(x))
x = GlobalAveragePooling1D()(x)
out = Dense(3, activation="softmax")(x)
model = Model(inp, out)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=24, epochs=5, verbose=2)
learned = model.get_layer("gc1").get_weights()[0]
print("largest change of A in gc1:", float(np.abs(learned - adj).max()))
