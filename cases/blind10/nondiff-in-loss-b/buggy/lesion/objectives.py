import keras.ops as K

from .overlap import dice_score

_REGISTRY = {}


def register(name):
    def wrap(builder):
        _REGISTRY[name] = builder
        return builder

    return wrap


@register("dice")
def _dice(params):
    gamma = params.get("gamma", 1.0)

    def loss(y_true, y_pred):
        return K.mean((1.0 - dice_score(y_true, y_pred)) ** gamma)

    return loss


@register("bce")
def _bce(params):
    eps = params.get("eps", 1e-6)

    def loss(y_true, y_pred):
        y_true = K.cast(y_true, "float32")
        p = K.clip(y_pred, eps, 1 - eps)
        return -K.mean(y_true * K.log(p) + (1 - y_true) * K.log(1 - p))

    return loss


def get_objective(spec):
    return _REGISTRY[spec["name"]](spec.get("params", {}))
