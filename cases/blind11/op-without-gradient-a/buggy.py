import numpy as np
import tf_keras
from tf_keras import Sequential, layers
from tf_keras.backend import clear_session
from tf_keras.layers import (BatchNormalization, Conv2D, Dense, Flatten, LeakyReLU, MaxPooling2D, RandomFlip,
                             RandomRotation)
from tf_keras.optimizers import Adam

# galaxies: spiral / elliptical / edge-on
img_height, img_width, num_classes = 24, 24, 3


def galaxies(n, seed):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[-1:1:24j, -1:1:24j]
    kind = rng.integers(num_classes, size=n)
    axis = np.array([0.8, 0.5, 0.12])[kind][:, None, None]
    img = np.exp(-(xx ** 2 + (yy / axis) ** 2) * 4)
    img = img[..., None] * np.array([1., .9, .7]) + 0.05 * rng.random((n, 24, 24, 3))
    return img.astype('float32'), np.eye(num_classes, dtype='float32')[kind]


# Clean session
clear_session()
tf_keras.utils.set_random_seed(11)

model_6 = Sequential()

model_6.add(layers.InputLayer((img_height, img_width, 3)))
model_6.add(Conv2D(filters=8, kernel_size=(3, 3), padding="same", activation='relu'))

model_6.add(RandomRotation(factor=0.3))
model_6.add(RandomFlip("horizontal_and_vertical"))
model_6.add(MaxPooling2D(pool_size=(2, 2)))
model_6.add(Conv2D(filters=8, kernel_size=(3, 3), padding="same", activation='relu'))
model_6.add(MaxPooling2D(pool_size=(2, 2)))

# Add batch normalization
model_6.add(BatchNormalization())
model_6.add(layers.RandomContrast(factor=0.2, seed=11))

model_6.add(Flatten())

# Adding a fully connected dense layer
model_6.add(Dense(32))
model_6.add(LeakyReLU(0.1))
model_6.add(Dense(num_classes, activation='softmax'))

model_6.compile(loss='categorical_crossentropy', optimizer=Adam(learning_rate=0.001), metrics=['accuracy'])

X_train, y_train = galaxies(240, 0)
X_val, y_val = galaxies(60, 1)
history_6 = model_6.fit(X_train, y_train, epochs=4, validation_data=(X_val, y_val), batch_size=24, verbose=2)
