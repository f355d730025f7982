import argparse

import tensorflow as tf

from baskets import next_item_batches
from fitting import Fitting
from sasrec import NextItem


def main(argv=None):
    ap = argparse.ArgumentParser("next item recommendation")
    ap.add_argument("--items", type=int, default=50)
    ap.add_argument("--width", type=int, default=16)
    ap.add_argument("--steps", type=int, default=40)
    args = ap.parse_args(argv)
    tf.keras.utils.set_random_seed(14)

    fitting = Fitting(NextItem(args.items, args.width), learning_rate=0.01)
    for i, (history, item) in enumerate(next_item_batches(args.items, args.steps)):
        loss = fitting.step(history, item)
        if i % 10 == 9:
            print(f"step {i + 1} loss {float(loss):.3f} hit@5 {float(fitting.hit_rate(history, item)):.2f}")


if __name__ == "__main__":
    main()
