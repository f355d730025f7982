"""Output heads. A head is what turns the last hidden state into the quantity we forecast."""
from keras import layers

HEADS = {
    "real": lambda: layers.Dense(1, name="mean"),
    "count": lambda: layers.Dense(1, activation="softplus", name="rate"),
    "share": lambda: layers.Dense(1, activation="sigmoid", name="share"),
}


def attach(hidden, kind):
    return HEADS[kind]()(hidden)
