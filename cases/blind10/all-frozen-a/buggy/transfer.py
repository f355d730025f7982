def freeze_before(model, first_trainable):
    """Freeze every layer that comes before the block called `first_trainable`."""
    reached = False
    for layer in model.layers:
        reached = reached or layer.name.startswith(first_trainable)
        layer.trainable = reached
    return model


def describe(model):
    n = sum(int(layer.trainable) for layer in model.layers)
    return f"{model.name}: {len(model.layers)} layers, {n} being tuned"
