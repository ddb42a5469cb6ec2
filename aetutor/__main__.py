"""Command line: ``python -m aetutor COMMAND``, each with ``--help``.

The commands: download, train, evaluate, probe, rivals, grade.
"""

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from aetutor import zoo

# Heavier modules are imported by the commands that need them, so that --help comes at once.

SETTINGS = ("latent_dim", "epochs", "learning_rate", "batch_size", "flip", "seeds")
INTERRUPTED = "aetutor: interrupted; the same command continues after the last whole epoch"


def main(arguments=None):
    """Run one command; errors that a reader can fix end in one sentence, not a traceback."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        sys.exit(f"aetutor: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def download(options):
    """Put the real images into a folder, or into the cache of this user."""
    from aetutor import data, sources

    for name in [options.name] if options.name else sources.SOURCES:
        print(f"{name}: {data.prepare(name, options.to)}")


def train(options):
    """Train a network, or all that ship, and write each with its card."""
    from aetutor import together

    with together.joined():  # by the processes that torchrun starts, if it does
        for entry in _wanted(options):
            train_one(entry, options.to, options.runs)


def evaluate(options):
    """Print the test error of a model that ships, or of a file, computed anew."""
    from aetutor import data, weights

    card = weights.card(options.model)
    images = data.load(card.data["name"])
    autoencoder = card.data.get("autoencoder")
    error = _error(weights.trained(options.model), autoencoder, images.test)
    print(f"{options.model} on {len(images.test):,} test images ({images.source}):")
    print(_in_words(error, autoencoder, images))


def probe(options):
    """Make lesson 7's table again: what codes know of the digits, by the damage in training."""
    from aetutor import data
    from aetutor.probe import study

    study(data.load_mnist(offline="error"), options.to)
    print(options.to)


def rivals(options):
    """Make lesson 10's table again: flows beside mixtures of Gaussians, on codes of photographs."""
    from aetutor import data
    from aetutor.rivals import study

    study(data.load_cifar10(offline="error"), options.to)
    print(options.to)


def grade(options):
    """Check the answers in the notebooks that students handed in; this runs their code."""
    from aetutor import grading

    table = options.to or f"grades_lesson_{options.lesson}.csv"
    grades = grading.grade_folder(
        options.folder,
        options.lesson,
        seconds=options.seconds,
        gigabytes=options.gigabytes,
    )
    grading.write_csv(table, grades)
    print(grading.table(grades))
    print(f"Written to {table}")
    lost = sum(each.state == "not checked" for each in grades)
    if lost:
        raise ValueError(f"{lost} answers were not checked; the reasons are above")


def _wanted(options):
    """The zoo's entries that ``train`` is asked for, or one like them with other settings."""
    own = {name: getattr(options, name) for name in SETTINGS}
    own = {name: value for name, value in own.items() if value is not None}
    ships = options.name == "all" or options.name in zoo.ENTRIES
    if options.like and ships:
        raise ValueError(f"{options.name} ships with aetutor; give yours another name")
    if options.like:
        return [replace(zoo.entry(options.like), name=options.name, **own)]
    if own and ships:
        raise ValueError(
            f"{options.name} has its own settings; for others name a network of your own, "
            f"and the one that it is like: train NAME --like {zoo.NAMES[0]} ..."
        )
    return zoo.ENTRIES.values() if options.name == "all" else [zoo.entry(options.name)]


def train_one(entry, to, runs):
    """Train a network once per seed and write it, with all runs' errors on its card.

    The real images only: what ships is never trained on a stand-in. Until the model is
    written, checkpoints in ``runs`` let the same command continue after an interrupt.
    """
    from aetutor import data, together, weights

    images = data.load(entry.data, offline="error")
    path = Path(to) / f"{entry.name}{weights.SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)  # before the wait, not after it
    print(f"{entry.name}: {entry.epochs} epochs of {len(images.train):,} images, {images.source}")
    folders = [Path(runs) / f"{entry.name}-seed{seed}" for seed in entry.seeds]
    results = [
        _run(entry, images, seed, folder) for seed, folder in zip(entry.seeds, folders, strict=True)
    ]
    model, history, _ = results[0]
    together.wait()  # until nobody needs the checkpoints any more
    if together.is_first():
        weights.save(path, model, _card(entry, images, results), history)
        for folder in folders:
            shutil.rmtree(folder / "checkpoint")
    print(path, flush=True)


def _run(entry, images, seed, folder):
    """Model, history and test error of one run, which continues where it was interrupted."""
    from aetutor import flows, training

    places = {"checkpoint": folder / "checkpoint"}
    if entry.autoencoder:
        model, history = flows.reproduce(entry, images, seed=seed, **places)
    else:
        places["log_dir"] = folder / "tensorboard"
        model, history = training.reproduce(entry, images, seed=seed, **places)
    if len(history) < entry.epochs:
        sys.exit(INTERRUPTED)
    error = _error(model, entry.autoencoder, images.test)
    took = f"seed {seed}: {sum(history.seconds):.0f} s"
    print(f"{took}; test images: {_in_words(error, entry.autoencoder, images)}", flush=True)
    return model, history, error


def _error(model, autoencoder, split):
    """The error of an autoencoder on images, or of a flow on their codes."""
    from aetutor import flows, training, weights

    if autoencoder:
        return flows.evaluate(model, *flows.codes(weights.trained(autoencoder), split))
    return training.evaluate(model, split)


def _card(entry, images, results):
    """The card of a trained model, from the results of all runs."""
    from aetutor import recipes, weights

    models, histories, errors = zip(*results, strict=True)
    trained_on = {key: getattr(images, key) for key in ("name", "fingerprint", "is_standin")}
    if entry.autoencoder:
        trained_on["autoencoder"] = entry.autoencoder
    return weights.Card(
        name=entry.name,
        model=models[0].config,
        data=trained_on,
        recipe=entry.recipe | {"description": recipes.recipe(entry.optimizer).description},
        epochs=entry.epochs,
        seeds=list(entry.seeds),
        curves=[history.curves() for history in histories],
        val_error=[history.val_error[-1] for history in histories],
        test_error=list(errors),
        versions=weights.versions(),
        command=entry.command,
    )


def _in_words(error, autoencoder, images):
    if autoencoder:
        return f"{error:.6f} loss of the flow on the codes of {autoencoder}"
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
        description=f"{train.__doc__} For one of your own, give it a name, say what it is --like, "
        "and what differs.",
    )
    command.add_argument("name", help="a model that ships, all, or a name of your own")
    command.add_argument("--like", metavar="NAME", help="a model that ships")
    command.add_argument("--latent-dim", type=int, metavar="N", help="length of the code")
    command.add_argument("--epochs", type=int, metavar="N")
    command.add_argument("--learning-rate", type=float, metavar="X")
    command.add_argument("--batch-size", type=int, metavar="N")
    mirror = "mirror each training image at random, or not"
    command.add_argument("--flip", action=argparse.BooleanOptionalAction, help=mirror)
    command.add_argument("--seeds", type=int, nargs="+", metavar="N", help="a run each")
    command.add_argument("--to", default=".", metavar="FOLDER", help="where the file goes")
    runs = "where checkpoints and TensorBoard's files go; default: runs"
    command.add_argument("--runs", default="runs", metavar="FOLDER", help=runs)
    command.set_defaults(run=train)

    command = commands.add_parser("evaluate", help=evaluate.__doc__, description=evaluate.__doc__)
    command.add_argument("model", help="name of a model that ships, or a .safetensors file")
    command.set_defaults(run=evaluate)

    for run, file in ((probe, "probe.json"), (rivals, "rivals.json")):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        kept = f"default: {file}; what it has already is kept"
        command.add_argument("--to", default=file, metavar="FILE", help=kept)
        command.set_defaults(run=run)

    command = commands.add_parser("grade", help=grade.__doc__, description=grade.__doc__)
    command.add_argument("folder", help="with the notebooks, in folders of their own or not")
    command.add_argument("--lesson", type=int, required=True, metavar="N")
    command.add_argument("--to", metavar="FILE", help="table for a spreadsheet, .csv")
    command.add_argument(
        "--seconds", type=int, default=120, metavar="N", help="of computing for each; default: 120"
    )
    command.add_argument(
        "--gigabytes", type=float, default=4, metavar="X", help="of memory for each; default: 4"
    )
    command.set_defaults(run=grade)
    return parser


if __name__ == "__main__":
    main()
