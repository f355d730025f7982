"""Neural ODE with the adjoint method: forward solve without tape, gradients by solving backwards."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.backend.set_floatx("float64")
keras.utils.set_random_seed(10)


def rk4_step(func, dt, state):
    k1 = func(state)
    k2 = func([s + k * dt / 2 for s, k in zip(state, k1)])
    k3 = func([s + k * dt / 2 for s, k in zip(state, k2)])
    k4 = func([s + k * dt for s, k in zip(state, k3)])
    return [s + (a + 2 * b + 2 * c + d) * dt / 6 for s, a, b, c, d in zip(state, k1, k2, k3, k4)]


class NeuralODE:
    def __init__(self, model, t):
        self._model = model
        self._t = t
        self._deltas_t = t[1:] - t[:-1]

    def forward(self, h0):
        states = [h0]
        for dt in self._deltas_t:
            states.append(rk4_step(lambda s: [self._model(s[0])], dt, [states[-1]])[0])
        return states

    def _backward_dynamics(self, state):
        ht, at = state[0], -state[1]
        with tf.GradientTape() as g:
            g.watch(ht)
            ht_new = self._model(ht)
        # compute at^T df/dz, at^T df/dtheta
        gradients = g.gradient(
            target=ht_new, sources=[ht] + self._model.trainable_variables,
            output_gradients=at, unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return [ht_new, *gradients]

    def backward(self, states, dLosses):
        """states and dL/dh at all observation times"""
        grad_weights = [tf.zeros_like(w) for w in self._model.trainable_variables]
        a = dLosses[-1]
        for k in reversed(range(len(self._deltas_t))):
            state = [states[k + 1], a, *grad_weights]
            state = rk4_step(self._backward_dynamics, -self._deltas_t[k], state)
            a = state[1] + dLosses[k]
            grad_weights = state[2:]
        return a, grad_weights


def spiral(n, t):
    A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
    h = np.random.uniform(-1.5, 1.5, size=(n, 2))
    out = [h]
    for dt in np.diff(t):
        for _ in range(10):
            h = h + dt / 10 * h @ A
        out.append(h)
    return [tf.constant(o) for o in out]


t = np.linspace(0.0, 1.0, 9)
model = keras.Sequential([
    keras.layers.Input((2,)),
    keras.layers.Dense(24, activation="tanh"),
    keras.layers.Dense(2),
])
ode = NeuralODE(model, t)
optimizer = keras.optimizers.Adam(2e-2)


@tf.function
def compute_gradients_and_update(truth):
    states = ode.forward(truth[0])
    with tf.GradientTape() as g:
        g.watch(states)
        loss = tf.add_n([tf.reduce_mean(tf.square(a - b)) for a, b in zip(states, truth)]) / len(states)
    dLosses = g.gradient(loss, states)
    _, dWeights = ode.backward(states, dLosses)
    optimizer.apply_gradients(zip(dWeights, model.trainable_variables))
    return loss


for step in range(80):
    loss = compute_gradients_and_update(spiral(32, t))
    if step % 16 == 0:
        print("step", step, "loss", round(float(loss), 5))
