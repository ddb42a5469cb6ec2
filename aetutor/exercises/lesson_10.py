"""Exercises of lesson 10: paths, velocities, Euler's steps, guidance."""

import math

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

one_step = Guess(
    "A trained flow takes one single step from noise. How much do the codes that it draws vary, in "
    "per cent of the variance of real codes?",
    "Most people expect bad digits that are all different. But noise alone says nothing about the "
    "code it will become, so the first velocity points at the mean of all codes.",
    answer=0.5,
    unit="%",
    low=0,
    high=100,
)
guided_variety = Guess(
    "We ask for each digit with a guidance of 4. How many of its real codes are covered by those "
    "that are drawn, in per cent?",
    "Guidance pushes each class away from the others, beyond where its real codes lie. Each digit "
    "is easy to read, but the drawn codes no longer lie among the real ones.",
    answer=65,
    unit="%",
    low=0,
    high=100,
)


@exercise(
    hint="At the time 0 the point is the noise, at the time 1 the code. Its velocity is what "
    "it gains from 0 to 1, and a straight path has the same velocity all the way.",
    code="""
    def training_pair(noise, codes, times):
        x = (1 - times) * noise + times * codes
        return x, codes - noise
    """,
    reason="$x = (1 - t)\\,\\epsilon + t z$, and its derivative by $t$ is $z - \\epsilon$.",
)
def training_pair(answer):
    """A point on the path, and its velocity."""
    for count, size in ((6, 3), (4, 5)):
        noise, codes = torch.randn(2, count, size, generator=DICE)
        times = torch.rand(count, 1, generator=DICE)
        result = call(answer, noise, codes, times)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise WrongError("Return two tensors: the points, and the velocities.")
        x, velocity = (tensor(each, (count, size)) for each in result)
        compare(
            x,
            (1 - times) * noise + times * codes,
            {
                "Your path runs from the codes to the noise; at the time 0 it must be noise.": (
                    times * noise + (1 - times) * codes
                ),
                "The noise must fade as the code comes in: (1 - t) times the noise.": (
                    noise + times * codes
                ),
            },
            given="the points",
        )
        compare(
            velocity,
            codes - noise,
            {
                "The velocity points the wrong way: from noise to code.": noise - codes,
                "That is the way that is left from the point; the velocity is that of the whole "
                "path, which takes the time 1.": codes - x,
                "The velocity is the same at all times; do not multiply by t.": (
                    times * (codes - noise)
                ),
            },
            given="the velocities",
        )


@exercise(
    hint="Step k begins at the time k / steps, counted from 0, and lasts 1 / steps.",
    code="""
    def euler_steps(velocity, noise, steps):
        x = noise
        for step in range(steps):
            x = x + velocity(x, step / steps) / steps
        return x
    """,
    reason="Each step goes on in the direction that holds at its beginning: "
    "$x_{t + 1/n} = x_t + \\tfrac1n\\, v(x_t, t)$.",
)
def euler_steps(answer):
    """Euler's steps."""
    for steps in (1, 3, 7):
        noise = torch.randn(5, 2, generator=DICE)
        slope = 1 + torch.rand((), generator=DICE)

        def velocity(x, time, slope=slope):
            return slope * time + torch.sin(x)

        def walk(starts, share, x=noise, velocity=velocity):
            for time in starts:
                x = x + share * velocity(x, time)
            return x

        times = [step / steps for step in range(steps)]
        compare(
            tensor(call(answer, velocity, noise, steps), (5, 2)),
            walk(times, 1 / steps),
            {
                "Each step must be shortened to its length: divide the velocity by the number of "
                "steps.": walk(times, 1),
                "The first step begins at the time 0, not at 1 / steps.": walk(
                    [time + 1 / steps for time in times], 1 / steps
                ),
                "You take a step too many: the last one begins before the time 1.": walk(
                    [*times, 1.0], 1 / steps
                ),
                "You take a step too few.": walk(times[:-1], 1 / steps),
                "The time must move on with the steps.": walk([0.0] * steps, 1 / steps),
                "The time goes from 0 to 1; divide the number of the step by `steps`.": walk(
                    [float(step) for step in range(steps)], 1 / steps
                ),
                "You go backwards: add the velocity.": walk(times, -1 / steps),
            },
            given=f"{steps} steps",
        )


@exercise(
    hint="At the time 0 the point x is the noise itself. What is the mean of z - e over all codes "
    "z, if e is given and the code has nothing to do with it?",
    code="""
    def first_velocity(noise, codes):
        return codes.mean(dim=0) - noise
    """,
    reason="The noise is drawn independently of the code, so "
    "$E[z - \\epsilon \\mid \\epsilon] = E[z] - \\epsilon$. One step of length 1 from there lands "
    "on $E[z]$, wherever it began.",
)
def first_velocity(answer):
    """The best velocity at the time 0."""
    for count, size in ((40, 3), (25, 6)):
        codes = torch.randn(count, size, generator=DICE) + torch.arange(size)
        noise = torch.randn(7, size, generator=DICE)
        mean = codes.mean(dim=0)
        compare(
            tensor(call(answer, noise, codes), (7, size)),
            mean - noise,
            {
                "That is the place where a step of length 1 lands; the velocity is the way there "
                "from the noise.": mean.expand(7, size),
                "The velocity points the wrong way.": noise - mean,
                "Each noise has its own velocity: do not average over the noise.": (
                    (mean - noise.mean(dim=0)).expand(7, size)
                ),
                "Any code may follow from this noise; take the mean of all, not the first ones.": (
                    codes[:7] - noise
                ),
            },
        )


@exercise(
    hint="With guidance 0 the class is ignored, with 1 it is followed, and with 2 you go twice as "
    "far from the first to the second.",
    code="""
    def guided(without, with_class, guidance):
        return without + guidance * (with_class - without)
    """,
    reason="$v = v_\\varnothing + w\\,(v_c - v_\\varnothing)$. Stable Diffusion does the same, "
    "with $w = 7.5$ by default.",
)
def guided(answer):
    """The velocity with guidance."""
    for guidance in (0.0, 1.0, 2.5, 6.0):
        without, with_class = torch.randn(2, 4, 3, generator=DICE)
        compare(
            tensor(call(answer, without, with_class, guidance), (4, 3)),
            without + guidance * (with_class - without),
            {
                "The roles are swapped: a guidance of 1 must give the velocity with the class.": (
                    with_class + guidance * (without - with_class)
                ),
                "You begin at the velocity with the class; begin at the one without. (Ho and "
                "Salimans count like you, so that their 0 is our 1.)": (
                    with_class + guidance * (with_class - without)
                ),
                "A guidance of 0 must give the velocity without a class.": guidance * with_class,
                "Only the difference of the two is multiplied.": without + guidance * with_class,
            },
            given=f"a guidance of {guidance:g}",
        )


@exercise(
    hint="Square the differences and average them over the values of an answer; then take the "
    "smallest of the n; and only then the mean over the images.",
    code="""
    def best_of(answers, truth):
        errors = (answers - truth[:, None]).square().mean(dim=2)
        return errors.min(dim=1).values.mean().item()
    """,
    reason="The best is chosen for each image by itself, as a whole answer, before the mean is "
    "taken.",
)
def best_of(answers):
    """The error of the best of n answers."""
    for count, n, size in ((6, 4, 5), (3, 7, 2)):
        truth = torch.randn(count, size, generator=DICE)
        given = truth[:, None] + torch.randn(count, n, size, generator=DICE)
        squares = (given - truth[:, None]).square()
        errors = squares.mean(dim=2)
        compare(
            number(call(answers, given, truth)),
            errors.min(dim=1).values.mean().item(),
            {
                "That is the mean over all answers; take the best of each image.": (
                    errors.mean().item()
                ),
                "That is the best single answer of all images; take the best for each image.": (
                    errors.min().item()
                ),
                "You put together the best values of different answers; choose a whole answer.": (
                    squares.min(dim=1).values.mean().item()
                ),
                "That is the error of the mean of the answers.": (
                    (given.mean(dim=1) - truth).square().mean().item()
                ),
                "That is the sum over the values of an answer; take the mean.": (
                    squares.sum(dim=2).min(dim=1).values.mean().item()
                ),
                "That is the worst answer of each image.": errors.max(dim=1).values.mean().item(),
                "That is the root; the errors here are squared.": (
                    math.sqrt(errors.min(dim=1).values.mean().item())
                ),
            },
            given=f"{n} answers to each of {count} images",
        )


ON_YOUR_OWN = [
    Answer(
        "Ten steps are about a hundredth of the variance away, a hundred steps much less. All of "
        "this distance is the steps' doing. How far the drawn codes are from real ones is another "
        "question, which more steps do not answer.",
        code="""
        flow, model = weights.trained("mnist-conv-10-flow"), weights.trained("mnist-conv-10")
        noise = torch.randn(500, 10, generator=torch.Generator().manual_seed(0))
        exact = flow.path(noise, steps=200)[-1]
        for steps in (1, 2, 5, 10, 20, 50, 100):
            found = flow.path(noise, steps=steps)[-1]
            away = (found - exact).square().mean() / exact.var(dim=0).mean()
            print(f"{steps:>3} steps: {away:.4f} of the variance away from 200 steps")
        """,
    ),
    Answer(
        "A step that looks at the velocity once more, in its middle, costs two evaluations. In 10 "
        "of them (20 evaluations) it comes nearer to the exact path than Euler does in 20.",
        code="""
        def midpoint(flow, noise, steps):
            x, nobody = noise, torch.full((len(noise),), flow.classes)
            for step in range(steps):
                start = torch.full((1,), step / steps)
                half = x + flow.velocity(x, start, nobody) / (2 * steps)
                x = x + flow.velocity(half, start + 0.5 / steps, nobody) / steps
            return flow.unwhiten(x)


        with torch.inference_mode():
            for steps in (5, 10):
                twice = (midpoint(flow, noise, steps) - exact).square().mean()
                once = (flow.path(noise, steps=2 * steps)[-1] - exact).square().mean()
                print(f"{2 * steps} evaluations: midpoint {twice:.4f}, Euler {once:.4f}")
        """,
    ),
    Answer(
        "A negative guidance would go away from the class; the flow refuses it. Between 0 and 1 "
        "the share of the class rises from chance to nearly all. So the class needs no guidance "
        "above 1 to be followed here.",
        code="""
        judge = rulers.classifier(mnist, "with places")
        for guidance in (0.0, 0.25, 0.5, 0.75, 1.0):
            with torch.inference_mode():
                drawn = model.decode(flow.sample(500, label=7, guidance=guidance))
            print(f"{guidance}: {(judge.labels(drawn) == 7).float().mean():.0%} are read as a 7")
        """,
    ),
]
