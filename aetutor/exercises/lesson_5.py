"""Exercises of lesson 5: drawing codes, and the two terms of a VAE."""

import torch

from aetutor.exercises._exercise import (
    DICE,
    Answer,
    WrongError,
    call,
    compare,
    exercise,
    number,
    tensor,
)
from aetutor.exercises._guess import Guess

times_as_long = Guess(
    "How many times as long are codes drawn from N(0, I) as the codes of real photographs, by the "
    "medians of their norms?",
    "Most people guess about 1, because N(0, I) is what everybody draws from. But the "
    "reconstruction error does not ask for any scale of the codes.",
    answer=9.3,
    low=0,
    high=30,
)
better_digits = Guess(
    "Which draws images that are nearer to real digits: a variational autoencoder from N(0, I), or "
    "a plain autoencoder from a mixture fitted to its codes afterwards?",
    "Most people choose the variational one, which is made for drawing. What it buys is that you "
    "can draw without ever looking at codes; a fitted mixture does look at them.",
    answer="the plain one",
    choices=("the variational one", "the plain one"),
)


@exercise(
    hint="The square of the norm is a sum of 384 squares, each of which is 1 on average.",
    code="norm = 384**0.5",
    reason="The 384 squares add up to nearly 384 each time, so the norm is nearly its root, 19.6.",
)
def norm_of_384(answer):
    """The norm of a code of N(0, I)."""
    compare(
        number(answer),
        384**0.5,
        {
            "That is the square of the norm.": 384.0,
            "That is the norm for a code of 128; this one has 384 numbers.": 128**0.5,
            "That is the size of a single number; the norm takes all 384 together.": 1.0,
            "Take the square root of the sum, not half of it.": 192.0,
        },
        tolerance=0.025,
    )


@exercise(
    hint="A number with standard deviation s is s times one with standard deviation 1. What do you "
    "have to do to the logarithm of a variance to get a standard deviation?",
    code="""
    def reparametrised(mean, log_variance, noise):
        return mean + torch.exp(log_variance / 2) * noise
    """,
    reason="The standard deviation is the root of the variance, and the root halves the logarithm. "
    "The noise comes from outside, so the gradient reaches mean and variance.",
)
def reparametrised(answer):
    """The reparametrisation."""
    for shape in ((4, 3), (2, 7)):
        mean, log_variance, noise = torch.randn(3, *shape, generator=DICE)
        inputs = mean.requires_grad_(), log_variance.requires_grad_(), noise
        with torch.enable_grad():
            result = call(answer, *inputs)
        tensor(result, shape, gradient=True)
        if not torch.equal(result, call(answer, *inputs)):
            raise WrongError("Use the noise you are given; yours changes from call to call.")
        with torch.no_grad():
            compare(
                result.detach(),
                mean + torch.exp(log_variance / 2) * noise,
                {
                    "exp(log_variance) is the variance; multiply the noise by its square root.": (
                        mean + torch.exp(log_variance) * noise
                    ),
                    "You use the logarithm of the variance as if it were the standard deviation.": (
                        mean + log_variance * noise
                    ),
                    "The mean is missing.": torch.exp(log_variance / 2) * noise,
                    "The noise is missing.": mean + torch.exp(log_variance / 2),
                    "That is only the mean.": mean,
                },
            )
        if not result.requires_grad:
            raise WrongError(
                "The values are right, but no gradient gets through, so the encoder would learn "
                "nothing. Leave out detach(), no_grad() and inference_mode()."
            )
        gradients = torch.autograd.grad(result.sum(), inputs[:2], allow_unused=True)
        if any(gradient is None for gradient in gradients):
            raise WrongError("The gradient must reach both the mean and the variance.")


@exercise(
    hint="It is the second term of the VAE's loss in the lesson. Sigma squared is the "
    "variance, and you have its logarithm.",
    code="""
    def divergence(mean, log_variance):
        return (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=1) / 2
    """,
    reason="$\\tfrac12 \\sum_i (\\mu_i^2 + \\sigma_i^2 - \\log \\sigma_i^2 - 1)$, summed over "
    "the numbers of a code, not over the images. It is 0 for $\\mu = 0$ and $\\sigma = 1$.",
)
def divergence(answer):
    """The divergence of each image's codes."""
    for count, size in ((5, 3), (2, 8)):
        mean, log_variance = torch.randn(2, count, size, generator=DICE)
        terms = mean**2 + log_variance.exp() - log_variance - 1
        result = call(answer, mean, log_variance)
        if getattr(result, "shape", None) == ():
            raise WrongError("That is one number for the whole batch; give one for each image.")
        if getattr(result, "shape", None) == (count, size):
            raise WrongError(
                "That is one value for each number of each code; sum over the numbers of a code."
            )
        compare(
            tensor(result, (count,)),
            terms.sum(dim=1) / 2,
            {
                "The factor of one half is missing.": terms.sum(dim=1),
                "That is the mean over the numbers of a code; the formula has their sum.": (
                    terms.mean(dim=1) / 2
                ),
                "The sign is wrong: a divergence is never negative.": -terms.sum(dim=1) / 2,
                "The -1 is missing: for mean 0 and variance 1 the divergence must be 0.": (
                    (terms + 1).sum(dim=1) / 2
                ),
                "exp(log_variance) is already the variance; do not halve the logarithm here.": (
                    (terms - log_variance.exp() + (log_variance / 2).exp()).sum(dim=1) / 2
                ),
                "You take log_variance for the logarithm of the standard deviation; it is the "
                "logarithm of the variance, so do not double it.": (
                    (mean**2 + (2 * log_variance).exp() - 2 * log_variance - 1).sum(dim=1) / 2
                ),
                "exp(log_variance) is already the variance; do not square it.": (
                    (mean**2 + (2 * log_variance).exp() - log_variance - 1).sum(dim=1) / 2
                ),
                "The mean must be squared.": (terms - mean**2 + mean).sum(dim=1) / 2,
            },
        )


@exercise(
    hint="Write the covariance as C = L L^T (torch.linalg.cholesky does). If e is drawn from "
    "N(0, I), then L e has the covariance C.",
    code="""
    def drawn_like(codes, count):
        noise = torch.randn(count, codes.shape[1])
        root = torch.linalg.cholesky(torch.cov(codes.T))
        return codes.mean(dim=0) + noise @ root.T
    """,
    reason="Noise $\\epsilon$ has covariance $I$, so $L \\epsilon$ has $L I L^T = C$. Any other "
    "matrix with $L L^T = C$ will do.",
)
def drawn_like(answer):
    """Draws from a fitted Gaussian."""
    count = 20_000
    spread = torch.tensor([[2.0, 0.0, 0.0], [1.5, 1.0, 0.0], [-0.5, 0.8, 0.5]])
    spread = spread[torch.randperm(3, generator=DICE)] * (1 + torch.rand((), generator=DICE))
    uniform = 12**0.5 * (torch.rand(3000, 3, generator=DICE) - 0.5)  # not normal, as real codes
    codes = uniform @ spread.T + torch.tensor([4.0, -3.0, 2.0])
    draws = tensor(call(answer, codes, count), (count, 3))
    covariance = torch.cov(codes.T)
    root = torch.linalg.cholesky(covariance)
    centre = draws.mean(dim=0) - codes.mean(dim=0)
    if (draws[:500, None] == codes).all(dim=2).any():
        raise WrongError("Those are the codes you were given; draw new ones.")
    if centre.norm() > 0.3:
        raise WrongError("The draws have another mean than the codes.")
    compare(
        torch.cov(draws.T),
        covariance,
        {
            "Mean and variances are right, but the correlations are missing.": (
                covariance.diag().diag()
            ),
            "You multiply by the covariance; take its root (Cholesky).": covariance @ covariance,
            "The root is on the wrong side: multiply the rows of noise by L^T.": root.T @ root,
            "That is N(0, I) moved to the mean: the covariance is not used.": torch.eye(3),
        },
        given="the covariance of 20,000 draws",
        tolerance=0.1,
    )
    if torch.equal(draws, call(answer, codes, count)):
        raise WrongError(
            "These are the same draws every time: do not set a seed. (`latent.Gaussian` sets one.)"
        )
    plain = (draws - draws.mean(dim=0)) @ torch.linalg.inv(
        torch.linalg.cholesky(torch.cov(draws.T))
    ).T
    if (plain.pow(4).mean() - 3).abs() > 0.3:  # 3 for a normal distribution
        raise WrongError(
            "Mean and covariance are right, but the draws are not normally distributed. Did you "
            "make them from the codes themselves?"
        )


@exercise(
    hint="The lesson gives the formula for a single feature in brackets, below the one for many.",
    code="""
    def frechet(one, other):
        return (one.mean() - other.mean()) ** 2 + (one.std() - other.std()) ** 2
    """,
    reason="For a single feature $C_1 + C_2 - 2 (C_1 C_2)^{1/2}$ is "
    "$s_1^2 + s_2^2 - 2 s_1 s_2 = (s_1 - s_2)^2$.",
)
def frechet(answer):
    """The squared Fréchet distance of one feature."""
    for scale in (0.5, 3.0):
        one = torch.randn(400, generator=DICE) * scale + 1
        other = torch.randn(300, generator=DICE) * 1.4 - 1 - 2 * torch.rand((), generator=DICE)
        means = (one.mean() - other.mean()).item()
        deviations = (one.std() - other.std()).item()
        compare(
            number(call(answer, one, other)),
            means**2 + deviations**2,
            {
                "The second term needs the standard deviations, not the variances.": (
                    means**2 + (one.var() - other.var()).item() ** 2
                ),
                "That is the root; all distances here are squared.": (
                    (means**2 + deviations**2) ** 0.5
                ),
                "The spread is missing: two sets with the same mean can still differ.": means**2,
                "The means are missing.": deviations**2,
                "Square each difference before you add them.": means + deviations,
            },
            given=f"{len(one)} and {len(other)} numbers",
            tolerance=0.01,
        )


ON_YOUR_OWN = [
    Answer(
        "Without correlations the draws are clearly further from real photographs, by this ruler, "
        "perhaps because neighbouring places no longer agree about light and colour. (The cell "
        "trains a smaller version of the lesson's ruler with places, so its numbers are not those "
        "of the lesson's table.)",
        code="""
        def ruler_for(seed):  # like the lesson's ruler with places, trained on fewer images
            torch.manual_seed(seed)
            stride = {"kernel_size": 3, "stride": 2, "padding": 1}
            layers = [nn.Conv2d(3, 16, **stride), nn.ReLU(), nn.Conv2d(16, 32, **stride), nn.ReLU()]
            layers += [nn.Conv2d(32, 64, **stride), nn.ReLU(), nn.Flatten()]
            body, head = nn.Sequential(*layers, nn.Linear(1024, 64), nn.ReLU()), nn.Linear(64, 10)
            optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.002)
            some = cifar10.train.subset(0, 10_000)
            for batch, labels in some.batches(50, shuffle=True):
                loss = F.cross_entropy(head(body(batch)), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

            def law(images):
                with torch.inference_mode():
                    return latent.Gaussian.fit(body(images).double())

            real = law(cifar10.val[:2000][0])
            unit = real.covariance.trace().item()
            return lambda images: latent.frechet_distance(real, law(images)) / unit


        ruler, small = ruler_for(seed=0), weights.trained("cifar10-128")
        known = search.embed(small, cifar10.train[:4000][0])
        apart = latent.Gaussian(known.mean(dim=0), torch.diag(known.var(dim=0)))
        with torch.inference_mode():
            for name, source in {"with": latent.Gaussian.fit(known), "without": apart}.items():
                print(f"{name} correlations: {ruler(small.decode(source.sample(2000))):.3f}")
        """,
    ),
    Answer(
        "The narrower the jitter, the more of its draws are near-copies. The distance says nothing "
        "against that: it is small for copies, too. To show what lies around one image a narrow "
        "jitter is right. To make new images it must be wide, and then things dissolve. "
        "(Here the limit is set as in the lesson, with fewer images.)",
        code="""
        def shrunk(images):
            return F.avg_pool2d(images, 2).flatten(1)


        first = shrunk(cifar10.train[:4000][0])
        center = first.mean(dim=0)
        copies_of = search.ImageIndex(first - center)


        def to_first(images):
            return copies_of.nearest(shrunk(images) - center, k=1, metric="cosine")[0][:, 0]


        with torch.inference_mode():
            limit = to_first(small(cifar10.test[:1000][0])).quantile(0.05)
            for width in (0.1, 0.3, 1.0):
                drawn = small.decode(latent.Jitter(known, width).sample(2000))
                share = (to_first(drawn[:500]) < limit).float().mean()
                print(f"width {width}: distance {ruler(drawn):.3f}, near-copies {share:.0%}")
        """,
    ),
    Answer(
        "The order of Gaussian and mixture survives. Codes stretched by a tenth come out farther "
        "than real codes as they are with these two seeds of a smaller ruler. With the lesson's "
        "own ruler with places some seeds have them nearer, and with its pooled ruler they were "
        "nearer each time that we tried: do not build on it.",
        code="""
        fits = {"Gaussian": latent.Gaussian.fit(known), "mixture": latent.Mixture(known, 5)}
        with torch.inference_mode():
            pictures = {name: small.decode(fit.sample(2000)) for name, fit in fits.items()}
            kept = small.encode(cifar10.test[:2000][0])
            pictures["real codes"] = small.decode(kept)
            pictures["stretched by 1.1"] = small.decode(kept + 0.1 * (kept - known.mean(dim=0)))
        for seed in (1, 2):
            another = ruler_for(seed)
            print(f"seed {seed}:", ", ".join(f"{n} {another(p):.3f}" for n, p in pictures.items()))
        """,
    ),
    Answer(
        "By this ruler the Gaussian of the shorter code draws about as well as that of 128 numbers "
        "(in the first answer), though the network reconstructs worse (lesson 3).",
        code="""
        short = weights.trained("cifar10-64")
        short_codes = search.embed(short, cifar10.train[:4000][0])
        laws = {"Gaussian": latent.Gaussian.fit(short_codes)}
        laws["mixture"] = latent.Mixture(short_codes, 5)
        with torch.inference_mode():
            print(f"reconstructions: {ruler(short(cifar10.test[:2000][0])):.3f}")
            for name, law in laws.items():
                print(f"{name}: {ruler(short.decode(law.sample(2000))):.3f}")
        """,
    ),
]
