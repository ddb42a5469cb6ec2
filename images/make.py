"""Draw the README's picture of each lesson: ``python images/make.py``. Needs the real images."""

from pathlib import Path

from aetutor import data, models, plotting, weights

FOLDER = Path(__file__).parent


def linear_vs_conv():
    """The same digits through the three contenders of lesson 1, with a code of 10."""
    mnist = data.load_mnist(offline="error")
    images = mnist.test[:10][0]
    contenders = {
        "fully connected": weights.trained("mnist-linear-10"),
        "convolutional": weights.trained("mnist-conv-10"),
        "PCA": models.PCAAutoencoder.fit(mnist.train[:][0], 10),
    }
    rows = [model(images) for model in contenders.values()]
    labels = ["original", *contenders]
    return plotting.reconstructions(images, *rows, labels=labels)


def latent_dimensionality():
    """The same photographs through the four networks of lesson 3."""
    images = data.load_cifar10(offline="error").test[:10][0]
    sizes = (64, 128, 256, 384)
    rows = [weights.trained(f"cifar10-{size}")(images).detach() for size in sizes]
    labels = ["original", *(f"code of {size}" for size in sizes)]
    return plotting.reconstructions(images, *rows, labels=labels)


if __name__ == "__main__":
    for number, draw in ((1, linear_vs_conv), (3, latent_dimensionality)):
        picture = FOLDER / f"{number:02}_{draw.__name__}.png"
        draw().savefig(picture, dpi=110, bbox_inches="tight")
