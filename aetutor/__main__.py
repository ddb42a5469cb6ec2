"""Command line: ``python -m aetutor download | train | evaluate``, each with ``--help``."""

import argparse
import shutil
import sys
from pathlib import Path

# Heavier modules are imported by the commands that need them, so that --help comes at once.

NETWORKS = ("mnist-linear", "mnist-conv", "cifar10")
SETTINGS = ("latent_dim", "epochs", "optimizer", "learning_rate", "batch_size", "flip", "seeds")
# How each network is trained where the command does not say otherwise.
USUAL = {
    ("mnist-linear", "muon"): {"epochs": 30, "batch_size": 64},
    ("mnist-conv", "muon"): {"epochs": 30, "batch_size": 64},
    ("cifar10", "muon"): {"epochs": 30, "batch_size": 64, "learning_rate": 0.01, "flip": True},
    ("mnist-linear", "adam"): {"epochs": 20, "seeds": [0, 1, 2]},
    ("mnist-conv", "adam"): {"epochs": 20, "seeds": [0, 1, 2]},
    ("cifar10", "adam"): {"epochs": 15},
}
# What ships with the package: trained in the usual way, with these latent sizes.
SHIPPED = (
    ("mnist-linear", "muon", (2, 10, 64)),
    ("mnist-conv", "muon", (2, 10, 64)),
    ("mnist-linear", "adam", (10,)),
    ("mnist-conv", "adam", (64,)),
    ("cifar10", "muon", (64, 128, 256, 384)),
    ("cifar10", "adam", (384,)),
)


def main(arguments=None):
    """Run one command; errors that a reader can mend end in one sentence, not a traceback."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        sys.exit(f"aetutor: {error}")
    except KeyboardInterrupt:
        sys.exit("aetutor: interrupted; the same command goes on from the last whole epoch")


def download(options):
    """Put the real images into a folder, or into the cache of this user."""
    from aetutor import data, sources

    for name in [options.name] if options.name else sources.SOURCES:
        print(f"{name}: {data.prepare(name, options.to)}")


def train(options):
    """Train one network, or all that ship, and write each with its card."""
    from aetutor import recipes

    own = {name: getattr(options, name) for name in SETTINGS}
    own = {name: value for name, value in own.items() if value is not None}
    if options.network != "all":
        if options.latent_dim is None:
            raise ValueError(f"--latent-dim is needed to train {options.network}")
        optimizer = own.setdefault("optimizer", "muon")
        recipes.recipe(optimizer)  # says which there are, if there is none of this name
        settings = USUAL[options.network, optimizer] | own
        train_one(options.network, **settings, to=options.to, runs=options.runs)
    elif own:
        raise ValueError(f"train all has its own settings; leave out {', '.join(own)}")
    else:
        for network, optimizer, latent_dims in SHIPPED:
            settings = USUAL[network, optimizer] | {"optimizer": optimizer}
            for latent_dim in latent_dims:
                settings["latent_dim"] = latent_dim
                train_one(network, **settings, to=options.to, runs=options.runs)


def evaluate(options):
    """Print the test error of a model that ships, or of a file, computed anew."""
    from aetutor import data, training, weights

    is_file = options.model.endswith(".safetensors")
    model = (weights.load if is_file else weights.trained)(options.model)
    images = _data_for(model, data)
    error = training.evaluate(model, images.test)
    print(f"{options.model} on {len(images.test):,} test images ({images.source}):")
    print(_in_words(error, images))


def train_one(
    network,
    *,
    latent_dim,
    epochs,
    optimizer,
    learning_rate=None,
    batch_size=None,
    flip=False,
    seeds=(0,),
    to=".",
    runs="runs",
):
    """Train a network once per seed and write it, with all runs' errors on its card.

    The real images only: what ships is never trained on a stand-in. Until the model is
    written, checkpoints in ``runs`` let the same command go on after an interrupt.
    """
    from aetutor import data, models, recipes, training, weights

    kind = {
        "mnist-linear": models.LinearAutoencoder,
        "mnist-conv": models.ConvAutoencoder,
        "cifar10": models.ColorConvAutoencoder,
    }[network]
    recipe = recipes.recipe(optimizer)
    name = f"{network}-{latent_dim}" + ("-textbook" if optimizer == "adam" else "")
    images = _data_for(kind(latent_dim), data, offline="error")
    Path(to).mkdir(parents=True, exist_ok=True)  # before the wait, not after it
    folders = {seed: Path(runs) / f"{name}-seed{seed}" for seed in seeds}
    print(f"{name}: {epochs} epochs of {len(images.train):,} images, {images.source}", flush=True)
    results = []
    for seed in seeds:
        model = kind(latent_dim, seed=seed)
        history = training.fit(
            model,
            images,
            epochs=epochs,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            flip=flip,
            seed=seed,
            checkpoint=folders[seed] / "checkpoint",
            log_dir=folders[seed] / "tensorboard",
        )
        if len(history) < epochs:
            raise KeyboardInterrupt
        results.append((model, history, training.evaluate(model, images.test)))
        print(f"seed {seed}: {sum(history.seconds):.0f} s; test images:", end=" ")
        print(_in_words(results[-1][2], images), flush=True)
    card = weights.Card(
        name=name,
        model=results[0][0].config,
        data={key: getattr(images, key) for key in ("name", "fingerprint", "is_standin")},
        recipe={
            "optimizer": optimizer,
            "learning_rate": learning_rate or recipe.learning_rate,
            "batch_size": batch_size or recipe.batch_size,
            "flip": flip,
            "description": recipe.description,
        },
        epochs=epochs,
        seeds=list(seeds),
        curves=[history.curves() for _, history, _ in results],
        val_error=[history.val_error[-1] for _, history, _ in results],
        test_error=[error for _, _, error in results],
        versions=weights.versions(),
        command=" ".join(
            [
                f"python -m aetutor train {network} --latent-dim {latent_dim}",
                f"--epochs {epochs} --optimizer {optimizer}",
                f"--learning-rate {learning_rate or recipe.learning_rate!r}",
                f"--batch-size {batch_size or recipe.batch_size}",
                "--flip" if flip else "--no-flip",
                f"--seeds {' '.join(str(seed) for seed in seeds)}",
            ]
        ),
    )
    path = Path(to) / f"{name}.safetensors"
    weights.save(path, results[0][0], card, results[0][1])
    for folder in folders.values():
        shutil.rmtree(folder / "checkpoint")
    print(path, flush=True)


def _data_for(model, data, offline="stand-in"):
    """The data set whose images a model takes."""
    load = data.load_mnist if model.image_shape[0] == 1 else data.load_cifar10
    return load(offline=offline)


def _in_words(error, images):
    low, high = images.value_range
    values = images.train.images[0].numel()
    per_pixel = f"{error:.6f} mean squared error per pixel in [{low:g}, {high:g}]"
    return f"{per_pixel}, {error * values:.2f} squared error per image (x {values})"


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m aetutor",
        description="Images and trained models for the autoencoder lessons.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    command = commands.add_parser("download", help=download.__doc__, description=download.__doc__)
    command.add_argument("name", nargs="?", help="mnist or cifar10; both if left out")
    command.add_argument("--to", metavar="FOLDER", help="the user's cache if left out")
    command.set_defaults(run=download)

    command = commands.add_parser(
        "train",
        help=train.__doc__,
        description=f"{train.__doc__} Settings left out are those of the models that ship.",
    )
    command.add_argument("network", choices=("all", *NETWORKS))
    command.add_argument("--latent-dim", type=int, metavar="N", help="length of the code")
    command.add_argument("--epochs", type=int, metavar="N")
    command.add_argument("--optimizer", help="muon, the fast one and the default, or adam")
    command.add_argument("--learning-rate", type=float, metavar="X")
    command.add_argument("--batch-size", type=int, metavar="N")
    command.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        help="mirror each training image at random, or not",
    )
    command.add_argument("--seeds", type=int, nargs="+", metavar="N", help="a run each")
    command.add_argument("--to", default=".", metavar="FOLDER", help="where the file goes")
    command.add_argument(
        "--runs",
        default="runs",
        metavar="FOLDER",
        help="where checkpoints and TensorBoard's files go; default: runs",
    )
    command.set_defaults(run=train)

    command = commands.add_parser("evaluate", help=evaluate.__doc__, description=evaluate.__doc__)
    command.add_argument("model", help="name of a model that ships, or a .safetensors file")
    command.set_defaults(run=evaluate)
    return parser


if __name__ == "__main__":
    main()
