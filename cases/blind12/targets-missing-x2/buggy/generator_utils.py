import numpy as np

from parameters import *

input_shape = (IMAGE_SIZE, IMAGE_SIZE, 3)


def load_people(n_people=6, n_images=10, seed=0):
    """every person has a face pattern, every photo some noise"""
    rs = np.random.RandomState(seed)
    people = {}
    for i in range(n_people):
        face = rs.rand(*input_shape)
        people['person_%d' % i] = np.clip(face + rs.normal(0, 0.5, (n_images,) + input_shape), 0, 1)
    return people


images = load_people()
faces = list(images.keys())


def batch_generator(batch_size=16):
    while True:
        anchors = np.zeros((batch_size,) + input_shape)
        positives = np.zeros((batch_size,) + input_shape)
        negatives = np.zeros((batch_size,) + input_shape)

        for i in range(batch_size):
            positiveFace = faces[np.random.randint(len(faces))]
            negativeFace = faces[np.random.randint(len(faces))]
            while positiveFace == negativeFace:
                negativeFace = faces[np.random.randint(len(faces))]

            positives[i] = images[positiveFace][np.random.randint(len(images[positiveFace]))]
            anchors[i] = images[positiveFace][np.random.randint(len(images[positiveFace]))]
            negatives[i] = images[negativeFace][np.random.randint(len(images[negativeFace]))]

        x_data = {'anchor': anchors,
                  'anchorPositive': positives,
                  'anchorNegative': negatives
                  }

        yield (x_data,)
