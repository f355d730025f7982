"""Depth and normals are predicted by one net; for the phone version only the depth is fine-tuned."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Conv2D, Input

keras.utils.set_random_seed(2)


def get_geometry_net():
    data_input = Input(shape=(16, 16, 3), name='rgb')
    f = Conv2D(6, 3, padding='same', activation='relu', name='shared')(data_input)
    x0 = Conv2D(8, 3, padding='same', activation='relu', name='depth_hidden')(f)
    x0 = Conv2D(1, 3, padding='same', name='depth')(x0)
    x1 = Conv2D(8, 3, padding='same', activation='relu', name='normal_hidden')(f)
    x1 = Conv2D(3, 3, padding='same', name='normal')(x1)
    return keras.Model(inputs=data_input, outputs=[x0, x1], name='geometry')


def get_depth_net(geometry):
    data_input = Input(shape=(16, 16, 3), name='phone_rgb')
    depth, _ = geometry(data_input)
    return keras.Model(inputs=data_input, outputs=depth, name='depth_only')


def scenes(n):
    d = np.random.rand(n, 1, 1, 1) + np.linspace(0, 1, 16)[None, :, None, None] * np.random.rand(n, 1, 1, 1)
    d = np.broadcast_to(d, (n, 16, 16, 1))
    rgb = np.concatenate([1 - d, d * 0.5, d ** 2], axis=-1) + 0.02 * np.random.randn(n, 16, 16, 3)
    gy = np.gradient(d[..., 0], axis=1)
    normal = np.stack([np.zeros_like(gy), gy, np.ones_like(gy)], -1)
    return rgb.astype('float32'), d.astype('float32'), normal.astype('float32')


geometry = get_geometry_net()
rgb, depth, normal = scenes(80)
geometry.compile(loss=['mae', 'mse'], optimizer=keras.optimizers.Adam(3e-3))
geometry.fit(rgb, [depth, normal], epochs=3, batch_size=16, verbose=2)

phone = get_depth_net(geometry)
phone.compile(loss='mae', optimizer=keras.optimizers.Adam(1e-3))
rgb, depth, _ = scenes(60)
phone.fit(rgb, depth, epochs=3, batch_size=12, verbose=2)
print(len(phone.trainable_weights), 'tensors,', phone.count_params(), 'parameters to ship')
