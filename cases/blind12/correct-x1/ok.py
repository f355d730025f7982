import numpy as np
from keras.layers import Dense, Dropout, Input, LeakyReLU
from keras.models import Model, Sequential
from keras.optimizers import Adam
from keras.utils import set_random_seed

set_random_seed(101)

img_size = 64
latent_dim = 10


def build_generator():
    return Sequential([
        Input((latent_dim,)),
        Dense(64), LeakyReLU(negative_slope=0.2),
        Dense(64), LeakyReLU(negative_slope=0.2),
        Dense(img_size, activation='tanh'),
    ], name='generator')


def build_discriminator():
    return Sequential([
        Input((img_size,)),
        Dense(64), LeakyReLU(negative_slope=0.2), Dropout(0.3),
        Dense(32), LeakyReLU(negative_slope=0.2), Dropout(0.3),
        Dense(1, activation='sigmoid'),
    ], name='discriminator')


def load_bars(n):
    """8x8 pictures with one bright column, scaled to [-1, 1]"""
    x = -np.ones((n, 8, 8), 'float32')
    x[np.arange(n), :, np.random.randint(0, 8, n)] = 1.0
    return x.reshape(n, -1)


optimizer = lambda: Adam(learning_rate=0.0005, beta_1=0.5)

discriminator = build_discriminator()
discriminator.compile(loss='binary_crossentropy', optimizer=optimizer(), metrics=['accuracy'])

generator = build_generator()

discriminator.trainable = False
z = Input(shape=(latent_dim,))
decision = discriminator(generator(z))
d_g = Model(inputs=z, outputs=decision)
d_g.compile(loss='binary_crossentropy', optimizer=optimizer())

epochs, batch_size, smooth = 6, 32, 0.1
real = np.ones((batch_size, 1))
fake = np.zeros((batch_size, 1))
X_train = load_bars(256)
first_d = discriminator.get_weights()[0].copy()
first_g = generator.get_weights()[0].copy()

for e in range(epochs):
    d_loss, g_loss = [], []
    for i in range(len(X_train) // batch_size):

        # Train Discriminator weights
        discriminator.trainable = True

        # Real samples
        X_batch = X_train[i * batch_size:(i + 1) * batch_size]
        d_loss_real = discriminator.train_on_batch(x=X_batch, y=real * (1 - smooth))

        # Fake Samples
        noise = np.random.normal(loc=0, scale=1, size=(batch_size, latent_dim))
        X_fake = generator.predict_on_batch(noise)
        d_loss_fake = discriminator.train_on_batch(x=X_fake, y=fake)
        d_loss.append(0.5 * (d_loss_real[0] + d_loss_fake[0]))

        # Train Generator weights
        discriminator.trainable = False
        g_loss.append(d_g.train_on_batch(x=noise, y=real))

    print('epoch', e + 1, 'd_loss %.4f g_loss %.4f' % (np.mean(d_loss), np.mean(g_loss)))

print('discriminator moved', np.abs(discriminator.get_weights()[0] - first_d).max(),
      'generator moved', np.abs(generator.get_weights()[0] - first_g).max())
