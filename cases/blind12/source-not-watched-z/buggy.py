import os
os.environ['TF_FORCE_GPU_ALLOW_GROWTH'] = 'true'
import numpy as np
import tensorflow as tf

np.random.seed(0)


def manual_gradients(x, w, upstream):
    """gradient of a 'VALID' convolution with stride 1, one channel in and out"""
    w_size = w.shape[0]
    out_size = x.shape[1] - w_size + 1
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for r in range(out_size):
        for c in range(out_size):
            dx[0, r:r + w_size, c:c + w_size, 0] += upstream[0, r, c, 0] * w[:, :, 0, 0]
            dw[:, :, 0, 0] += upstream[0, r, c, 0] * x[0, r:r + w_size, c:c + w_size, 0]
    return dx, dw


# sizes, fixed strides, in_channel, out_channel be 1 for now
x_size = 4
w_size = 3  # use an odd number here
x_shape = (1, x_size, x_size, 1)
w_shape = (w_size, w_size, 1, 1)
out_shape = (1, x_size - w_size + 1, x_size - w_size + 1, 1)
strides = (1, 1, 1, 1)

# numpy value
x_np = np.random.randint(10, size=x_shape).astype('float32')
w_np = np.random.randint(10, size=w_shape).astype('float32')
out_np = np.random.randint(1, 10, size=out_shape).astype('float32')

# tf forward
x = tf.constant(x_np)
w = tf.constant(w_np)
out_scale = tf.constant(out_np)
with tf.GradientTape(persistent=True) as g:
    out = tf.nn.conv2d(input=x, filters=w, strides=strides, padding='VALID')
    out = out * out_scale

# tf backward
x_grad = g.gradient(out, x)
w_grad = g.gradient(out, w)
print('x_grad', x_grad, 'w_grad', w_grad)

# compare
dx, dw = manual_gradients(x_np, w_np, out_np)
print('difference x', np.max(np.abs(x_grad - dx)))
print('difference w', np.max(np.abs(w_grad - dw)))
