import keras
from keras import layers


def _block(x, filters, tag):
    x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"{tag}_conv")(x)
    x = layers.BatchNormalization(name=f"{tag}_bn")(x)
    return layers.ReLU(name=f"{tag}_relu")(x)


def make_backbone(side):
    inp = layers.Input((side, side, 3))
    x = inp
    for i, filters in enumerate((8, 12, 16), start=1):
        x = _block(x, filters, f"block{i}")
    return keras.Model(inp, layers.GlobalAveragePooling2D(name="pool")(x), name="backbone")


def make_classifier(side, classes):
    base = make_backbone(side)
    h = layers.Dropout(0.1, name="drop")(base.output)
    out = layers.Dense(classes, activation="softmax", name="head")(h)
    return keras.Model(base.input, out, name="skin_classifier")
