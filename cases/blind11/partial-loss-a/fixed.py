"""Train a small YOLOv3 for own dataset with one class. Structure of train.py and model.py from keras-yolo3."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import BatchNormalization, Concatenate, Conv2D, Input, Lambda, LeakyReLU, UpSampling2D
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import Adam

IMAGE_SIDES = (64, 64)


def get_anchors(text):
    anchors = [float(v) for v in text.split(',')]
    return np.array(anchors).reshape(-1, 2)


def DBL(x, filters, size=3, strides=1):
    x = Conv2D(filters, size, strides=strides, use_bias=False, padding='same')(x)
    x = BatchNormalization()(x)
    return LeakyReLU(negative_slope=0.1)(x)


def yolo_body(image, per_scale, num_classes):
    c1 = DBL(DBL(DBL(image, 8, strides=2), 8, strides=2), 16, strides=2)     # 8x8
    c2 = DBL(c1, 16, strides=2)                                              # 4x4
    c3 = DBL(c2, 24, strides=2)                                              # 2x2
    out_filters = per_scale * (num_classes + 5)
    y1 = Conv2D(out_filters, 1, name='Output_1')(DBL(c3, 16))
    u = Concatenate()([UpSampling2D()(c3), c2])
    y2 = Conv2D(out_filters, 1, name='Output_2')(DBL(u, 16))
    u = Concatenate()([UpSampling2D()(u), c1])
    y3 = Conv2D(out_filters, 1, name='Output_3')(DBL(u, 16))
    return [y1, y2, y3]


def yolo_loss(args, anchors, num_classes):
    """objectness + box + class terms over the scales"""
    yolo_outputs, y_true = args[:len(args) // 2], args[len(args) // 2:]
    num_layers = len(yolo_outputs)
    loss = 0.
    for l in range(num_layers):
        pred = K.reshape(yolo_outputs[l], K.shape(y_true[l]))
        obj = y_true[l][..., 4:5]
        box = obj * K.square(pred[..., :4] - y_true[l][..., :4])
        conf = tf.nn.sigmoid_cross_entropy_with_logits(labels=obj, logits=pred[..., 4:5])
        cls = obj * tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true[l][..., 5:], logits=pred[..., 5:])
        loss += K.mean(K.sum(box, axis=(1, 2, 3, 4))) + K.mean(conf) + K.mean(cls)
    return K.reshape(loss, (1, 1))


def create_model(anchors, num_classes):
    per_scale = len(anchors) // 3
    image = Input((*IMAGE_SIDES, 3), name='Main_Input')
    outputs = yolo_body(image, per_scale, num_classes)
    y_true = [Input((IMAGE_SIDES[0] // s, IMAGE_SIDES[1] // s, per_scale, num_classes + 5)) for s in (32, 16, 8)]
    model_loss = Lambda(yolo_loss, output_shape=(1,), name='GetLoss',
                        arguments={'anchors': anchors, 'num_classes': num_classes})([*outputs, *y_true])
    return Model([image, *y_true], model_loss)


def data_generator(n, per_scale, num_classes, seed=2):
    rng = np.random.default_rng(seed)
    while True:
        image = rng.random((n, *IMAGE_SIDES, 3), dtype='float32')
        y_true = [np.zeros((n, 64 // s, 64 // s, per_scale, num_classes + 5), 'float32') for s in (32, 16, 8)]
        for b in range(n):
            cx, cy, half = rng.integers(12, 52), rng.integers(12, 52), rng.integers(4, 12)
            image[b, cy - half:cy + half, cx - half:cx + half] += 2.
            for t, s in zip(y_true, (32, 16, 8)):
                t[b, cy // s, cx // s, 0] = [cx / s % 1, cy / s % 1, half / 16, half / 16, 1] + [1] * num_classes
        yield (image, *y_true), np.zeros((n, 1), 'float32')


if __name__ == '__main__':
    tf.keras.utils.set_random_seed(0)
    anchors = get_anchors('10,13, 33,23, 59,59')      # one per scale is enough for one class
    trainModel = create_model(anchors, num_classes=1)
    trainModel.compile(optimizer=Adam(1e-3), loss={'GetLoss': lambda y_train, y_pred: y_pred})
    h = trainModel.fit(data_generator(8, 1, 1), steps_per_epoch=12, epochs=3, verbose=0)
    print('loss', h.history['loss'])
