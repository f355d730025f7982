'''Variational autoencoder with MLP, from the keras examples, changed to tensorflow.keras.'''
import argparse

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense, Input, Lambda
from tensorflow.keras.losses import binary_crossentropy, mse
from tensorflow.keras.models import Model
from tensorflow.keras import backend as K


# reparameterization trick: z = z_mean + sqrt(var)*eps
def sampling(args):
    z_mean, z_log_var = args
    epsilon = tf.random.normal(tf.shape(z_mean))
    return z_mean + tf.exp(0.5 * z_log_var) * epsilon


def patches(n, dim, seed):
    """binary bars, the position is the hidden variable"""
    rng = np.random.RandomState(seed)
    pos = rng.randint(0, dim - 8, n)
    x = np.zeros((n, dim), 'float32')
    for i, p in enumerate(pos):
        x[i, p:p + 8] = 1
    return x


parser = argparse.ArgumentParser()
parser.add_argument('-m', '--mse', action='store_true', help='Use mse loss instead of binary cross entropy (default)')
args = parser.parse_args()

original_dim, intermediate_dim, latent_dim, batch_size, epochs = 64, 48, 2, 50, 5
x_train = patches(500, original_dim, 0)

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

# instantiate VAE model
outputs = decoder(encoder(inputs)[2])
vae = Model(inputs, outputs, name='vae_mlp')


def vae_loss(y_true, y_pred):
    reconstruction_loss = mse(y_true, y_pred) if args.mse else binary_crossentropy(y_true, y_pred)
    reconstruction_loss *= original_dim
    kl_loss = 1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)
    kl_loss = -0.5 * K.sum(kl_loss, axis=-1)
    return K.mean(reconstruction_loss + kl_loss)


vae.compile(optimizer='adam', loss=vae_loss)
vae.fit(x_train, x_train, epochs=epochs, batch_size=batch_size, verbose=2)
