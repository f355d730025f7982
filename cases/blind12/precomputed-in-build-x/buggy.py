import numpy as np
import tensorflow as tf
import tf_keras as keras


class SparseDense(keras.layers.Layer):
    """Dense layer whose kernel only has a random subset of connections."""

    def __init__(self, units, density=0.4, activation=None, seed=0, **kwargs):
        super(SparseDense, self).__init__(**kwargs)
        self.units = units
        self.density = density
        self.activation = keras.activations.get(activation)
        self.seed = seed

    def build(self, input_shape):
        in_dim = int(input_shape[-1])
        rs = np.random.RandomState(self.seed)
        mask = rs.rand(self.units, in_dim) < self.density
        mask[np.arange(self.units), rs.randint(0, in_dim, self.units)] = True
        self.indices = np.argwhere(mask).astype(np.int64)
        self.dense_shape = [self.units, in_dim]

        self.sparse_weights = self.add_weight(name='sparse_weights', shape=(len(self.indices),),
                                              initializer=keras.initializers.RandomNormal(stddev=0.4, seed=self.seed),
                                              trainable=True)
        self.bias = self.add_weight(name='bias', shape=(self.units,), initializer='zeros', trainable=True)
        self.kernel = tf.SparseTensor(self.indices, tf.convert_to_tensor(self.sparse_weights), self.dense_shape)

    def call(self, inputs):
        # kernel is stored transposed, (units, in_dim)
        out = tf.sparse.sparse_dense_matmul(self.kernel, inputs, adjoint_b=True)
        return self.activation(tf.transpose(out) + self.bias)


class QNetwork(keras.Model):
    def __init__(self, n_actions):
        super(QNetwork, self).__init__()
        self.hidden1 = SparseDense(32, activation='relu', seed=1, name='hidden1')
        self.hidden2 = SparseDense(32, activation='relu', seed=2, name='hidden2')
        self.q = SparseDense(n_actions, seed=3, name='q')

    def call(self, states):
        return self.q(self.hidden2(self.hidden1(states)))


class DQN:
    def __init__(self, state_dim=6, n_actions=3, gamma=0.9):
        self.n_actions, self.gamma = n_actions, gamma
        self.online, self.target = QNetwork(n_actions), QNetwork(n_actions)
        # create the variables
        dummy = tf.zeros((1, state_dim))
        self.online(dummy), self.target(dummy)
        self.sync()
        self.optimizer = keras.optimizers.Adam(5e-3)

    def sync(self):
        self.target.set_weights(self.online.get_weights())

    def train_on(self, s, a, r, s2):
        target = r + self.gamma * tf.reduce_max(self.target(s2), axis=1)
        with tf.GradientTape() as tape:
            q = tf.reduce_sum(self.online(s) * tf.one_hot(a, self.n_actions), axis=1)
            loss = tf.reduce_mean(tf.square(target - q))
        grads = tape.gradient(loss, self.online.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.online.trainable_variables))
        return loss


if __name__ == '__main__':
    rs = np.random.RandomState(0)
    agent = DQN()
    before = agent.online.hidden1.sparse_weights.numpy()
    s = rs.normal(size=(256, 6)).astype('float32')
    a = rs.randint(0, 3, 256)
    r = np.where(a == (s[:, 0] > 0) + (s[:, 1] > 0), 1.0, 0.0).astype('float32')
    s2 = s + rs.normal(size=s.shape).astype('float32') * 0.1
    for i in range(40):
        idx = rs.randint(0, 256, 64)
        loss = agent.train_on(s[idx], a[idx], r[idx], s2[idx])
        if i % 10 == 0:
            agent.sync()
            print(i, float(loss))
    print('sparse weights moved by', np.abs(agent.online.hidden1.sparse_weights.numpy() - before).max())
