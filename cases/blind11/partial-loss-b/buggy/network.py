from tensorflow import keras
from tensorflow.keras import layers


def perception(image, widths):
    x = layers.Rescaling(1. / 255)(image)
    for w in widths:
        x = layers.Conv2D(w, 5, strides=2, activation='relu')(x)
    return layers.Flatten()(x)


def branch(features, name, units):
    """one sub-network for each high level command, they must not interfere"""
    x = layers.Dense(units, activation='relu', name=name + '_fc')(features)
    return layers.Dense(1, name=name)(x)


def branched_model(cfg, commands):
    image = keras.Input(cfg['image'], name='image')
    features = perception(image, cfg['perception'])
    return keras.Model(image, {c: branch(features, c, cfg['branch_units']) for c in commands})
