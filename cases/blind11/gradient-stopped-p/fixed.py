"""DDPG on a thermostat, graph mode (after MorvanZhou's tutorial)."""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
np.random.seed(1)
tf.set_random_seed(1)

LR_A, LR_C, GAMMA, TAU = 0.002, 0.005, 0.9, 0.05
MEMORY_CAPACITY, BATCH_SIZE = 400, 32
STATE_DIM, ACTION_DIM, ACTION_BOUND = 2, 1, 2.0


def dense(x, units, name, activation=None, trainable=True):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [x.shape[-1], units], initializer=tf.random_normal_initializer(0.0, 0.3), trainable=trainable)
        b = tf.get_variable("b", [units], initializer=tf.constant_initializer(0.1), trainable=trainable)
    y = tf.matmul(x, w) + b
    return activation(y) if activation else y


class Actor(object):
    def __init__(self, sess):
        self.sess = sess
        with tf.variable_scope("Actor"):
            self.a = self._build_net(S, scope="eval_net", trainable=True)
            self.a_ = self._build_net(S_, scope="target_net", trainable=False)
        self.e_params = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="Actor/eval_net")
        self.t_params = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="Actor/target_net")
        self.soft_replace = [tf.assign(t, (1 - TAU) * t + TAU * e) for t, e in zip(self.t_params, self.e_params)]

    def _build_net(self, s, scope, trainable):
        with tf.variable_scope(scope):
            net = dense(s, 24, "l1", tf.nn.relu, trainable)
            actions = dense(net, ACTION_DIM, "a", tf.nn.tanh, trainable)
            return tf.multiply(actions, ACTION_BOUND, name="scaled_a")

    def add_grad_to_graph(self, a_grads):
        # ys = policy; xs = policy's parameters; grad_ys = gradients of Q with respect to the action
        self.policy_grads = tf.gradients(ys=self.a, xs=self.e_params, grad_ys=a_grads)
        opt = tf.train.AdamOptimizer(-LR_A)      # (- learning rate) for ascent policy
        self.train_op = opt.apply_gradients(zip(self.policy_grads, self.e_params))

    def choose_action(self, s):
        return self.sess.run(self.a, {S: s[None]})[0]


class Critic(object):
    def __init__(self, sess, a, a_):
        with tf.variable_scope("Critic"):
            self.a = tf.stop_gradient(a)         # stop critic update flows to actor
            self.q = self._build_net(S, self.a, "eval_net", trainable=True)
            self.q_ = self._build_net(S_, a_, "target_net", trainable=False)
        self.e_params = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="Critic/eval_net")
        self.t_params = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="Critic/target_net")
        self.target_q = R + GAMMA * self.q_
        self.loss = tf.reduce_mean(tf.squared_difference(self.target_q, self.q))
        self.train_op = tf.train.AdamOptimizer(LR_C).minimize(self.loss, var_list=self.e_params)
        with tf.variable_scope("a_grad"):
            self.a_grads = tf.gradients(self.q, self.a)[0] / BATCH_SIZE
        self.soft_replace = [tf.assign(t, (1 - TAU) * t + TAU * e) for t, e in zip(self.t_params, self.e_params)]

    def _build_net(self, s, a, scope, trainable):
        with tf.variable_scope(scope):
            net = dense(tf.concat([s, a], 1), 32, "l1", tf.nn.relu, trainable)
            return dense(net, 1, "q", None, trainable)


S = tf.placeholder(tf.float32, [None, STATE_DIM], name="s")
R = tf.placeholder(tf.float32, [None, 1], name="r")
S_ = tf.placeholder(tf.float32, [None, STATE_DIM], name="s_")

sess = tf.Session()
actor = Actor(sess)
critic = Critic(sess, actor.a, actor.a_)
actor.add_grad_to_graph(critic.a_grads)
sess.run(tf.global_variables_initializer())

memory, var = [], 2.0
for episode in range(10):
    temp, target = np.random.uniform(-2, 2, size=2)
    ep_reward = 0
    for _ in range(40):
        s = np.array([temp, target], dtype="float32")
        a = np.clip(np.random.normal(actor.choose_action(s), var), -ACTION_BOUND, ACTION_BOUND)
        temp = 0.9 * temp + 0.3 * a[0]
        r = -(temp - target) ** 2
        memory.append((s, a, [r], np.array([temp, target], dtype="float32")))
        memory = memory[-MEMORY_CAPACITY:]
        ep_reward += r
        if len(memory) > 2 * BATCH_SIZE:
            var *= 0.995
            picks = [memory[k] for k in np.random.randint(len(memory), size=BATCH_SIZE)]
            b_s, b_a, b_r, b_s_ = map(np.array, zip(*picks))
            sess.run(critic.train_op, {S: b_s, critic.a: b_a, R: b_r, S_: b_s_})
            sess.run(actor.train_op, {S: b_s})
            sess.run([actor.soft_replace, critic.soft_replace])
    print("Episode:", episode, " Reward: %.1f" % ep_reward, "Explore: %.2f" % var)
