import argparse

import numpy as np
import tensorflow as tf
from tensorflow.keras.callbacks import LearningRateScheduler
from tensorflow.keras.layers import Add, BatchNormalization, Conv2D, Input, PReLU
from tensorflow.keras.models import Model


class NoisyImageGenerator:
    """noise2noise: source and target are two noisy versions of the same patch"""

    def __init__(self, images, source_noise_model, target_noise_model, batch_size=8, image_size=16):
        self.images = images
        self.source_noise_model = source_noise_model
        self.target_noise_model = target_noise_model
        self.batch_size = batch_size
        self.image_size = image_size
        self.rng = np.random.RandomState(0)

    def __len__(self):
        return len(self.images) // self.batch_size

    def __getitem__(self, idx):
        size = self.image_size
        x = np.zeros((self.batch_size, size, size, 3), dtype=np.float32)
        y = np.zeros((self.batch_size, size, size, 3), dtype=np.float32)
        for k in range(self.batch_size):
            image = self.images[self.rng.randint(len(self.images))]
            h, w, _ = image.shape
            i = self.rng.randint(h - size + 1)
            j = self.rng.randint(w - size + 1)
            clean_patch = image[i:i + size, j:j + size]
            x[k] = self.source_noise_model(clean_patch)
            y[k] = self.target_noise_model(clean_patch)
        return [x, y]

    def flow(self):
        while True:
            for idx in range(len(self)):
                yield self[idx]


def get_noise_model(sigma, seed):
    rng = np.random.RandomState(seed)

    def gaussian_noise(img):
        return np.clip(img + sigma * rng.normal(size=img.shape), 0, 255)
    return gaussian_noise


def get_srresnet_model(feature_dim=8, resunit_num=2):
    inputs = Input(shape=(None, None, 3))
    x = Conv2D(feature_dim, 3, padding="same")(inputs)
    x0 = x = PReLU(shared_axes=[1, 2])(x)
    for _ in range(resunit_num):
        shortcut = x
        x = Conv2D(feature_dim, 3, padding="same")(x)
        x = BatchNormalization()(x)
        x = PReLU(shared_axes=[1, 2])(x)
        x = Conv2D(feature_dim, 3, padding="same")(x)
        x = BatchNormalization()(x)
        x = Add()([shortcut, x])
    x = Add()([x, x0])
    return Model(inputs, Conv2D(3, 3, padding="same")(x))


class Schedule:
    def __init__(self, nb_epochs, initial_lr):
        self.epochs = nb_epochs
        self.initial_lr = initial_lr

    def __call__(self, epoch_idx, lr=None):
        return self.initial_lr if epoch_idx < self.epochs * 0.5 else self.initial_lr * 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--nb_epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.01)
    args = parser.parse_args()

    tf.keras.utils.set_random_seed(0)
    ramp = np.linspace(0, 255, 24)
    images = [np.stack([np.tile(ramp, (24, 1)), np.tile(ramp[:, None], (1, 24)),
                        np.full((24, 24), c)], axis=-1) for c in range(0, 250, 10)]
    model = get_srresnet_model()
    model.compile(optimizer=tf.keras.optimizers.Adam(args.lr), loss="mse")

    generator = NoisyImageGenerator(images, get_noise_model(25, 1), get_noise_model(25, 2),
                                    batch_size=args.batch_size)
    hist = model.fit(generator.flow(), steps_per_epoch=len(generator), epochs=args.nb_epochs, verbose=0,
                     callbacks=[LearningRateScheduler(Schedule(args.nb_epochs, args.lr))])
    print(hist.history["loss"])


if __name__ == '__main__':
    main()
