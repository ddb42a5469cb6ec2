"""Every exercise: the right answer, typical wrong ones, the blank, and whatever else comes."""

import ast
import math
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from aetutor import data, exercises, latent, search, weights
from aetutor.exercises import (
    ____,
    _exercise,
    lesson_1,
    lesson_2,
    lesson_3,
    lesson_4,
    lesson_5,
    lesson_6,
    lesson_7,
    lesson_8,
    lesson_9,
    lesson_10,
)

EVERY = tuple(_exercise.ALL)  # test_an_answer_that_never_returns adds one of its own


@pytest.fixture(autouse=True)
def nothing_done_yet():
    yield
    for task in EVERY:
        task.state = "open"


@pytest.fixture
def said(capsys):
    """Check an answer and return what is printed, as one line."""

    def check(task, answer):
        capsys.readouterr()
        task.check(answer)
        return " ".join(capsys.readouterr().out.split())

    return check


def solved(task):
    """What the solution's code leaves under its last name."""
    space = {"torch": torch, "math": math, "F": F, "latent": latent, "search": search}
    if "cifar10" in task.code:
        space["cifar10"] = data.load_cifar10()
    exec(task.code, space)
    last = ast.parse(task.code).body[-1]
    return space[last.name if isinstance(last, ast.FunctionDef) else last.targets[0].id]


def named(task):
    return f"{task.lesson}.{task.name}"


def stamps(pixels, kernel, stride, add=True, steps=0):
    n, k = len(pixels), len(kernel)
    field = torch.zeros(2 * [(n - 1 + steps) * stride + k])
    for row in range(n):
        for column in range(n):
            place = np.s_[row * stride : row * stride + k, column * stride : column * stride + k]
            field[place] = pixels[row, column] * kernel + (field[place] if add else 0)
    return field


def levels(codes, low, high, count, keep=torch.round, cut=True, steps=-1):
    step = (high - low) / (count + steps)
    found = keep((codes - low) / step)
    return low + step * (found.clamp(0, count + steps) if cut else found)


def entropy(symbols):
    shares = symbols.unique(return_counts=True)[1] / len(symbols)
    return -(shares * shares.log2()).sum()


def sums(entries, vectors, tokens):
    return torch.zeros_like(entries).index_add(0, tokens, vectors)


def walked(velocity, noise, steps, share=None, first=0, more=0):
    x = noise
    for step in range(first, first + steps + more):
        x = x + velocity(x, step / steps) * (1 / steps if share is None else share)
    return x


def decibels(reconstructions, images, peak):
    return 10 * (peak**2 / (reconstructions - images).square().flatten(1).mean(dim=1)).log10()


def on_first_piece(target, errors):
    (short, more), (long, less), *_ = errors.items()
    length = short * (long / short) ** (math.log(more / target) / math.log(more / less))
    return length if target >= less else long * (target / less)


def step(model, optimizer, images, *, forget=True, move=True, back=True, plain=True):
    loss = F.mse_loss(model(images), images)
    if back:
        loss.backward()
    if move:
        optimizer.step()
    if forget:
        optimizer.zero_grad()
    return loss.item() if plain else loss


def turned(start, end, steps, *, norms=True):
    path = latent.interpolate(start, end, steps, "spherical")
    return path if norms else path / path.norm(dim=1, keepdim=True)


def summed_step(model, optimizer, images):
    loss = (model(images) - images).square().sum()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def stretched(start, end, steps):
    norms = latent.interpolate(start, end, steps, "spherical").norm(dim=1, keepdim=True)
    return F.normalize(latent.interpolate(start, end, steps)) * norms


def kept(answers, k, *, largest=True):
    values, places = answers.topk(k, dim=1, largest=largest)
    return torch.zeros_like(answers).scatter(1, places, values)


def of_classes(codes, labels):
    return F.one_hot(labels, 10).float().T @ codes.float()


def share_above(true, learnt, limit):
    return ((F.normalize(true) @ F.normalize(learnt).T).amax(dim=1) > limit).float().mean()


def jittered(codes, count):
    picked = codes[torch.randint(len(codes), (count,))]
    return picked + 0.2 * codes.std(dim=0) * torch.randn(count, codes.shape[1])


def drawn(codes, count, wrong_side=False):
    root = torch.linalg.cholesky(torch.cov(codes.T))
    return codes.mean(dim=0) + torch.randn(count, 3) @ (root if wrong_side else root.T)


WRONG = {
    lesson_1.transposed_size: [
        (32, "padding is forgotten"),
        (30, "each of the *two sides|each of the two sides"),
        (29, "Not every size comes back"),
        (31, "9 steps between"),
        (27.0, "27 is not the right value"),
        (28.02, "28.02 is not the right value"),
    ],
    lesson_1.count_weights: [
        (lambda s: 2 * sum(a * b for a, b in pairwise(s)), "biases are forgotten"),
        (lambda s: sum(a * b + b for a, b in pairwise(s)), "the encoder alone"),
        (lambda s: 2 * sum(a * b + b for a, b in pairwise(s)), "does not have as many"),
        (lambda s: 221_978, "not the right value for sizes"),
    ],
    lesson_1.error_of_each: [
        (lambda r, x: (r - x).square().flatten(1).sum(dim=1), "over the pixels, not the sum"),
        (lambda r, x: F.mse_loss(r, x), "one number for all images"),
        (lambda r, x: (r - x).square().mean(dim=(2, 3)).squeeze(1), "shape should be"),
        (lambda r, x: (r - x).abs().flatten(1).mean(dim=1), "absolute difference"),
    ],
    lesson_1.output_padding: [
        (lambda n: n % 2, "other way round"),
        (lambda n: 1, "For n = 5"),
        (lambda n: 0, "For n = 6"),
        (lambda n: 2, "For n = 5"),
    ],
    lesson_1.train_step: [
        (lambda *a: step(*a, forget=False), "old gradient is not cleared"),
        (lambda *a: step(*a, move=False), "weights have not moved"),
        (lambda *a: step(*a, back=False), "weights have not moved"),
        (lambda *a: step(*a, plain=False), "still carries its gradient; for a plain number use"),
        (lambda *a: step(*a, plain=False).detach(), "You return a tensor; for a plain number use"),
        (lambda m, o, x: (step(m, o, x), F.mse_loss(m(x), x).item())[1], "error after the step"),
        (summed_step, "The weights move, but"),
    ],
    lesson_2.halfway_norm: [
        (6, "on the arc"),
        (6 * 2**0.5, "norm of their sum"),
        (5, "5 is not"),
        (4.23, "4.23 is"),
        (4.25, "4.25 is"),
    ],
    lesson_2.spherical: [
        (latent.interpolate, "the straight path"),
        (stretched, "does not turn evenly"),
        (lambda *a: turned(*a, norms=False), "of norm 1; let the norm change"),
        (lambda a, b, n: turned(a, b, n)[:, :2], "shape should be|values are wrong"),
    ],
    lesson_2.through: [
        (
            lambda s, n: torch.cat([latent.interpolate(a, b, n) for a, b in pairwise(s)]),
            "stop appears twice",
        ),
        (
            lambda s, n: latent.interpolate(s[0], s[-1], (len(s) - 1) * (n - 1) + 1),
            "goes straight from the first",
        ),
        (lambda s, n: latent.interpolate(s[0], s[1], n), "steps of one piece"),
    ],
    lesson_2.mean_codes: [
        (lambda z, y: z.mean(dim=0).expand(10, -1), "mean of all codes"),
        (lambda z, y: torch.stack([z[y == d].sum(dim=0) for d in range(10)]), "Those are the sums"),
        (lambda z, y: torch.stack([z[y == d].mean() for d in range(10)]), "one number for each"),
        (lambda z, y: z.unflatten(0, (10, -1)).mean(dim=1), "values are wrong"),
    ],
    lesson_3.weights_of_128: [
        (992_771 - 256 * 2048, "biases of the code"),
        (992_771 - 256 * 2049 + 0.02, "not the right value"),
        (992_771 - 256 * 1025, "two such layers"),
        (992_771 - 256 * 2050, "decoder's biases stay"),
    ],
    lesson_3.stamped: [
        (lambda *a: stamps(*a, add=False), "add them"),
        (lambda x, k, s: stamps(x, k.flip(0, 1), s), "upside down"),
        (lambda *a: stamps(*a, steps=1), "one stride too large"),
        (lambda x, k, s: stamps(x, k, s)[1:-1, 1:-1], "shape should be"),
    ],
    lesson_3.length_for: [
        (lambda t, e: np.interp(-t, [-v for v in e.values()], list(e)), "plain axes"),
        (lambda t, e: min(n for n, v in e.items() if v <= t), "shortest measured length"),
        (lambda t, e: 153.5, "not the right value for a target"),
        (lambda t, e: on_first_piece(t, e), "not the right value for a target"),
        (
            lambda t, e: np.interp(t, list(e.values()), list(e)),
            "needs rising numbers|its error is too large",
        ),
    ],
    lesson_3.psnr: [
        (lambda r, x: -10 * (r - x).square().flatten(1).mean(dim=1).log10(), "6 dB more"),
        (lambda r, x: 10 * (4 / F.mse_loss(r, x)).log10(), "one number for the whole batch"),
        (lambda r, x: 10 * (4 / (r - x).square().flatten(1).sum(dim=1)).log10(), "per pixel"),
        (lambda r, x: 10 * (4 / (r - x).square().flatten(1).mean(dim=1)).log(), "natural one"),
        (lambda r, x: decibels(r, x, x.flatten(1).amax(dim=1) - x.flatten(1).amin(dim=1)), "each"),
        (lambda r, x: decibels(r, x, x.flatten(1).amax(dim=1)), "largest value of each image"),
        (lambda r, x: decibels(r, x, x.max() - x.min()), "whole batch"),
    ],
    lesson_3.quantised: [
        (lambda *a: levels(*a, steps=0), "n - 1 steps"),
        (lambda *a: levels(*a, keep=torch.floor), "nearest level"),
        (lambda *a: levels(*a, cut=False), "must become `low`"),
    ],
    lesson_4.auroc_by_hand: [
        (4 / 12, "Turn it round"),
        (8, "number of pairs"),
        (0.66, "not the right value"),
    ],
    lesson_4.area: [
        (lambda s, f: (s[:, None] < f).float().mean().item(), "not the right value|Turn it round"),
        (lambda s, f: (s[:, None] > f).float().mean().item(), "Equal errors count nothing"),
        (lambda s, f: (s[:, None] >= f).float().mean().item(), "Equal errors count fully"),
    ],
    lesson_4.threshold: [
        (lambda f, rate: f.quantile(rate).item(), "other end"),
        (lambda f, rate: (f.mean() + 2 * f.std()).item(), "need not follow a normal"),
        (lambda f, rate: f.quantile(0.95).item(), "For a rate of 20%"),
    ],
    lesson_4.true_alarms: [
        (0.95, "raise no alarm"),
        (0.05, "not among alarms"),
        (2, "per cent"),
        (0.98, "false alarms among the alarms"),
    ],
    lesson_4.fooling_image: [
        (torch.full((3, 32, 32), 0.5), "differences are too weak"),
        (0.02 * torch.eye(32).expand(3, 32, 32), "root mean square of 0.00"),
        (torch.linspace(-1, 1, 32).expand(3, 32, 32), "Some photographs are as smooth"),
        (
            torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)).round() * 2 - 1,
            "only 1 in 100",
        ),
        (torch.zeros(1, 3, 32, 32), "shape should be"),
        (3 * torch.eye(32).expand(3, 32, 32), "between -1 and 1"),
    ],
    lesson_5.norm_of_384: [
        (384, "square of the norm"),
        (11.3, "for a code of 128"),
        (19, "19 is not the right value"),
    ],
    lesson_5.reparametrised: [
        (lambda m, v, e: m + v.exp() * e, "by its square root"),
        (lambda m, v, e: m + (v / 2).exp() * torch.randn_like(m), "Use the noise you are given"),
        (lambda m, v, e: m + v * e, "as if it were the standard deviation"),
        (lambda m, v, e: (m + (v / 2).exp() * e).detach(), "no gradient gets through"),
        (lambda m, v, e: m + (v.detach() / 2).exp() * e, "both the mean and the variance"),
    ],
    lesson_5.divergence: [
        (lambda m, v: (m**2 + v.exp() - v - 1).sum(dim=1), "one half is missing"),
        (lambda m, v: (m**2 + v.exp() - v - 1).sum() / 2, "one number for the whole batch"),
        (lambda m, v: (m**2 + v.exp() - v).sum(dim=1) / 2, "The -1 is missing"),
        (lambda m, v: -(m**2 + v.exp() - v - 1).sum(dim=1) / 2, "sign is wrong"),
        (
            lambda m, v: (m**2 + (2 * v).exp() - 2 * v - 1).sum(dim=1) / 2,
            "for the logarithm of the standard deviation",
        ),
        (lambda m, v: (m**2 + v.exp().square() - v - 1).sum(dim=1) / 2, "do not square it"),
        (lambda m, v: (m**2 + (v / 2).exp() - v - 1).sum(dim=1) / 2, "do not halve"),
        (lambda m, v: (m + v.exp() - v - 1).sum(dim=1) / 2, "mean must be squared"),
    ],
    lesson_5.drawn_like: [
        (lambda z, n: z.mean(dim=0) + z.std(dim=0) * torch.randn(n, 3), "correlations are missing"),
        (lambda z, n: z[torch.randint(len(z), (n,))], "codes you were given"),
        (lambda z, n: z.mean(dim=0) + torch.randn(n, 3), "covariance is not used"),
        (lambda z, n: latent.Gaussian.fit(z).sample(n), "same draws every time"),
        (jittered, "not normally distributed"),
        (lambda z, n: drawn(z, n, wrong_side=True), "wrong side"),
    ],
    lesson_5.frechet: [
        (lambda a, b: (a.mean() - b.mean()) ** 2 + (a.var() - b.var()) ** 2, "not the variances"),
        (lambda a, b: (a.mean() - b.mean()) ** 2, "spread is missing"),
        (
            lambda a, b: ((a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2).sqrt(),
            "That is the root",
        ),
    ],
    lesson_6.topk_by_cosine: [
        (lambda q, z, k: (q @ z.T).topk(k).indices, "long ones win"),
        (lambda q, z, k: (F.normalize(q) @ F.normalize(z).T).topk(k).values, "Those are the cosi"),
        (lambda q, z, k: (F.normalize(q) @ F.normalize(z).T).topk(k), "return the `.indices`"),
        (lambda q, z, k: torch.cdist(q, z).argsort(dim=1)[:, :k], "by distance, not by angle"),
        (lambda q, z, k: (-(F.normalize(q) @ F.normalize(z).T)).topk(k).indices, "the farthest"),
    ],
    lesson_6.precision: [
        (lambda y, f: (f == y[:, None]).float().mean(), "one number for all queries"),
        (lambda y, f: (f == y[:, None]).sum(dim=1), "Those are the hits"),
        (lambda y, f: (f == y[:, None]).any(dim=1).float(), "whether there is any hit"),
        (lambda y, f: (f == y[:, None]).float().sum(dim=1) / 8, "not always 8"),
    ],
    lesson_6.chance: [
        (
            lambda y: sum(n * (n - 1) for n in y.bincount().tolist()) / len(y) / (len(y) - 1),
            "a query may find itself",
        ),
        (lambda y: 1 / len(y.unique()), "equal size"),
        (lambda y: (y.bincount() / len(y)).max().item(), "share of the largest class"),
        (lambda y: 0.1, "not the right value|equal size"),
    ],
    lesson_6.times_found: [
        (lambda n, size: n.flatten().bincount(), "never found are missing"),
        (lambda n, size: n.flatten().bincount(minlength=size) / n.numel(), "Those are shares"),
    ],
    lesson_6.copies: [
        ([(0, 0), (1, 1)], "have a correlation of"),
        ([(0, 0), (0, 1)], "same test image"),
        ([(10**6, 0), (1, 1)], "There is no pair"),
        ((3, 4), "two pairs of numbers"),
        ([(1.5, 2), (3, 4)], "1.5 is not one"),
    ],
    lesson_7.copied_error: [
        (0.3, "the squared error has its square"),
        (0, "copies the noise as well"),
        (0.25, "noise of 0.5"),
        (0.6, "do not double"),
        (0.18, "no factor of two"),
        (0.1, "0.1 is not the right value"),
    ],
    lesson_7.masked_images: [
        (lambda x, d, s: x * (d >= s), "must be divided"),
        (lambda x, d, s: x * (d >= s) * (1 - s), "You multiply by the share"),
        (lambda x, d, s: x * (d >= s) / s, "divide by the share that is masked"),
        (lambda x, d, s: x * (d < s) / (1 - s), "keep the pixels that should be masked."),
        (lambda x, d, s: x * (d < s), "and do not divide"),
        (lambda x, d, s: x / (1 - s), "none is masked"),
        (lambda x, d, s: F.dropout(x, s), "of the values are wrong"),
    ],
    lesson_7.gains: [
        (lambda v, s: v / (v + s), "its square is the noise"),
        (lambda v, s: v**2 / (v**2 + s**2), "do not square them"),
        (lambda v, s: s**2 / (v + s**2), "what is taken away"),
        (lambda v, s: v / s**2, "grows beyond 1"),
        (lambda v, s: v.sqrt() / (v.sqrt() + s), "not of standard deviations"),
        (lambda v, s: (v / (v + s**2)).sqrt(), "root of the gain"),
    ],
    lesson_7.hidden_error: [
        (lambda r, x, h: (r - x)[~h].square().mean(), "were not hidden"),
        (lambda r, x, h: F.mse_loss(r, x), "error of all pixels"),
        (lambda r, x, h: ((r - x).square() * h).mean(), "divide by the number of all"),
        (lambda r, x, h: (r - x)[h].square().sum(), "That is the sum"),
        (lambda r, x, h: (r - x)[h].square().mean().sqrt(), "That is the root"),
        (lambda r, x, h: (r - x)[h].abs().mean(), "absolute differences"),
        (lambda r, x, h: (r - x)[h].square(), "One number is asked for"),
    ],
    lesson_7.score_of: [
        (lambda f, x, s: (x - f(x)) / s**2, "sign is wrong"),
        (lambda f, x, s: (f(x) - x) / s, "square of sigma"),
        (lambda f, x, s: f(x) - x, "the step itself"),
        (lambda f, x, s: (f(x) - x) * s**2, "Multiply and divide are mixed up"),
        (lambda f, x, s: f(x) / s**2, "difference to what it was given"),
    ],
    lesson_8.sparse: [
        (lambda a, k: a.topk(k, dim=1).values, "the k largest values themselves"),
        (lambda a, k: kept(a, k), "Negative answers must become 0"),
        (lambda a, k: a.clamp(min=0), "only the k largest are kept"),
        (lambda a, k: kept(a, k, largest=False).clamp(min=0), "k smallest"),
        (lambda a, k: a.clamp(min=0) * (a >= a.flatten().topk(k).values[-1]), "not once for all"),
        (lambda a, k: (kept(a, k) > 0).float(), "not 1 for each"),
    ],
    lesson_8.unused: [
        (lambda z: (z > 0).any(dim=0).float().mean().item(), "units that are used"),
        (lambda z: (z == 0).all(dim=0).sum().item(), "a share is asked for"),
        (lambda z: (z == 0).float().mean().item(), "share of zeros"),
        (lambda z: (z == 0).any(dim=0).float().mean().item(), "none may use it"),
        (lambda z: 100 * (z == 0).all(dim=0).float().mean().item(), "a percentage"),
    ],
    lesson_8.purity: [
        (lambda z, y: of_classes(z > 0, y).amax(dim=0), "Those are counts"),
        (lambda z, y: of_classes(z > 0, y).amax(dim=0) / len(y), "not by that of all images"),
        (lambda z, y: of_classes(z > 0, y).argmax(dim=0), "the class, not its share"),
        (lambda z, y: of_classes(z > 0, y) / (z > 0).sum(dim=0), "take the largest for each unit"),
        (lambda z, y: of_classes(z, y).amax(dim=0) / z.sum(dim=0), "You add up strengths"),
        (
            lambda z, y: (of_classes(z > 0, y) / y.bincount(minlength=10)[:, None]).amax(dim=0),
            "size of the class",
        ),
    ],
    lesson_8.best_factor: [
        (lambda t, r: (t * r).sum() / t.square().sum(), "not of the targets"),
        (lambda t, r: r.square().sum() / (t * r).sum(), "1 over the factor"),
        (lambda t, r: t.norm() / r.norm(), "equally long"),
        (lambda t, r: (t / r).mean(), "mean of the quotients"),
        (lambda t, r: t.mean() / r.mean(), "quotient of the means"),
    ],
    lesson_8.recovered: [
        (lambda a, b, c: share_above(b, a, c), "learnt vectors that are true"),
        (lambda a, b, c: ((a @ b.T).amax(dim=1) > c).float().mean(), "norms than 1"),
        (lambda a, b, c: share_above(torch.cat([a]), torch.cat([b, -b]), c), "opposite way"),
        (lambda a, b, c: len(a) * share_above(a, b, c), "a share is asked for"),
    ],
    lesson_9.bytes_of_a_grid: [
        (441, "a byte has 8 of them"),
        (49 * 64, "does not need 512 bits"),
        (49, "more than one byte"),
        (7.875, "the grid has 7 rows"),
        (55, "one too few"),
        (56, "with its fraction"),
    ],
    lesson_9.entropy_of: [
        (lambda s: entropy(s) * math.log(2), "in nats"),
        (lambda s: -entropy(s), "sign is wrong"),
        (lambda s: entropy(s) * len(s), "sum over all symbols"),
        (lambda s: -(c := s.bincount() / len(s)).mul(c.log2()).sum(), "That is NaN"),
        (lambda s: math.log2(s.max().item() + 1), "without any table"),
        (lambda s: math.log2(len(s.unique())), "all come up equally often; weigh"),
    ],
    lesson_9.moved: [
        (lambda e, v, t: sums(e, v, t) / t.bincount(minlength=len(e))[:, None], "There is NaN"),
        (
            lambda e, v, t: sums(e, v, t) / t.bincount(minlength=len(e)).clamp(min=1)[:, None],
            "yours goes to 0",
        ),
        (lambda e, v, t: e.index_copy(0, t.unique(), sums(e, v, t)[t.unique()]), "Those are the s"),
        (lambda e, v, t: e, "Nothing has moved"),
    ],
    lesson_9.level_of: [
        (lambda z, n: (z.tanh() + 1) / 2 * (n - 1), "Nothing is rounded"),
        (lambda z, n: ((z.tanh() + 1) / 2 * (n - 1)).floor(), "Round, do not cut off"),
        (lambda z, n: ((z.tanh() + 1) / 2 * n).round(), "levels go from 0 to"),
        (lambda z, n: (z.tanh() * (n - 1) / 2).round(), "the lowest is 0"),
        (lambda z, n: (z.sigmoid() * (n - 1)).round(), "half as steep"),
    ],
    lesson_9.drawn_tokens: [
        (lambda x, t: x.argmax(dim=1), "All draws are the same"),
        (lambda x, t: torch.multinomial((x * t).softmax(dim=1), 1)[:, 0], "divide by it"),
        (lambda x, t: torch.multinomial(x.softmax(dim=1), 1)[:, 0], "temperature is not used"),
        (lambda x, t: torch.randint(5, (len(x),)), "draw all entries alike"),
        (lambda x, t: torch.multinomial((x / t).softmax(dim=1), 1), "shape should be"),
    ],
    lesson_10.training_pair: [
        (lambda e, z, t: (t * e + (1 - t) * z, z - e), "from the codes to the noise"),
        (lambda e, z, t: (e + t * z, z - e), "must fade"),
        (lambda e, z, t: ((1 - t) * e + t * z, e - z), "the wrong way"),
        (lambda e, z, t: ((1 - t) * e + t * z, (1 - t) * (z - e)), "the way that is left"),
        (lambda e, z, t: ((1 - t) * e + t * z, t * (z - e)), "do not multiply by t"),
        (lambda e, z, t: (1 - t) * e + t * z, "Return two tensors"),
    ],
    lesson_10.euler_steps: [
        (lambda v, e, n: walked(v, e, n, share=1), "divide the velocity by the number"),
        (lambda v, e, n: walked(v, e, n, first=1), "not at 1 / steps"),
        (lambda v, e, n: walked(v, e, n, more=1), "a step too many"),
        (lambda v, e, n: walked(v, e, n, more=-1), "a step too few|divide the velocity"),
        (lambda v, e, n: walked(lambda x, _: v(x, 0.0), e, n), "must move on"),
        (lambda v, e, n: walked(lambda x, t: v(x, t * n), e, n), "number of the step by `steps`"),
        (lambda v, e, n: walked(v, e, n, share=-1 / n), "You go backwards"),
    ],
    lesson_10.first_velocity: [
        (lambda e, z: z.mean(dim=0).expand_as(e), "the place where a step"),
        (lambda e, z: e - z.mean(dim=0), "the wrong way"),
        (lambda e, z: (z.mean(dim=0) - e.mean(dim=0)).expand_as(e), "Each noise has its own"),
        (lambda e, z: z[: len(e)] - e, "not the first ones"),
    ],
    lesson_10.guided: [
        (lambda o, c, w: c + w * (o - c), "The roles are swapped"),
        (lambda o, c, w: c + w * (c - o), "begin at the one without|roles"),
        (lambda o, c, w: w * c, "A guidance of 0"),
        (lambda o, c, w: o + w * c, "Only the difference"),
    ],
    lesson_10.best_of: [
        (lambda a, x: (a - x[:, None]).square().mean().item(), "mean over all answers"),
        (lambda a, x: (a - x[:, None]).square().mean(dim=2).min().item(), "best single answer"),
        (
            lambda a, x: (a - x[:, None]).square().min(dim=1).values.mean().item(),
            "a whole answer",
        ),
        (lambda a, x: (a.mean(dim=1) - x).square().mean().item(), "the mean of the answers"),
        (
            lambda a, x: (a - x[:, None]).square().sum(dim=2).min(dim=1).values.mean().item(),
            "the sum over the values",
        ),
        (
            lambda a, x: (a - x[:, None]).square().mean(dim=2).max(dim=1).values.mean().item(),
            "the worst answer",
        ),
    ],
}

# Plausible functions that are right for the example of the question alone.
BY_HEART = {
    lesson_1.count_weights: lambda sizes: 222_384,
    lesson_1.error_of_each: lambda r, x: (r - x).square().sum(dim=(1, 2, 3)) / 784,
    lesson_1.output_padding: lambda n: {7: 0, 14: 1, 28: 1}.get(n, 0),
    lesson_1.train_step: lambda *a: step(*a, forget=False),
    lesson_2.spherical: lambda a, b, n: turned(a, b, n, norms=False) * a.norm(),
    lesson_2.through: lambda s, n: torch.cat(
        [latent.interpolate(s[0], s[1], n), latent.interpolate(s[-2], s[-1], n)[1:]]
    ),
    lesson_2.mean_codes: lambda z, y: z[y.argsort()].unflatten(0, (10, -1)).mean(dim=1),
    lesson_3.stamped: lambda x, k, s: stamps(x, k, 2),
    lesson_3.length_for: lambda t, e: 128 * (48.03 / t),
    lesson_3.psnr: lambda r, x: (10 * (4 / F.mse_loss(r, x)).log10()).expand(len(x)),
    lesson_3.quantised: lambda z, low, high, n: levels(z, low, high, 16),
    lesson_4.area: lambda s, f: (s[:, None] > f).float().mean().item(),
    lesson_4.threshold: lambda f, rate: f.quantile(0.95).item(),
    lesson_5.reparametrised: lambda m, v, e: m + 2 * e,
    lesson_5.divergence: lambda m, v: (m**2 + v.exp() - v - 1).mean(dim=1) * 5,
    lesson_5.drawn_like: lambda z, n: z.mean(dim=0) + z.std(dim=0) * torch.randn(n, 3),
    lesson_5.frechet: lambda a, b: (a.mean() - b.mean()) ** 2 + 4,
    lesson_6.topk_by_cosine: lambda q, z, k: (q @ F.normalize(z).T).topk(8).indices,
    lesson_6.precision: lambda y, f: (f == y[:, None]).float().sum(dim=1) / 8,
    lesson_6.chance: lambda y: 0.1,
    lesson_6.times_found: lambda n, size: n.flatten().bincount(),
    lesson_7.masked_images: lambda x, d, s: x * (d >= s) * 4,
    lesson_7.gains: lambda v, s: v / (v + 0.25),
    lesson_7.hidden_error: lambda r, x, h: (r - x).square().sum() / h.sum(),
    lesson_7.score_of: lambda f, x, s: 4 * (f(x) - x),
    lesson_8.sparse: lambda a, k: kept(a, 3).clamp(min=0),
    lesson_8.unused: lambda z: 0.3,
    lesson_8.purity: lambda z, y: of_classes(z > 0, y)[3] / (z > 0).sum(dim=0),
    lesson_8.best_factor: lambda t, r: 1.6,
    lesson_8.recovered: lambda a, b, c: share_above(a, b, 0.9),
    lesson_9.entropy_of: lambda s: 8.0,
    lesson_9.moved: lambda e, v, t: torch.lerp(e, sums(e, v, t), 0.1),
    lesson_9.level_of: lambda z, n: ((z.tanh() + 1) / 2 * 7).round(),
    lesson_9.drawn_tokens: lambda x, t: torch.multinomial((2 * x).softmax(dim=1), 1)[:, 0],
    lesson_10.training_pair: lambda e, z, t: (0.5 * e + 0.5 * z, z - e),
    lesson_10.euler_steps: lambda v, e, n: walked(v, e, 10),
    lesson_10.first_velocity: lambda e, z: -e,
    lesson_10.guided: lambda o, c, w: 2 * c - o,
    lesson_10.best_of: lambda a, x: (a[:, 0] - x).square().mean().item(),
}


def test_there_is_a_wrong_answer_to_every_exercise():
    assert set(WRONG) == set(EVERY)
    assert min(map(len, WRONG.values())) >= 2
    functions = {task for task in EVERY if callable(task_answer_kind(task))}
    assert set(BY_HEART) == functions
    modules = (
        lesson_1,
        lesson_2,
        lesson_3,
        lesson_4,
        lesson_5,
        lesson_6,
        lesson_7,
        lesson_8,
        lesson_9,
    )
    for module in (*modules, lesson_10):
        tasks = [task for task in EVERY if task.lesson == module.__name__.rpartition(".")[2]]
        assert 4 <= len(tasks) <= 6


def task_answer_kind(task):
    """The answer itself if it is a function; nothing is run for the others."""
    last = ast.parse(task.code).body[-1]
    return solved(task) if isinstance(last, ast.FunctionDef) else None


@pytest.mark.parametrize("task", EVERY, ids=named)
def test_the_solution_is_right(task, said):
    if task is lesson_6.copies and data.load_cifar10().is_standin:
        pytest.skip("the stand-in has no near-copies that must be found")
    answer = solved(task)
    for _ in range(5):  # other inputs each time
        assert said(task, answer) == "Right."
    assert task.state == "right"


@pytest.mark.parametrize(
    ("task", "answer", "sentence"),
    [(task, *wrong) for task, cases in WRONG.items() for wrong in cases],
    ids=lambda value: named(value) if hasattr(value, "lesson") else None,
)
def test_a_typical_mistake_is_named(task, answer, sentence, said):
    feedback = said(task, answer)
    assert feedback.startswith("Not right. ")
    assert any(part in feedback.replace("\\", "") for part in alternatives(sentence)), feedback
    assert task.state == "tried"


def alternatives(sentence):
    return sentence.replace("\\", "").split("|")


@pytest.mark.parametrize("task", BY_HEART, ids=named)
def test_an_answer_learnt_by_heart_is_not_enough(task, said):
    assert said(task, BY_HEART[task]).startswith("Not right. ")


@pytest.mark.parametrize("task", EVERY, ids=named)
def test_a_blank_is_not_yet_an_answer(task, said):
    assert said(task, ____).startswith("Not yet")
    if task in BY_HEART:
        assert said(task, lambda *_: ____).startswith("Not yet")
    assert task.state == "open"


class Odd:
    """Whatever you do with it fails."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __iter__(self):
        raise RuntimeError("iter")

    def __repr__(self):
        raise RuntimeError("repr")


def stop(*_):
    raise SystemExit


def interrupt(*_):
    raise KeyboardInterrupt


ANYTHING = {
    "None": None,
    "string": "14",
    "list": [1, 2],
    "true": True,
    "nan": math.nan,
    "infinite": math.inf,
    "complex": 3 + 4j,
    "array": np.ones((2, 2)),
    "empty": torch.zeros(0),
    "nan tensor": torch.full((3, 32, 32), math.nan),
    "class": dict,
    "odd": Odd(),
    "raises": lambda *_: 1 / 0,
    "takes nothing": lambda: 1,
    "returns nothing": lambda *_: None,
    "returns nan": lambda *_: math.nan,
    "returns text": lambda *_: "text",
    "returns a number": lambda *_: -7.0,
    "returns a tensor": lambda *_: torch.full((2, 3), math.nan),
    "returns complex": lambda *_: torch.zeros(3, dtype=torch.complex64),
    "returns an odd thing": lambda *_: Odd(),
    "exits": stop,
    "interrupts": interrupt,
}


@pytest.mark.parametrize("answer", ANYTHING.values(), ids=ANYTHING)
def test_whatever_comes_gets_an_answer(answer, said):
    for task in EVERY:
        assert said(task, answer).startswith("Not right. "), named(task)


def test_an_answer_that_never_returns_is_given_up(said, monkeypatch):
    monkeypatch.setattr(_exercise, "TIME_LIMIT", 0.3)

    def endless(*_):
        while True:
            time.sleep(0.01)

    before = time.monotonic()
    assert "a loop that never ends" in said(lesson_1.output_padding, endless)
    assert time.monotonic() - before < 5


def test_what_an_exercise_prepares_does_not_count_as_the_answers_time(said, monkeypatch):
    monkeypatch.setattr(_exercise, "TIME_LIMIT", 0.3)
    slow = _exercise.exercise(hint="", code="", reason="", prepare=lambda: time.sleep(0.5))
    task = slow(lambda answer: None)
    _exercise.ALL.remove(task)
    assert said(task, 1) == "Right."
    assert said(task, ____).startswith("Not yet")


def test_inputs_are_copies_and_the_students_dice_stay_where_they_are(said):
    def greedy(codes, labels):
        codes.zero_()
        return codes[:10]

    state = torch.random.get_rng_state()
    assert said(lesson_2.mean_codes, greedy).startswith("Not right. ")
    assert said(lesson_2.mean_codes, solved(lesson_2.mean_codes)) == "Right."
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_result_with_its_gradient_is_not_accepted(said):
    def right(reconstructions, images):
        grown = reconstructions.requires_grad_()
        return (grown - images).square().flatten(1).mean(dim=1)

    assert "still carries a gradient" in said(lesson_1.error_of_each, right)


def test_numbers_of_any_kind_are_numbers(said):
    for answer in (
        28,
        28.0,
        np.float32(28),
        np.array([28]),
        torch.tensor(28),
        torch.tensor([28.0]),
    ):
        assert said(lesson_1.transposed_size, answer) == "Right."


def test_booleans_of_any_kind_are_right_where_0_and_1_are_asked_for(said):
    for kind in (bool, np.bool_, torch.tensor):
        assert said(lesson_1.output_padding, lambda n, kind=kind: kind(n % 2 == 0)) == "Right."
        assert "A number is asked for" in said(lesson_1.transposed_size, kind(True))


def test_a_norm_to_two_decimals_is_enough(said):
    for answer in (4.24, 4.243, 6 / 2**0.5):
        assert said(lesson_2.halfway_norm, answer) == "Right."


def test_hits_may_be_counted_query_by_query(said):
    """No query finds an image twice, so `any` for each query is as good as a count."""

    def times_found(neighbours, size):
        return torch.stack([(neighbours == place).any(dim=1).sum() for place in range(size)])

    for _ in range(20):
        assert said(lesson_6.times_found, times_found) == "Right."


def test_copies_the_wrong_way_round_are_recognised(said, monkeypatch):
    first, second, *others = torch.rand(6, 3, 32, 32)
    test = TensorDataset(torch.stack([first, others[0], second, others[1]]))
    train = TensorDataset(torch.stack([others[2], first, others[3], second]))
    monkeypatch.setattr(lesson_6, "_cifar10", lambda: SimpleNamespace(train=train, test=test))
    assert said(lesson_6.copies, [(0, 1), (2, 3)]) == "Right."
    assert "wrong way round" in said(lesson_6.copies, [(1, 0), (3, 2)])
    assert "have a correlation of" in said(lesson_6.copies, [(0, 0), (2, 2)])


def test_a_right_answer_stays_right(said):
    said(lesson_1.transposed_size, 28)
    said(lesson_1.transposed_size, 27)
    assert lesson_1.transposed_size.state == "right"


@pytest.mark.parametrize("task", EVERY, ids=named)
def test_hint_and_solution_are_shown(task, capsys):
    task.hint()
    assert len(capsys.readouterr().out) > 40
    task.solution()
    shown = capsys.readouterr().out
    assert task.code in shown
    assert task.reason in shown
    assert task.reason.endswith(".")


def test_a_solution_is_formatted_where_that_can_be_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(_exercise, "display", shown.append)
    lesson_1.transposed_size.solution()
    markdown = shown[0]._repr_markdown_()
    assert markdown.startswith("```python\npixels = ")
    assert "$(n - 1)\\,s" in markdown


def test_progress_shows_what_is_done(said):
    said(lesson_1.transposed_size, 28)
    said(lesson_1.output_padding, 3)
    texts = [text.get_text() for text in exercises.progress().axes[0].texts]
    assert "Lesson 1: 1 of 5 right" in texts
    place = texts.index("    The size that a transposed convolution makes")
    assert texts[place + 1] == "✓ right"
    assert texts[texts.index("    The output padding that brings a size back") + 1].startswith("✗")
    assert texts[texts.index("    A step of training") + 1] == "open"


def test_an_image_that_an_optimiser_made_may_carry_its_gradient(said):
    image = solved(lesson_4.fooling_image).clone().requires_grad_()
    assert said(lesson_4.fooling_image, image) == "Right."


def test_no_photograph_fools_the_error_as_it_is(said):
    cifar10 = data.load_cifar10()
    if cifar10.is_standin:
        pytest.skip("the bounds are those of CIFAR-10")
    model = weights.trained("cifar10-384")
    for images, _ in cifar10.test.batches(500):
        strong = [image for image in images if lesson_4.left_by_ramp(image) > lesson_4.STRONGEST]
        if strong:
            errors = (model(torch.stack(strong)) - torch.stack(strong)).square().flatten(1).sum(1)
            assert errors.min() > lesson_4.LEAST


def test_the_lessons_numbers_are_those_of_the_exercises():
    model, cifar10 = weights.trained("cifar10-384"), data.load_cifar10()
    assert sum(weight.numel() for weight in model.parameters()) == lesson_3.ALL_384
    if not cifar10.is_standin:
        with torch.inference_mode():
            errors = [
                (model(x) - x).square().flatten(1).sum(dim=1) for x, _ in cifar10.test.batches(500)
            ]
        assert (torch.cat(errors) < lesson_4.LEAST).float().mean().item() == pytest.approx(
            0.01, abs=3e-4
        )
