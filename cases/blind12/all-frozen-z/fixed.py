import numpy as np
import keras
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, LeakyReLU, Reshape, UpSampling2D
from keras.models import Model, Sequential
from keras.optimizers import Adam

keras.utils.set_random_seed(5)


def _generator(inp_size):
    """
    construct the generator model
    :param inp_size: size of the input noise vector
    :return: generator model
    """
    generator_model = Sequential()
    generator_model.add(keras.Input(shape=(inp_size,)))

    # dense block for bringing spatial integrity
    generator_model.add(Dense(4 * 4 * 16, activation="relu"))
    generator_model.add(BatchNormalization())
    generator_model.add(Reshape((4, 4, 16)))
    generator_model.add(UpSampling2D())
    generator_model.add(Conv2D(8, 3, padding="same", activation="relu"))
    generator_model.add(UpSampling2D())
    generator_model.add(Conv2D(3, 3, padding="same", activation="sigmoid"))

    # final output of the model is 16 x 16 x 3
    return generator_model


def _discriminator(inp_shape):
    discriminator_model = Sequential()
    discriminator_model.add(keras.Input(shape=inp_shape))
    discriminator_model.add(Conv2D(8, 3, strides=2, padding="same"))
    discriminator_model.add(LeakyReLU(negative_slope=0.2))
    discriminator_model.add(Conv2D(16, 3, strides=2, padding="same"))
    discriminator_model.add(LeakyReLU(negative_slope=0.2))
    discriminator_model.add(Flatten())
    discriminator_model.add(Dense(1, activation="sigmoid"))
    return discriminator_model


class GAN:
    def __init__(self, noise_size=16):
        self.noise_size = noise_size

        self.dis = _discriminator((16, 16, 3))
        self.dis.compile(loss="binary_crossentropy", optimizer=Adam(1e-3, beta_1=0.5))

        self.gen = _generator(noise_size)

        # in the combined model only the generator learns
        self.dis.trainable = False
        self.comb = Model(inputs=self.gen.inputs, outputs=self.dis(self.gen.outputs[0]))
        self.comb.compile(loss="binary_crossentropy", optimizer=Adam(1e-3, beta_1=0.5))

    def train(self, images, steps, batch_size=16):
        rng = np.random.RandomState(0)
        ones, zeros = np.ones((batch_size, 1)), np.zeros((batch_size, 1))
        for step in range(steps):
            real = images[rng.randint(0, len(images), batch_size)]
            noise = rng.normal(size=(batch_size, self.noise_size)).astype("float32")
            fake = self.gen.predict(noise, verbose=0)

            x = np.concatenate([real, fake])
            y = np.concatenate([ones, zeros])
            self.dis.trainable = True
            d_loss = self.dis.train_on_batch(x, y)

            self.dis.trainable = False
            g_loss = self.comb.train_on_batch(noise, ones)
            if step % 5 == 0:
                print("%d  D: %.4f  G: %.4f" % (step, d_loss, g_loss))


if __name__ == "__main__":
    rng = np.random.RandomState(1)
    # "cifar": bright squares on a dark ground
    images = 0.1 * rng.rand(128, 16, 16, 3).astype("float32")
    for img in images:
        r, c = rng.randint(0, 10, 2)
        img[r:r + 6, c:c + 6] += 0.6
    gan = GAN()
    before = [w.numpy() for w in gan.dis.weights]
    gan.train(images, steps=16)
    moved = [float(np.abs(w.numpy() - b).max()) for w, b in zip(gan.dis.weights, before)]
    print("largest change of the discriminator's weights:", moved)
