'''Example of VAE on digits dataset using MLP

The VAE has a modular design. The encoder, decoder and VAE
are 3 models that share weights.
'''
import argparse

import keras
import numpy as np
from keras import ops
from keras.layers import Dense, Input, Lambda
from keras.losses import binary_crossentropy, mean_squared_error as mse
from keras.models import Model

keras.utils.set_random_seed(1337)


# reparameterization trick
# instead of sampling from Q(z|X), sample eps = N(0,I)
# z = z_mean + sqrt(var)*eps
def sampling(args):
    z_mean, z_log_var = args
    epsilon = keras.random.normal(shape=ops.shape(z_mean))
    return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class VAELossLayer(keras.layers.Layer):
    """Endpoint that adds the VAE loss and hands the reconstruction on."""

    def __init__(self, original_dim, use_mse=False, **kwargs):
        super().__init__(**kwargs)
        self.original_dim = original_dim
        self.use_mse = use_mse

    def call(self, tensors):
        inputs, outputs, z_mean, z_log_var = tensors
        if self.use_mse:
            reconstruction_loss = mse(inputs, outputs)
        else:
            reconstruction_loss = binary_crossentropy(inputs, outputs)
        reconstruction_loss *= self.original_dim
        kl_loss = 1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var)
        kl_loss = ops.sum(kl_loss, axis=-1)
        kl_loss *= -0.5
        vae_loss = ops.mean(reconstruction_loss + kl_loss)
        self.add_loss(vae_loss)
        return outputs


def digits(n, side):
    yy, xx = np.mgrid[0:side, 0:side]
    cx, cy = np.random.uniform(2, side - 2, (2, n, 1, 1))
    img = np.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / 4.0)
    return img.reshape(n, -1).astype('float32')


# network parameters
image_size = 10
original_dim = image_size * image_size
intermediate_dim = 64
batch_size = 32
latent_dim = 2

# VAE model = encoder + decoder
# build encoder model
inputs = Input(shape=(original_dim,), name='encoder_input')
x = Dense(intermediate_dim, activation='relu')(inputs)
z_mean = Dense(latent_dim, name='z_mean')(x)
z_log_var = Dense(latent_dim, name='z_log_var')(x)
z = Lambda(sampling, output_shape=(latent_dim,), name='z')([z_mean, z_log_var])
encoder = Model(inputs, [z_mean, z_log_var, z], name='encoder')

# build decoder model
latent_inputs = Input(shape=(latent_dim,), name='z_sampling')
x = Dense(intermediate_dim, activation='relu')(latent_inputs)
outputs = Dense(original_dim, activation='sigmoid')(x)
decoder = Model(latent_inputs, outputs, name='decoder')

if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", "--mse", action='store_true',
                        help="Use mse loss instead of binary cross entropy (default)")
    parser.add_argument("-e", "--epochs", type=int, default=6)
    args = parser.parse_args()

    z_mean, z_log_var, z = encoder(inputs)
    outputs = VAELossLayer(original_dim, use_mse=args.mse)([inputs, decoder(z), z_mean, z_log_var])
    vae = Model(inputs, outputs, name='vae_mlp')
    vae.compile(optimizer='adam')

    x_train, x_test = digits(320, image_size), digits(64, image_size)
    vae.fit(x_train, epochs=args.epochs, batch_size=batch_size, verbose=2)
    print('test reconstruction error', float(np.mean((vae.predict(x_test, verbose=0) - x_test) ** 2)))
