import numpy as np
from tensorflow import keras

from config import CFG, COMMANDS
from network import branched_model
from recordings import drive, per_branch


def main():
    keras.utils.set_random_seed(14)
    frames, steer, command = drive(320, CFG, COMMANDS)
    targets, weights = per_branch(steer, command, COMMANDS)

    model = branched_model(CFG, COMMANDS)
    losses = {c: CFG['losses'].get(c) for c in COMMANDS}
    model.compile(optimizer=keras.optimizers.Adam(CFG['lr']), loss=losses)
    model.fit(frames, targets, sample_weight=weights,
              batch_size=CFG['batch_size'], epochs=CFG['epochs'], verbose=2)

    frames, steer, command = drive(80, CFG, COMMANDS, seed=1)
    angles = model.predict(frames, verbose=0)
    for k, c in enumerate(COMMANDS):
        err = np.abs(angles[c] - steer)[command == k].mean()
        print('%-9s mean error of the steering angle %.3f' % (c, err))


if __name__ == '__main__':
    main()
