"""Two-phase training of a leaf classifier: first the new head on the frozen convolutional base, then everything."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models, optimizers

tf.keras.utils.set_random_seed(17)


def images(n, kinds, shift):
    label = np.random.randint(0, kinds, n)
    yy, xx = np.mgrid[0:20, 0:20] / 20.
    freq = (label + 1 + shift)[:, None, None] * 2.
    img = np.sin(freq * xx) * np.cos(freq * yy) + 0.1 * np.random.randn(n, 20, 20)
    return img[..., None].astype('float32'), label


def conv_base():
    # takes the place of VGG16(include_top=False)
    return models.Sequential([
        layers.Input((20, 20, 1)),
        layers.Conv2D(8, 3, activation='relu', name='block1_conv1'),
        layers.MaxPooling2D(),
        layers.Conv2D(12, 3, activation='relu', name='block2_conv1'),
        layers.GlobalAveragePooling2D(),
    ], name='vgg')


def pretrain(base):
    x, y = images(200, 4, shift=2)
    m = models.Sequential([base, layers.Dense(4, activation='softmax')])
    m.compile(optimizers.Adam(5e-3), 'sparse_categorical_crossentropy')
    m.fit(x, y, epochs=3, verbose=0)


base = conv_base()
pretrain(base)

x, y = images(300, 3, shift=0)
base.trainable = False
model = models.Sequential()
model.add(layers.Rescaling(1.))
model.add(base)
model.add(layers.Dense(16, activation='relu'))
model.add(layers.Dense(3, activation='softmax'))
model.compile(loss='sparse_categorical_crossentropy',
              optimizer=optimizers.Adam(1e-3),
              metrics=['acc'])
model.fit(x, y, epochs=3, batch_size=30, verbose=2)

# now fine tune the whole thing
base.trainable = True
for layer in model.layers[1].layers:
    layer.trainable = True
model.compile(loss='sparse_categorical_crossentropy',
              optimizer=optimizers.Adam(2e-3),
              metrics=['acc'])
model.summary()
kernel = base.get_layer('block1_conv1').get_weights()[0].copy()
model.fit(x, y, epochs=6, batch_size=30, verbose=2)
print('block1_conv1 changed:', not np.allclose(kernel, base.get_layer('block1_conv1').get_weights()[0]))
