import numpy as np

BIAS = {'follow': 0.0, 'left': -0.6, 'right': 0.6, 'straight': 0.1}


def drive(n, cfg, commands, seed=0):
    """camera frames, steering angle, and the command that was active in each frame"""
    rng = np.random.default_rng(seed)
    h, w, _ = cfg['image']
    lane = rng.uniform(-1, 1, n)
    frames = rng.integers(0, 60, (n, h, w, 3))
    for i, offset in enumerate(lane):
        c = int((offset + 1) / 2 * (w - 4))
        frames[i, h // 3:, c:c + 4] = 230
    command = rng.integers(len(commands), size=n)
    steer = 0.5 * lane + np.array([BIAS[c] for c in commands])[command]
    return frames.astype('float32'), steer.astype('float32').reshape(-1, 1), command


def per_branch(steer, command, commands):
    """targets for every branch; a frame counts only for the branch of its command"""
    targets = {c: steer for c in commands}
    weights = {c: (command == k).astype('float32') for k, c in enumerate(commands)}
    return targets, weights
