"""Numbers as pixels, so that a scene can write them into its pictures."""

import torch

HEIGHT, WIDTH = 5, 7  # of two digits
# Each digit in five rows of three pixels, a row as the three bits of a number.
DIGITS = ["75557", "26227", "71747", "71717", "55711", "74717", "74757", "71222", "75757", "75717"]


def digit(number):
    """Return one digit, bool (5, 3)."""
    rows = [[int(row) >> bit & 1 for bit in (2, 1, 0)] for row in DIGITS[number]]
    return torch.tensor(rows, dtype=torch.bool, device="cpu")


def numbers():
    """Return the numbers from 0 to 99, bool (100, 5, 7), those below 10 in the middle."""
    glyphs = torch.zeros(100, HEIGHT, WIDTH, dtype=torch.bool, device="cpu")
    for number in range(100):
        tens, ones = divmod(number, 10)
        if tens:
            glyphs[number, :, :3], glyphs[number, :, 4:] = digit(tens), digit(ones)
        else:
            glyphs[number, :, 2:5] = digit(ones)
    return glyphs
