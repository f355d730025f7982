import numpy as np
import tensorflow as tf
from tf_keras.layers import Conv2D, Input, MaxPooling2D, UpSampling2D
from tf_keras.models import Model
from tf_keras.utils import Sequence

tf.random.set_seed(7)
rng = np.random.RandomState(7)

img_width = 28
img_height = 28
nb_train_samples = 64
nb_validation_samples = 32
nb_epoch = 3


def site_photos(count):
    """grey sky, brown ground, a few boxes"""
    photos = np.zeros((count, img_height, img_width, 3), dtype="float32")
    for p in photos:
        horizon = rng.randint(8, 20)
        p[:horizon] = (150, 160, 200)
        p[horizon:] = (120, 90, 60)
        for _ in range(3):
            r, c = rng.randint(0, 20, size=2)
            p[r:r + 6, c:c + 6] = rng.randint(0, 255, size=3)
    return photos


class PhotoIterator(Sequence):
    """like flow_from_directory, for photos that are in memory already"""

    def __init__(self, photos, labels=None, batch_size=32, class_mode="categorical", rescale=1. / 255):
        self.photos = photos
        self.labels = labels
        self.batch_size = batch_size
        self.class_mode = class_mode
        self.rescale = rescale

    def __len__(self):
        return int(np.ceil(len(self.photos) / self.batch_size))

    def __getitem__(self, idx):
        rows = slice(idx * self.batch_size, (idx + 1) * self.batch_size)
        batch_x = self.photos[rows] * self.rescale
        if self.class_mode is None:
            return batch_x
        if self.class_mode == "input":
            return batch_x, batch_x.copy()
        return batch_x, self.labels[rows]


train_photos = site_photos(nb_train_samples)
valid_photos = site_photos(nb_validation_samples)

input_img = Input(shape=(img_height, img_width, 3))

x = Conv2D(16, (3, 3), activation="relu", padding="same")(input_img)
x = MaxPooling2D((2, 2), padding="same")(x)
x = Conv2D(8, (3, 3), activation="relu", padding="same")(x)
encoded = MaxPooling2D((2, 2), padding="same")(x)

# at this point the representation is (7, 7, 8)

x = Conv2D(8, (3, 3), activation="relu", padding="same")(encoded)
x = UpSampling2D((2, 2))(x)
x = Conv2D(16, (3, 3), activation="relu", padding="same")(x)
x = UpSampling2D((2, 2))(x)
decoded = Conv2D(3, (3, 3), activation="sigmoid", padding="same")(x)

autoencoder = Model(input_img, decoded)
autoencoder.compile(optimizer="adam", loss="mse")

train_generator = PhotoIterator(train_photos, batch_size=16, class_mode=None)
validation_generator = PhotoIterator(valid_photos, batch_size=16, class_mode=None)

history = autoencoder.fit(train_generator, epochs=nb_epoch, verbose=0,
                          validation_data=validation_generator)
print(history.history)
