import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers
from tensorflow.keras.preprocessing.image import ImageDataGenerator

img_rows, img_cols, img_chns = 16, 16, 1
filters, latent_dim, intermediate_dim = 8, 4, 32
batch_size, epochs = 16, 3
tf.keras.utils.set_random_seed(0)


class Sampling(layers.Layer):
    """Draws z and adds the KL divergence to the loss of the model."""

    def call(self, inputs):
        z_mean, z_log_var = inputs
        kl = -0.5 * tf.reduce_sum(1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var), axis=-1)
        self.add_loss(1e-3 * tf.reduce_mean(kl))
        return z_mean + tf.exp(0.5 * z_log_var) * tf.random.normal(tf.shape(z_mean))


# encoder architecture
x = layers.Input(shape=(img_rows, img_cols, img_chns))
h = layers.Conv2D(img_chns, 2, padding="same", activation="relu")(x)
h = layers.Conv2D(filters, 2, padding="same", activation="relu", strides=2)(h)
h = layers.Conv2D(filters, 3, padding="same", activation="relu")(h)
h = layers.Dense(intermediate_dim, activation="relu")(layers.Flatten()(h))
z_mean = layers.Dense(latent_dim)(h)
z_log_var = layers.Dense(latent_dim)(h)
z = Sampling()([z_mean, z_log_var])

# decoder architecture
h = layers.Dense(intermediate_dim, activation="relu")(z)
h = layers.Dense(filters * img_rows // 2 * img_cols // 2, activation="relu")(h)
h = layers.Reshape((img_rows // 2, img_cols // 2, filters))(h)
h = layers.Conv2DTranspose(filters, 3, padding="same", strides=2, activation="relu")(h)
x_decoded = layers.Conv2D(img_chns, 2, padding="same", activation="sigmoid")(h)

vae = Model(x, x_decoded)
vae.compile(optimizer="rmsprop", loss="binary_crossentropy")

# the images are not labelled, input = target
yy, xx = np.mgrid[:img_rows, :img_cols]
rs = np.random.RandomState(0)
cy, cx, r = rs.uniform(4, 12, 96), rs.uniform(4, 12, 96), rs.uniform(2, 5, 96)
images = ((yy - cy[:, None, None]) ** 2 + (xx - cx[:, None, None]) ** 2 < r[:, None, None] ** 2)[..., None] * 255.0

train_datagen = ImageDataGenerator(horizontal_flip=True, preprocessing_function=lambda im: im / 255.0)
train_generator = train_datagen.flow(images, None, batch_size=batch_size, seed=1)

vae.fit(train_generator, steps_per_epoch=len(images) // batch_size, epochs=epochs, verbose=2)
