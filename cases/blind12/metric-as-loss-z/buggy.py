import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()


def loss_logistic(outputs, y):
    return tf.nn.softplus(-tf.multiply(y, outputs))


def loss_auc(outputs, y):
    labels = tf.cast(y > 0, tf.float32)
    _, auc = tf.metrics.auc(labels, tf.sigmoid(outputs), num_thresholds=50)
    return 1.0 - auc


class TFFMClassifier(object):
    """second order factorization machine, labels are -1 / 1"""

    def __init__(self, rank=4, optimizer=None, n_epochs=10, batch_size=64,
                 init_std=0.1, reg=1e-4, loss_function=loss_logistic, seed=0):
        self.rank = rank
        self.optimizer = optimizer or tf.train.AdamOptimizer(learning_rate=0.02)
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.init_std = init_std
        self.reg = reg
        self.loss_function = loss_function
        self.seed = seed

    def build_graph(self, n_features):
        self.train_x = tf.placeholder(tf.float32, [None, n_features], name='x')
        self.train_y = tf.placeholder(tf.float32, [None], name='y')
        with tf.name_scope('params'):
            self.w = tf.Variable(tf.random_uniform([n_features, 1], -self.init_std, self.init_std,
                                                   seed=self.seed), name='w')
            self.v = tf.Variable(tf.random_uniform([n_features, self.rank], -self.init_std,
                                                   self.init_std, seed=self.seed + 1), name='v')
        with tf.name_scope('main_block'):
            linear = tf.matmul(self.train_x, self.w)
            pairs = 0.5 * tf.reduce_sum(
                tf.square(tf.matmul(self.train_x, self.v))
                - tf.matmul(tf.square(self.train_x), tf.square(self.v)), axis=1, keepdims=True)
            self.outputs = tf.reshape(linear + pairs, [-1])
        with tf.name_scope('target'):
            self.target = tf.reduce_mean(self.loss_function(self.outputs, self.train_y))
            self.regularization = self.reg * (tf.nn.l2_loss(self.w) + tf.nn.l2_loss(self.v))
        gvs = self.optimizer.compute_gradients(self.target, [self.w, self.v])
        gvs = [(g + self.reg * v if g is not None else None, v) for g, v in gvs]
        self.trainer = self.optimizer.apply_gradients(gvs)
        self.init_op = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())

    def fit(self, X, y):
        self.build_graph(X.shape[1])
        self.session = tf.Session()
        self.session.run(self.init_op)
        rng = np.random.RandomState(self.seed)
        for epoch in range(self.n_epochs):
            perm = rng.permutation(len(X))
            epoch_loss = []
            for i in range(0, len(X), self.batch_size):
                rows = perm[i:i + self.batch_size]
                _, loss = self.session.run([self.trainer, self.target],
                                           {self.train_x: X[rows], self.train_y: y[rows]})
                epoch_loss.append(loss)
            if epoch % 3 == 0:
                print('[epoch %d]: mean target value: %.4f' % (epoch, np.mean(epoch_loss)))

    def decision_function(self, X):
        return self.session.run(self.outputs, {self.train_x: X})


# users x items, a click when the hidden tastes agree
rng = np.random.RandomState(3)
users, items = rng.randint(0, 15, 600), rng.randint(0, 20, 600)
taste_u, taste_i = rng.normal(size=(15, 3)), rng.normal(size=(20, 3))
score = (taste_u[users] * taste_i[items]).sum(axis=1) + 0.3 * rng.normal(size=600)
y = np.where(score > 1.0, 1.0, -1.0)
X = np.concatenate([np.eye(15)[users], np.eye(20)[items]], axis=1)

model = TFFMClassifier(rank=3, n_epochs=10, loss_function=loss_auc)
model.fit(X, y)
s = model.decision_function(X)
print('AUC', np.mean(s[y > 0][:, None] > s[y < 0][None, :]))
