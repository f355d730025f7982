import itertools

import keras
import numpy as np

MEL, FRAMES = 16, 24
SPEAKERS = ["ana", "boris", "chen"]


class VoiceBank:
    """Pretends to be a folder of mel spectrograms, one list per speaker."""

    def __init__(self, per_speaker=30, seed=0):
        rng = np.random.RandomState(seed)
        self.items = []
        for i, name in enumerate(SPEAKERS):
            timbre = np.exp(-0.5 * ((np.arange(MEL) - 4 - 4 * i) / 2.5) ** 2)
            for _ in range(per_speaker):
                length = rng.randint(16, 40)
                mel = timbre[None] * rng.uniform(0.4, 1.6, (length, 1)) + 0.2 * rng.rand(length, MEL)
                self.items.append((mel.astype("float32"), name))
        rng.shuffle(self.items)

    def __len__(self):
        return len(self.items)


def crop_or_pad(mel, rng):
    if len(mel) >= FRAMES:
        start = rng.randint(0, len(mel) - FRAMES + 1)
        return mel[start:start + FRAMES]
    return np.pad(mel, ((0, FRAMES - len(mel)), (0, 0)))


def collate(rows, rng):
    mels = np.stack([crop_or_pad(m, rng) for m, _ in rows])
    ids = np.array([SPEAKERS.index(n) for _, n in rows], "int32")
    return mels, ids


def endless(bank, size, seed=1):
    rng = np.random.RandomState(seed)
    order = itertools.cycle(bank.items)
    while True:
        rows = list(itertools.islice(order, size))
        yield collate(rows, rng)


def speaker_net():
    mel = keras.Input((FRAMES, MEL), name="mel")
    x = keras.layers.Conv1D(16, 3, activation="relu")(mel)
    x = keras.layers.Conv1D(16, 3, dilation_rate=2, activation="relu")(x)
    mean = keras.layers.GlobalAveragePooling1D()(x)
    peak = keras.layers.GlobalMaxPooling1D()(x)
    stats = keras.layers.Concatenate()([mean, peak])
    return keras.Model(mel, keras.layers.Dense(len(SPEAKERS), activation="softmax")(stats))


def run():
    keras.utils.set_random_seed(10)
    bank, batch = VoiceBank(), 15
    net = speaker_net()
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    log = net.fit(endless(bank, batch), steps_per_epoch=len(bank) // batch, epochs=5, verbose=0)
    for e, (l, a) in enumerate(zip(log.history["loss"], log.history["accuracy"])):
        print(f"epoch {e + 1}: loss {l:.3f} acc {a:.2f}")


run()
