import numpy as np
import tensorflow as tf
import keras
from keras import layers

keras.utils.set_random_seed(55)
CANVAS = 32


class BoxOps:
    """Boxes as (cx, cy, w, h) in units of the canvas."""

    @staticmethod
    def corners(boxes):
        cx, cy, w, h = tf.split(boxes, 4, axis=-1)
        return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2

    @staticmethod
    def area(x1, y1, x2, y2):
        return tf.maximum(x2 - x1, 0.0) * tf.maximum(y2 - y1, 0.0)


class GeneralisedIoU(keras.losses.Loss):
    def __init__(self, smooth_l1_weight=0.0, name="giou"):
        super().__init__(name=name)
        self.smooth_l1_weight = smooth_l1_weight

    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, tf.float32)
        ax1, ay1, ax2, ay2 = BoxOps.corners(y_true)
        bx1, by1, bx2, by2 = BoxOps.corners(y_pred)
        inter = BoxOps.area(tf.maximum(ax1, bx1), tf.maximum(ay1, by1),
                            tf.minimum(ax2, bx2), tf.minimum(ay2, by2))
        union = BoxOps.area(ax1, ay1, ax2, ay2) + BoxOps.area(bx1, by1, bx2, by2) - inter
        hull = BoxOps.area(tf.minimum(ax1, bx1), tf.minimum(ay1, by1),
                           tf.maximum(ax2, bx2), tf.maximum(ay2, by2))
        iou = inter / (union + 1e-6)
        giou = iou - (hull - union) / (hull + 1e-6)
        return tf.squeeze(1.0 - giou, -1)


def pallet_images(n):
    """One bright box on a noisy warehouse floor."""
    rng = np.random.RandomState(0)
    img = rng.uniform(0, 0.3, (n, CANVAS, CANVAS, 1)).astype("float32")
    box = np.zeros((n, 4), "float32")
    for k in range(n):
        w, h = rng.randint(8, 18, 2)
        x, y = rng.randint(0, CANVAS - w), rng.randint(0, CANVAS - h)
        img[k, y:y + h, x:x + w] += 0.7
        box[k] = np.array([x + w / 2, y + h / 2, w, h]) / CANVAS
    return img, box


def localiser():
    inp = layers.Input((CANVAS, CANVAS, 1))
    x = inp
    for f in (8, 16):
        x = layers.Conv2D(f, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(32, activation="relu")(layers.Flatten()(x))
    return keras.Model(inp, layers.Dense(4, activation="sigmoid")(x))


images, boxes = pallet_images(200)
net = localiser()
net.compile(optimizer=keras.optimizers.Adam(2e-3), loss=GeneralisedIoU())
log = net.fit(images, boxes, epochs=6, batch_size=20, verbose=0, validation_split=0.1)
print("giou loss", [round(v, 3) for v in log.history["loss"]])
