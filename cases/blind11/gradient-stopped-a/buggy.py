"""Detector with a small attribute head: the attribute loss must not disturb the features of the main task."""
import numpy as np
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Conv2D, Dense, GlobalMaxPooling2D, Input, Lambda, MaxPooling2D

num_samples = 240


def backbone(x, widths):
    for w in widths:
        x = Conv2D(w, 3, padding='same', activation='relu')(x)
        x = MaxPooling2D()(x)
    return GlobalMaxPooling2D()(x)


def build(main_classes, attributes):
    image = Input((16, 16, 3))
    x = backbone(image, [8, 16])
    x = Lambda(K.stop_gradient, output_shape=(16,), name='stop')(x)
    attr = Dense(8, activation='relu')(x)
    attr = Dense(attributes, activation='sigmoid', name='attr')(attr)
    main = Dense(main_classes, activation='softmax', name='main')(x)
    return keras.models.Model(inputs=image, outputs=[main, attr])


def samples(n):
    kind = np.random.randint(0, 3, n)
    bright = np.random.randint(0, 2, n)
    img = 0.2 * np.random.rand(n, 16, 16, 3)
    for i in range(n):
        c = np.random.randint(3, 12)
        if kind[i] == 0:
            img[i, c - 2:c + 3, :] += 0.4
        elif kind[i] == 1:
            img[i, :, c - 2:c + 3] += 0.4
        else:
            img[i, np.arange(16), np.arange(16)] += 0.7
    img += 0.3 * bright[:, None, None, None]
    return img.astype('float32'), kind, bright.astype('float32').reshape(-1, 1)


keras.utils.set_random_seed(20)
X, kind, bright = samples(num_samples)
model = build(3, 1)
model.compile(optimizer=keras.optimizers.Adam(3e-3),
              loss={'main': 'sparse_categorical_crossentropy', 'attr': 'binary_crossentropy'},
              loss_weights={'main': 1., 'attr': 0.3},
              metrics={'main': 'accuracy', 'attr': 'accuracy'})
history = model.fit(X, {'main': kind, 'attr': bright}, batch_size=24, epochs=6, verbose=0).history
print('main acc', np.round(history['main_accuracy'], 3))
print('attr acc', np.round(history['attr_accuracy'], 3))
