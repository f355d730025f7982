"""
Advantage actor critic on a corridor, one worker.
"""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
np.random.seed(2)
tf.set_random_seed(2)

N_S, N_A = 5, 2
GAMMA = 0.9
ENTROPY_BETA = 0.01
LR_A, LR_C = 0.01, 0.02


class Corridor:
    def reset(self):
        self.pos, self.t = 2, 0
        return np.eye(N_S)[self.pos]

    def step(self, a):
        self.pos = min(max(self.pos + (1 if a == 1 else -1), 0), N_S - 1)
        self.t += 1
        r = 1.0 if self.pos == N_S - 1 else -0.05
        done = self.pos == N_S - 1 or self.t >= 20
        return np.eye(N_S)[self.pos], r, done


class ACNet(object):
    def __init__(self, sess, scope):
        self.sess = sess
        with tf.variable_scope(scope):
            self.s = tf.placeholder(tf.float32, [None, N_S], 'S')
            self.a_his = tf.placeholder(tf.int32, [None, ], 'A')
            self.v_target = tf.placeholder(tf.float32, [None, 1], 'Vtarget')

            self.a_prob, self.v, self.a_params, self.c_params = self._build_net(scope)

            td = tf.subtract(self.v_target, self.v, name='TD_error')
            with tf.name_scope('c_loss'):
                self.c_loss = tf.reduce_mean(tf.square(td))

            with tf.name_scope('a_loss'):
                log_prob = tf.reduce_sum(
                    tf.log(self.a_prob + 1e-5) * tf.one_hot(self.a_his, N_A, dtype=tf.float32),
                    axis=1, keep_dims=True)
                exp_v = log_prob * tf.stop_gradient(td)
                entropy = -tf.reduce_sum(self.a_prob * tf.log(self.a_prob + 1e-5),
                                         axis=1, keep_dims=True)  # encourage exploration
                self.exp_v = ENTROPY_BETA * entropy + exp_v
                self.a_loss = tf.reduce_mean(-self.exp_v)

            with tf.name_scope('local_grad'):
                self.a_grads = tf.gradients(self.a_loss, self.a_params)
                self.c_grads = tf.gradients(self.c_loss, self.c_params)
            with tf.name_scope('push'):
                self.update_a_op = tf.train.RMSPropOptimizer(LR_A).apply_gradients(zip(self.a_grads, self.a_params))
                self.update_c_op = tf.train.RMSPropOptimizer(LR_C).apply_gradients(zip(self.c_grads, self.c_params))

    def _dense(self, x, units, act, name):
        with tf.variable_scope(name):
            w = tf.get_variable('w', [int(x.shape[1]), units], initializer=tf.random_normal_initializer(0., .1))
            b = tf.get_variable('b', [units], initializer=tf.zeros_initializer())
            y = tf.matmul(x, w) + b
            return act(y) if act else y

    def _build_net(self, scope):
        with tf.variable_scope('actor'):
            l_a = self._dense(self.s, 20, tf.nn.relu6, 'la')
            a_prob = self._dense(l_a, N_A, tf.nn.softmax, 'ap')
        with tf.variable_scope('critic'):
            l_c = self._dense(self.s, 20, tf.nn.relu6, 'lc')
            v = self._dense(l_c, 1, None, 'v')
        a_params = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=scope + '/actor')
        c_params = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=scope + '/critic')
        return a_prob, v, a_params, c_params

    def update(self, feed_dict):
        return self.sess.run([self.update_a_op, self.update_c_op, self.a_loss, self.c_loss], feed_dict)[2:]

    def choose_action(self, s):
        p = self.sess.run(self.a_prob, {self.s: s[np.newaxis, :]}).ravel()
        return np.random.choice(N_A, p=p / p.sum())


with tf.Session() as sess:
    env, net = Corridor(), ACNet(sess, 'W_0')
    sess.run(tf.global_variables_initializer())
    returns = []
    for ep in range(150):
        s, done, total = env.reset(), False, 0
        buffer_s, buffer_a, buffer_r = [], [], []
        while not done:
            a = net.choose_action(s)
            s_, r, done = env.step(a)
            buffer_s.append(s), buffer_a.append(a), buffer_r.append(r)
            s, total = s_, total + r
        v_s_ = 0
        buffer_v_target = []
        for r in buffer_r[::-1]:
            v_s_ = r + GAMMA * v_s_
            buffer_v_target.append(v_s_)
        buffer_v_target.reverse()
        a_loss, c_loss = net.update({net.s: np.vstack(buffer_s), net.a_his: np.array(buffer_a),
                                     net.v_target: np.vstack(buffer_v_target)})
        returns.append(total)
        if ep % 30 == 29:
            print('Ep:', ep + 1, '| return: %.2f' % np.mean(returns[-30:]), '| c_loss: %.4f' % c_loss)
