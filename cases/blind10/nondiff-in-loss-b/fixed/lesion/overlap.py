"""Overlap scores shared by the training objective and the evaluation report."""
import keras.ops as K

SMOOTH = 1.0


def binarise(prob, cutoff):
    return K.cast(prob > cutoff, "float32")


def dice_score(mask, prob, cutoff=0.5):
    mask = K.cast(mask, "float32")
    pred = prob if cutoff is None else binarise(prob, cutoff)
    inter = K.sum(mask * pred, axis=(1, 2, 3))
    total = K.sum(mask, axis=(1, 2, 3)) + K.sum(pred, axis=(1, 2, 3))
    return (2.0 * inter + SMOOTH) / (total + SMOOTH)
