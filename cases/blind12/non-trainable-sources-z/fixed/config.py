class config:
    batch_size = 8
    n_epoch_init = 1
    n_epoch = 2
    lr_init = 1e-3
    hr, lr = 16, 8
