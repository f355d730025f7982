"""Liver segmentation on 2-D slices, small U-Net, masks kept as uint8 volumes."""
import math
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers


@dataclass
class Scan:
    volume: np.ndarray   # (D, H, W) in HU
    mask: np.ndarray     # (D, H, W) 0/1


def phantom_scans(n, depth=6, size=32, seed=0):
    rng = np.random.RandomState(seed)
    yy, xx = np.mgrid[:size, :size]
    scans = []
    for _ in range(n):
        vol = rng.normal(-50, 20, (depth, size, size))
        msk = np.zeros_like(vol, dtype="uint8")
        cy, cx = rng.randint(10, 22, 2)
        for z in range(depth):
            r = 4 + 3 * math.sin(math.pi * (z + 1) / (depth + 1))
            disc = (yy - cy) ** 2 + (xx - cx) ** 2 < r ** 2
            vol[z][disc] += 120
            msk[z][disc] = 1
        scans.append(Scan(vol, msk))
    return scans


class SliceLoader(keras.utils.PyDataset):
    def __init__(self, scans, batch_size, window=(-150, 150), shuffle=False, with_masks=False, **kw):
        super().__init__(**kw)
        self.scans, self.batch_size, self.shuffle = scans, batch_size, shuffle
        self.lo, self.hi = window
        self.with_masks = with_masks
        self.index = [(i, z) for i, s in enumerate(scans) for z in range(len(s.volume))]
        self.rng = np.random.RandomState(3)

    def __len__(self):
        return math.ceil(len(self.index) / self.batch_size)

    def _window(self, hu):
        return (np.clip(hu, self.lo, self.hi) - self.lo) / (self.hi - self.lo)

    def __getitem__(self, k):
        rows = self.index[k * self.batch_size:(k + 1) * self.batch_size]
        x = np.stack([self._window(self.scans[i].volume[z]) for i, z in rows])[..., None].astype("float32")
        if not self.with_masks:
            return (x,)
        y = np.stack([self.scans[i].mask[z] for i, z in rows])[..., None].astype("float32")
        return x, y

    def on_epoch_end(self):
        if self.shuffle:
            self.rng.shuffle(self.index)


def conv_block(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return x


def tiny_unet(size=32):
    inp = keras.Input((size, size, 1))
    d1 = conv_block(inp, 8)
    d2 = conv_block(layers.MaxPooling2D()(d1), 16)
    up = layers.Conv2DTranspose(8, 2, strides=2)(d2)
    u1 = conv_block(layers.Concatenate()([up, d1]), 8)
    return keras.Model(inp, layers.Conv2D(1, 1, activation="sigmoid")(u1))


keras.utils.set_random_seed(2)
scans = phantom_scans(8)
train_loader = SliceLoader(scans[:6], batch_size=6, shuffle=True)
test_loader = SliceLoader(scans[6:], batch_size=6)

unet = tiny_unet()
unet.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy")
unet.fit(train_loader, epochs=3, verbose=2)

prob = unet.predict(test_loader, verbose=0)
truth = np.concatenate([s.mask for s in scans[6:]])[..., None]
pred = prob > 0.5
print("test dice %.3f" % (2 * (pred & (truth == 1)).sum() / (pred.sum() + truth.sum() + 1e-6)))
