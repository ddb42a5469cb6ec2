"""Draw the README's picture of each lesson: ``python tools/figures.py``. Needs the real images."""

from pathlib import Path

import torch

from aetutor import coding, data, latent, models, patterns, plotting, search, training, weights

FOLDER = Path(__file__).parents[1] / "images"
NOTEBOOKS = FOLDER.with_name("notebooks")


def linear_vs_conv():
    """The same digits through the three contenders of lesson 1, with a code of 10."""
    mnist = data.load_mnist(offline="error")
    images = mnist.test[:10][0]
    contenders = {
        "fully connected": weights.trained("mnist-linear-10"),
        "convolutional": weights.trained("mnist-conv-10"),
        "PCA": models.PCAAutoencoder.fit(mnist.train, 10),
    }
    rows = [model(images) for model in contenders.values()]
    labels = ["original", *contenders]
    return plotting.reconstructions(images, *rows, labels=labels)


def interpolation():
    """From a 3 to an 8, through the codes of lesson 2's network and by fading."""
    test = data.load_mnist(offline="error").test
    ends = torch.cat([test[(test.labels == digit).nonzero()[1:2, 0]][0] for digit in (3, 8)])
    model = weights.trained("mnist-conv-10")
    through_codes = model.decode(latent.interpolate(*model.encode(ends), steps=10))
    fading = torch.lerp(*ends, torch.linspace(0, 1, 10)[:, None, None, None])
    labels = ["through the codes", "fading the pixels"]
    return plotting.reconstructions(through_codes, fading, labels=labels)


def latent_dimensionality():
    """The same photographs through the four networks of lesson 3."""
    images = data.load_cifar10(offline="error").test[:10][0]
    sizes = (64, 128, 256, 384)
    rows = [weights.trained(f"cifar10-{size}")(images) for size in sizes]
    labels = ["original", *(f"code of {size}" for size in sizes)]
    return plotting.reconstructions(images, *rows, labels=labels)


def out_of_distribution():
    """Strangers of lesson 4, and what two networks make of them."""
    boards = [patterns.checkerboard(1, cell=cell) for cell in (16, 4, 1)]
    gratings = [patterns.grating(1, frequency) for frequency in (3, 6, 12)]
    smooth = [patterns.constant(1), patterns.ramp(1)]
    images = torch.cat([*smooth, *gratings, *boards, patterns.noise(2)])
    rows = [weights.trained(f"cifar10-{size}")(images) for size in (64, 384)]
    return plotting.reconstructions(images, *rows, labels=["original", "code of 64", "code of 384"])


def random_latent_sampling():
    """Codes drawn in three ways, decoded by the network of lesson 5."""
    model = weights.trained("cifar10-128")
    codes = search.embed(model, data.load_cifar10(offline="error").train.subset(0, 10_000))
    sources = {
        "N(0, I)": latent.Gaussian.standard(128),
        "fitted Gaussian": latent.Gaussian.fit(codes),
        "mixture of five": latent.Mixture(codes[:4000], 5),
    }
    rows = [model.decode(source.sample(10)) for source in sources.values()]
    return plotting.reconstructions(*rows, labels=list(sources))


def similarity_search():
    """Test images of lesson 6, and for each the nearest training image: near-duplicates."""
    cifar10 = data.load_cifar10(offline="error")
    model = weights.trained("cifar10-384")
    index = search.ImageIndex(search.embed(model, cifar10.train), model)
    distances, found = index.nearest(search.embed(model, cifar10.test), k=1, metric="cosine")
    closest = distances[:, 0].argsort()[:200:20]
    pair = cifar10.test[closest][0], cifar10.train[found[closest, 0]][0]
    return plotting.reconstructions(*pair, labels=["test image", "nearest\ntraining image"])


def denoising():
    """Digits of which a quarter of the pixels is left, through two networks of lesson 7."""
    images = data.load_mnist(offline="error").test[:10][0]
    random = torch.Generator().manual_seed(0)
    damaged, _ = models.damaged(images, "pixels", 0.75, random)
    names = {"trained on\nwhole digits": "plain", "trained on\nmasked digits": "pixels"}
    rows = [weights.trained(f"mnist-{name}-512").denoise(damaged) for name in names.values()]
    return plotting.reconstructions(images, damaged, *rows, labels=["original", "seen", *names])


def sparse_codes():
    """A digit of lesson 8, taken apart into the units that it uses most."""
    mnist = data.load_mnist(offline="error")
    with torch.inference_mode(False):  # it is trained here
        model = models.SparseAutoencoder(1024, k=25)
        training.fit(model, mnist, epochs=2, learning_rate=3e-3, batch_size=128)
    strengths, used = model.encode(mnist.test[:1][0]).topk(25)
    codes = torch.zeros(25, 1024)
    for count in range(1, 26):
        codes[count - 1, used[0, :count]] = strengths[0, :count]
    sums = model.decode(codes)[[*range(7), 24]]
    units = model.dictionary[used[0, :8]]
    units = 0.5 + units / units.abs().amax(dim=1, keepdim=True) / 2  # 0 is grey
    titles = [f"{strength:.1f}" for strength in strengths[0, :8]]
    counts = ["1 unit", *(f"{count} units" for count in range(2, 8)), "all 25"]
    pictures = torch.cat([units.unflatten(1, (1, 28, 28)), sums])
    return plotting.images(pictures, [*titles, *counts], columns=8)


def discrete_codes():
    """The photographs of lesson 9 from rounded codes, and from a JPEG of as many bytes."""
    cifar10 = data.load_cifar10(offline="error")
    images, pixels = cifar10.test[:250][0], cifar10.test.images[:250]
    rows = {"original": images[:10]}
    for size, factor, quality in ((128, 0.65, 5), (256, 0.16, 20)):
        model = weights.trained(f"cifar10-{size}")
        known = search.embed(model, cifar10.train.subset(0, 5000))
        rounding = coding.Rounding(known, factor * known.std().item())
        symbols = rounding.symbols(model.encode(images))
        length = rounding.bits(symbols).mean().item() / 8
        rows[f"code of {size},\n{length:.0f} bytes"] = model.decode(rounding.latents(symbols[:10]))
        file, mosaic = coding.compress(coding.tiled(pixels, 25), "JPEG", quality)
        tiles = coding.untiled(mosaic, 25)[:10].float() / 127.5 - 1
        rows[f"JPEG,\n{len(file) / len(images):.0f} bytes"] = tiles
    return plotting.reconstructions(*rows.values(), labels=list(rows))


def latent_generation():
    """Ten starts of noise on their way to the ten digits, with more and more steps; lesson 10."""
    model, flow = weights.trained("mnist-conv-10"), weights.trained("mnist-conv-10-flow")
    noise = torch.randn(10, 10, generator=torch.Generator().manual_seed(0))
    ways = {"1 step": 1, "2 steps": 2, "3 steps": 3, "5 steps": 5, "20 steps": 20}
    ends = [flow.path(noise, steps=n, labels=torch.arange(10))[-1] for n in ways.values()]
    return plotting.reconstructions(*map(model.decode, ends), labels=list(ways))


LESSONS = (
    linear_vs_conv,
    interpolation,
    latent_dimensionality,
    out_of_distribution,
    random_latent_sampling,
    similarity_search,
    denoising,
    sparse_codes,
    discrete_codes,
    latent_generation,
)

if __name__ == "__main__":
    with torch.inference_mode():
        for draw in LESSONS:
            lesson = next(NOTEBOOKS.glob(f"[0-9]*_{draw.__name__}.ipynb")).stem
            draw().savefig(FOLDER / f"{lesson}.png", dpi=110, bbox_inches="tight")
