from keras import Sequential, layers


def teacher_net(width):
    return Sequential([layers.Input((width,)), layers.Dense(96, activation="relu"), layers.Dropout(0.2),
                       layers.Dense(96, activation="relu"), layers.Dense(4)], name="teacher")


def student_net(width):
    return Sequential([layers.Input((width,)), layers.Dense(10, activation="relu"), layers.Dense(4)], name="student")
