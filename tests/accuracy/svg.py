# SPDX-License-Identifier: Apache-2.0
"""Line charts as SVG, for docs/accuracy.md: light and dark, no library."""
import math

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 52

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .ideal { stroke: #6e7781; stroke-width: 1.2; stroke-dasharray: 5 4;
           fill: none }
  .band { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .grid { stroke: #373e47 } .ideal { stroke: #9198a1 }
  }
"""
COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989",
           "#1b7c83", "#57606a")


def number(value):
    """Short and the same everywhere."""
    return ("%.2f" % value).rstrip("0").rstrip(".")


class Chart:
    """x on a logarithmic scale of base 10, y on a linear one."""

    def __init__(self, title, x_label, y_label, x_range, y_range):
        self.x_range = [math.log10(x) for x in x_range]
        self.y_range = y_range
        self.body = []
        self.legend = []
        self.text((WIDTH + LEFT) / 2, 20, title, "middle", "title")
        self.text((WIDTH + LEFT) / 2, HEIGHT - 8, x_label, "middle")
        self.body.append(
            '<text transform="translate(16 %s) rotate(-90)" '
            'text-anchor="middle">%s</text>' % (HEIGHT / 2, y_label))

    def text(self, x, y, text, anchor="start", kind=""):
        self.body.append(
            '<text x="%s" y="%s" text-anchor="%s"%s>%s</text>' %
            (number(x), number(y), anchor,
             ' class="%s"' % kind if kind else "", text))

    def x(self, value):
        low, high = self.x_range
        share = (math.log10(value) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        low, high = self.y_range
        value = min(max(value, low), high)
        share = (value - low) / (high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def points(self, pairs):
        return " ".join("%s,%s" % (number(self.x(x)), number(self.y(y)))
                        for x, y in pairs)

    def grid(self, x_ticks, y_ticks):
        """Ticks are (value, text)."""
        for value, text in x_ticks:
            x = number(self.x(value))
            self.body.append(
                '<line class="grid" x1="%s" y1="%d" x2="%s" y2="%d"/>' %
                (x, TOP, x, HEIGHT - BOTTOM))
            self.text(self.x(value), HEIGHT - BOTTOM + 18, text, "middle")
        for value, text in y_ticks:
            y = number(self.y(value))
            self.body.append(
                '<line class="grid" x1="%d" y1="%s" x2="%d" y2="%s"/>' %
                (LEFT, y, WIDTH - RIGHT, y))
            self.text(LEFT - 8, self.y(value) + 4, text, "end")

    def ideal(self, pairs):
        """A dashed line: what theory says."""
        self.body.append('<polyline class="ideal" points="%s"/>' %
                         self.points(pairs))

    def line(self, pairs, colour=0, name=None, width=1.8):
        self.body.append(
            '<polyline fill="none" stroke="%s" stroke-width="%s" '
            'points="%s"/>' % (COLOURS[colour], width, self.points(pairs)))
        if name:
            self.legend.append((COLOURS[colour], name))

    def band(self, lower, upper, colour=0, opacity=0.15):
        self.body.append(
            '<polygon class="band" fill="%s" fill-opacity="%s" points="%s"/>' %
            (COLOURS[colour], opacity,
             self.points(list(lower) + list(reversed(upper)))))

    def write(self, path):
        for i, (colour, name) in enumerate(self.legend):
            x = LEFT + 14 + 84 * i
            self.body.append(
                '<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" '
                'stroke-width="3"/>' % (x, TOP + 12, x + 18, TOP + 12, colour))
            self.text(x + 24, TOP + 16, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                '<svg xmlns="http://www.w3.org/2000/svg" '
                'viewBox="0 0 %d %d">\n<style>%s</style>\n%s\n</svg>\n' %
                (WIDTH, HEIGHT, STYLE, "\n".join(self.body)))
