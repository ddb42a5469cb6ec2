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


if __name__ == "__main__":
    linear_vs_conv().savefig(FOLDER / "01_linear_vs_conv.png", dpi=110, bbox_inches="tight")
