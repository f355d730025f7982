import numpy as np
import tf_keras
from tf_keras.layers import (Activation, Add, BatchNormalization, Conv2D, Dense, Dropout,
                             GlobalAveragePooling2D, Input)
from tf_keras.models import Model, Sequential

tf_keras.utils.set_random_seed(21)


def conv2d_bn(x, filters, name):
    x = Conv2D(filters, 3, padding='same', use_bias=False, name=name)(x)
    x = BatchNormalization(name=name + '_bn')(x)
    return Activation('relu', name=name + '_act')(x)


def inception_resnet_v1(shape=(16, 16, 3), classes=32):
    """Small stand-in for facenet; the real one comes from facenet_keras.h5"""
    inp = Input(shape)
    x = conv2d_bn(inp, 8, 'Conv2d_1a')
    for i in (1, 2):
        branch = conv2d_bn(x, 8, 'Block35_%d' % i)
        x = Add(name='Block35_%d_add' % i)([x, branch])
    x = GlobalAveragePooling2D(name='AvgPool')(x)
    x = Dense(classes, use_bias=False, name='Bottleneck')(x)
    return Model(inp, x, name='inception_resnet_v1')


def load_facenet():
    facenet = inception_resnet_v1()
    # weights come frozen, only used for embeddings up to now
    facenet.trainable = False
    return facenet


def faces(n=90):
    y = np.random.randint(0, 3, n)
    x = np.random.rand(n, 16, 16, 3).astype('float32') * 0.5
    x[np.arange(n), :, :, y] += 0.5
    return x, np.eye(3, dtype='float32')[y]


facenet = load_facenet()

# transfer learning: train the last block and the bottleneck too
trainable_from = 'Block35_2'
flag = False
for layer in facenet.layers:
    if layer.name == trainable_from:
        flag = True
    layer.trainable = flag

model = Sequential([
    Input((16, 16, 3)),
    facenet,
    Dense(32),
    Activation('relu'),
    Dropout(0.2),
    Dense(3),
    Activation('softmax'),
])
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])

print('Trainable params:', sum(int(np.prod(w.shape)) for w in model.trainable_weights))
print('Non-trainable params:', sum(int(np.prod(w.shape)) for w in model.non_trainable_weights))

start = facenet.get_layer('Bottleneck').get_weights()[0]
x, y = faces()
model.fit(x, y, epochs=5, batch_size=16, verbose=2)
print('Bottleneck moved by', np.abs(facenet.get_layer('Bottleneck').get_weights()[0] - start).max())
