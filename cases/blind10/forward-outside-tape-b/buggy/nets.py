from keras import Sequential, layers


def generator(cfg):
    return Sequential(
        [
            layers.Input((cfg.latent,)),
            layers.Dense(cfg.hidden, activation="relu"),
            layers.Dense(cfg.hidden, activation="relu"),
            layers.Dense(cfg.points),
        ],
        name="generator",
    )


def critic(cfg):
    return Sequential(
        [
            layers.Input((cfg.points,)),
            layers.Dense(cfg.hidden),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(cfg.hidden),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )
