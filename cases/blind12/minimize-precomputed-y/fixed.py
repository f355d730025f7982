import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import tensorflow as tf
import numpy as np

N = 1000                                # Number of samples
n = 4                                   # Dimension of the optimization variable
np.random.seed(0)
X = tf.Variable(np.random.randn(n, 1))  # Variables will be tuned automatically, to minimize the loss
C = tf.constant(np.random.randn(N, n))  # Constants will not be tuned
D = tf.constant(np.random.randn(N, 1))


def f_batch_tensorflow(x, A, B):
    e = tf.matmul(A, x) - B
    return tf.reduce_sum(tf.square(e))


optimizer = tf.keras.optimizers.Adam(learning_rate=0.05)
history = []
for i in range(200):
    loss_f_batch_tensorflow = lambda: f_batch_tensorflow(X, C, D)
    optimizer.minimize(loss_f_batch_tensorflow, var_list=[X])
    history.append(f_batch_tensorflow(X, C, D).numpy())
    if i % 50 == 0:
        print("step", i, "loss", history[-1])

print("estimated:", X.numpy().ravel())
print("lstsq:    ", np.linalg.lstsq(C.numpy(), D.numpy(), rcond=None)[0].ravel())
