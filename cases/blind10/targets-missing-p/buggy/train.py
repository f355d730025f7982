import argparse

import keras
import tensorflow as tf

from audio_data import build_pipeline, synth_keywords
from net import keyword_cnn


def parse_args():
    p = argparse.ArgumentParser(description="keyword spotting on one second clips")
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=3e-3)
    return p.parse_args()


def main():
    args = parse_args()
    keras.utils.set_random_seed(11)
    clips, words = synth_keywords(n=96)
    split = 80
    train = build_pipeline(clips[:split], words[:split], args.batch, training=True)
    val = build_pipeline(clips[split:], words[split:], args.batch, training=False)

    model = keyword_cnn(n_words=4)
    model.compile(
        optimizer=keras.optimizers.Adam(args.lr),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(train, validation_data=val, epochs=args.epochs, verbose=2)


if __name__ == "__main__":
    main()
