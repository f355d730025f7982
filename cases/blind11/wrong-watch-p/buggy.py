import argparse

import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--gp_weight", type=float, default=10.0)
args, _ = parser.parse_known_args()

tf.random.set_seed(3)
LATENT = 20


def make_generator():
    return tf.keras.Sequential([
        tf.keras.layers.Input((LATENT,)),
        tf.keras.layers.Dense(7 * 7 * 8, activation="relu"),
        tf.keras.layers.Reshape((7, 7, 8)),
        tf.keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
    ])


def make_critic():
    return tf.keras.Sequential([
        tf.keras.layers.Input((14, 14, 1)),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(64),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.Dense(32),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.Dense(1, use_bias=False),
    ])


generator, critic = make_generator(), make_critic()
gen_opt = tf.keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)
critic_opt = tf.keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)


def train_critic(images):
    with tf.GradientTape() as critic_tape:
        generated_images = generator(tf.random.normal([args.batch, LATENT]), training=True)
        real_output = critic(images, training=True)
        generated_output = critic(generated_images, training=True)
        with tf.GradientTape() as gtape:
            epsilon = tf.random.uniform([args.batch, 1, 1, 1], 0, 1)
            xhat = epsilon * images + (1 - epsilon) * generated_images
            dhat = critic(xhat, training=True)
            gtape.watch(xhat)
        dhat2 = gtape.gradient(dhat, xhat)
        slopes = tf.sqrt(tf.reduce_sum(tf.square(dhat2), axis=[1, 2, 3]) + 1e-12)
        gradient_penalty = tf.reduce_mean((slopes - 1.0) ** 2)
        critic_loss = (
            tf.reduce_mean(generated_output) - tf.reduce_mean(real_output) + args.gp_weight * gradient_penalty
        )
    grads = critic_tape.gradient(critic_loss, critic.trainable_variables)
    critic_opt.apply_gradients(zip(grads, critic.trainable_variables))
    return critic_loss, gradient_penalty


def train_generator():
    with tf.GradientTape() as gen_tape:
        fake = generator(tf.random.normal([args.batch, LATENT]), training=True)
        gen_loss = -tf.reduce_mean(critic(fake, training=True))
    grads = gen_tape.gradient(gen_loss, generator.trainable_variables)
    gen_opt.apply_gradients(zip(grads, generator.trainable_variables))
    return gen_loss


# blobs instead of digits
grid = tf.stack(tf.meshgrid(tf.linspace(-1.0, 1.0, 14), tf.linspace(-1.0, 1.0, 14)), -1)
centres = tf.random.uniform([args.batch * args.steps, 1, 1, 2], -0.5, 0.5)
blobs = tf.exp(-8.0 * tf.reduce_sum((grid[None] - centres) ** 2, -1, keepdims=True)) * 2 - 1
for step, batch in enumerate(tf.data.Dataset.from_tensor_slices(blobs).batch(args.batch)):
    c_loss, gp = train_critic(batch)
    g_loss = train_generator()
    print(f"step {step} critic {float(c_loss):.3f} gp {float(gp):.3f} gen {float(g_loss):.3f}")
