# SPDX-License-Identifier: Apache-2.0
"""What the reports share: figures are lines "name: figure", several of a name
being rounds, whose median counts; a ratio is (name, figure above, figure
below); a row of peers is (of what, unit, {who: name of the figure})."""
from statistics import median


class Figures(dict):
    """The median of each; rounds has them all."""

    def __init__(self, rounds):
        super().__init__({name: median(all) for name, all in rounds.items()})
        self.rounds = rounds


def read(lines):
    rounds = {}
    for line in lines:
        name, figure = line.split(": ")
        rounds.setdefault(name, []).append(float(figure))
    return Figures(rounds)


def ratio(figures, above, below):
    """The median of the rounds' ratios, where both were measured in each: a
    machine that is slower for a while is so for both."""
    pairs = list(zip(figures.rounds.get(above, []),
                     figures.rounds.get(below, [])))
    rounds = len(figures.rounds.get(above, []))
    if rounds > 1 and len(pairs) == rounds == len(figures.rounds[below]):
        return median(a / b for a, b in pairs if b)
    return figures[above] / figures[below]


def ratios(figures, wanted):
    """Yields those whose figures are there: (name, ratio)."""
    for name, above, below in wanted:
        if above in figures and figures.get(below):
            yield name, ratio(figures, above, below)


def print_all(figures):
    for name, figure in figures.items():
        print(f"{name}: {figure:.6g}")


def print_beside_peers(figures, rows, wanted):
    """Rows of peers, then all as they were, the ratios last."""
    for text, unit, whose in rows:
        shown = [f"{who} {figures[name]:,.0f}" for who, name in whose.items()
                 if name in figures]
        if shown:
            print(f"{text} ({unit})\n    " + " · ".join(shown))
    print()
    print_all(figures)
    for name, ratio in ratios(figures, wanted):
        print(f"{name}: {ratio:.3g}")
