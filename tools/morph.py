"""Draw the README's moving picture: ``python tools/morph.py``. Needs the real images.

The slider of lesson 2, dragged from a 3 to an 8 and back, with the pictures that the explorer
shows at each step.
"""

from pathlib import Path

import torch
from PIL import Image, ImageDraw

from aetutor import data, scenes, weights

PICTURE = Path(__file__).parents[1] / "images" / "morph.webp"
STEPS, REST = 41, 12  # pictures of one way, and at each of its ends
MARGIN, TIMES = 24, 8  # pixels around a digit, and a side of its enlarged pixels
BLUE = "#0173b2"


def draw():
    """Return the pictures of one way and back."""
    test = data.load_mnist(offline="error").test
    scene = scenes.SCENES["interpolation"](weights.trained("mnist-conv-10"), test, start=3, end=8)
    way = [share / (STEPS - 1) for share in range(STEPS)]
    there = [frame(scene, share) for share in way]
    ends = [there[0]] * REST, [there[-1]] * REST
    return [*ends[0], *there, *ends[1], *reversed(there)]


def frame(scene, share):
    """The digit at a place of the slider, above the slider."""
    pixels = scene.show(position=share)["picture"].numpy()
    digit = Image.fromarray(pixels).convert("RGB").resize((28 * TIMES,) * 2, Image.NEAREST)
    side = digit.width + 2 * MARGIN
    picture = Image.new("RGB", (side, side + 2 * MARGIN), "white")
    picture.paste(digit, (MARGIN, MARGIN))
    pen, height, reach = ImageDraw.Draw(picture), side + MARGIN // 2, digit.width
    pen.line((MARGIN, height, MARGIN + reach, height), fill="#999999", width=4)
    pen.line((MARGIN, height, MARGIN + share * reach, height), fill=BLUE, width=4)
    center = MARGIN + share * reach
    pen.ellipse((center - 10, height - 10, center + 10, height + 10), fill=BLUE)
    return picture


if __name__ == "__main__":
    with torch.inference_mode():
        first, *others = draw()
    first.save(PICTURE, save_all=True, append_images=others, duration=40, loop=0, quality=70)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1000:.0f} kB")
