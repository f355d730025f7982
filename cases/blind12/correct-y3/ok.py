import argparse

import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser(description="Adversarial autoencoder, prior imposed on the code by a discriminator")
parser.add_argument("--z_dim", type=int, default=2)
parser.add_argument("--n_l1", type=int, default=32)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--n_epochs", type=int, default=6)
parser.add_argument("--learning_rate", type=float, default=0.001)
parser.add_argument("--beta1", type=float, default=0.9)
args = parser.parse_args()
input_dim = 36
tf.random.set_seed(0)


class Dense(tf.Module):
    def __init__(self, n1, n2, name):
        super().__init__(name=name)
        self.weights = tf.Variable(tf.random.normal([n1, n2], stddev=(2.0 / (n1 + n2)) ** 0.5), name="weights")
        self.bias = tf.Variable(tf.zeros([n2]), name="bias")

    def __call__(self, x):
        return tf.matmul(x, self.weights) + self.bias


class Stack(tf.Module):
    def __init__(self, sizes, prefix, out=None):
        super().__init__(name=prefix)
        self.layers = [Dense(a, b, f"{prefix}_dense_{i}") for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:]))]
        self.out = out

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = tf.nn.relu(layer(x))
        x = self.layers[-1](x)
        return self.out(x) if self.out else x


encoder = Stack([input_dim, args.n_l1, args.n_l1, args.z_dim], "e")
decoder = Stack([args.z_dim, args.n_l1, args.n_l1, input_dim], "d", out=tf.sigmoid)
discriminator = Stack([args.z_dim, args.n_l1, args.n_l1, 1], "dc")

# one optimizer for every phase
en_de_var = encoder.trainable_variables + decoder.trainable_variables
dc_var = discriminator.trainable_variables
en_var = encoder.trainable_variables
autoencoder_optimizer = tf.keras.optimizers.Adam(args.learning_rate, beta_1=args.beta1)
discriminator_optimizer = tf.keras.optimizers.Adam(args.learning_rate, beta_1=args.beta1)
generator_optimizer = tf.keras.optimizers.Adam(args.learning_rate, beta_1=args.beta1)


def bce(logits, target):
    labels = tf.fill(tf.shape(logits), float(target))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))


@tf.function
def train_batch(batch_x, z_real):
    with tf.GradientTape() as tape:
        autoencoder_loss = tf.reduce_mean(tf.square(batch_x - decoder(encoder(batch_x))))
    autoencoder_optimizer.apply_gradients(zip(tape.gradient(autoencoder_loss, en_de_var), en_de_var))

    fake_code = encoder(batch_x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(dc_var)
        dc_loss = bce(discriminator(z_real), 1.0) + bce(discriminator(fake_code), 0.0)
    discriminator_optimizer.apply_gradients(zip(tape.gradient(dc_loss, dc_var), dc_var))

    # the encoder is the generator of the codes, the discriminator keeps still
    with tf.GradientTape() as tape:
        generator_loss = bce(discriminator(encoder(batch_x)), 1.0)
    generator_optimizer.apply_gradients(zip(tape.gradient(generator_loss, en_var), en_var))
    return autoencoder_loss, dc_loss, generator_loss


def strokes(n=256):
    rs = np.random.RandomState(0)
    img = np.zeros((n, 6, 6), "float32")
    for k in range(n):
        if rs.rand() < 0.5:
            img[k, rs.randint(6)] = 1
        else:
            img[k, :, rs.randint(6)] = 1
    return img.reshape(n, 36)


x_train = strokes()
rng = np.random.RandomState(1)
for epoch in range(args.n_epochs):
    order, totals = rng.permutation(len(x_train)), []
    for start in range(0, len(x_train), args.batch_size):
        batch_x = tf.constant(x_train[order[start:start + args.batch_size]])
        z_real = tf.constant(rng.normal(size=(args.batch_size, args.z_dim)).astype("float32") * 5.0)
        totals.append([float(v) for v in train_batch(batch_x, z_real)])
    print("Epoch: {}/{}, autoencoder {:.4f}, discriminator {:.4f}, generator {:.4f}".format(
        epoch + 1, args.n_epochs, *np.mean(totals, axis=0)))
