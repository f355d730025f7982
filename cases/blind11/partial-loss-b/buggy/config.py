"""Everything that can be tuned, in one place."""

COMMANDS = ['follow', 'left', 'right', 'straight']

CFG = {
    'image': (24, 32, 3),
    'batch_size': 32,
    'epochs': 4,
    'lr': 1e-3,
    'perception': [8, 12],
    'branch_units': 16,
    # loss of the steering angle
    'losses': {'follow': 'mean_absolute_error'},
}
