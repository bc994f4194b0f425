# SPDX-License-Identifier: Apache-2.0
"""What the reports share: figures are lines "name: figure"; a ratio is (name,
figure above, figure below); a row of peers is (of what, unit, {who: name of the
figure})."""


def read(lines):
    figures = {}
    for line in lines:
        name, figure = line.split(": ")
        figures[name] = float(figure)
    return figures


def ratios(figures, wanted):
    """Yields those whose figures are there: (name, ratio)."""
    for name, above, below in wanted:
        if above in figures and figures.get(below):
            yield name, figures[above] / figures[below]


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
