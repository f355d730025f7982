import numpy as np


def lesion_images(n, size, seed):
    rng = np.random.RandomState(seed)
    yy, xx = np.mgrid[:size, :size]
    images = rng.normal(0.3, 0.1, (n, size, size, 1))
    masks = np.zeros_like(images)
    for i in range(n):
        cy, cx = rng.randint(4, size - 4, 2)
        blob = ((yy - cy) ** 2 + (xx - cx) ** 2) <= rng.randint(4, 12)
        masks[i, blob, 0] = 1
        images[i, blob, 0] += 0.6
    return images.astype("float32"), masks.astype("float32")
