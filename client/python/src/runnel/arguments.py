# SPDX-License-Identifier: Apache-2.0
"""What callers give: a TypeError or ValueError names the argument. Limits that
only the core knows are left to it."""
import math
import numbers
import operator

KEY_BYTES_MAX = 256
FLOAT32_MAX = (2 - 2 ** -23) * 2.0 ** 127
TIME_MS_MAX = 2 ** 63 - 1


def wrong(name, what, value):
    """The TypeError of a value that is not what it must be."""
    return TypeError("%s must be %s, not %s"
                     % (name, what, type(value).__name__))


def text(name, value):
    if not isinstance(value, str):
        raise wrong(name, "str", value)
    return value


def short(name, value, len_max):
    """A str of 1 to so many bytes."""
    try:
        size = len(text(name, value).encode())
    except UnicodeEncodeError:
        raise ValueError("%s must be UTF-8: %.40r" % (name, value)) from None
    if not 1 <= size <= len_max:
        raise ValueError("%s must have 1 to %d bytes: %.40r"
                         % (name, len_max, value))
    return value


def key(name, value):
    return short(name, value, KEY_BYTES_MAX)


def real(name, value):
    """A finite number, as a float."""
    if not isinstance(value, (float, int, numbers.Real)):
        raise wrong(name, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not -math.inf < number < math.inf:
        raise ValueError("%s must be finite: %.40r" % (name, value))
    return number


def latency(name, value):
    number = real(name, value)
    if not 0 <= number <= FLOAT32_MAX:
        raise ValueError("%s must be finite and not negative: %r"
                         % (name, value))
    return number


def whole(name, value, low, high):
    try:
        number = operator.index(value)
    except TypeError:
        raise wrong(name, "int", value) from None
    if not low <= number <= high:
        raise ValueError("%s must be %d to %d: %.40r"
                         % (name, low, high, value))
    return number


def time_ms(name, value):
    return whole(name, value, 0, TIME_MS_MAX)


def seconds(name, value):
    """How long something may take: up to a day."""
    number = real(name, value)
    if not 0 < number <= 86400:
        raise ValueError("%s must be above 0 and at most 86400: %r"
                         % (name, value))
    return number


def several(name, values):
    """A list of them. The characters of a str, the bytes of bytes and the keys of
    a dict are never meant."""
    if isinstance(values, (str, bytes, bytearray, dict)):
        raise wrong(name, "a list", values)
    try:
        return list(values)
    except TypeError:
        raise wrong(name, "a list", values) from None


def each(name, values, check):
    return [check(name, value) for value in several(name, values)]


def column(name, values, check):
    """As each; None is an empty one."""
    return [] if values is None else each(name, values, check)


def member(name, value, enum, prefix):
    """The number of a name in an enum of the schema, without its prefix."""
    number = dict(enum.items()).get(prefix + text(name, value).upper(), 0)
    if number == 0:
        known = [label[len(prefix):].lower() for label, of in enum.items() if of]
        raise ValueError("%s must be one of %s: %.40r"
                         % (name, ", ".join(known), value))
    return number


def message(kind, /, **fields):
    """A message of the schema. None is as if a field was not given."""
    made = kind()
    for name, value in fields.items():
        try:
            made.MergeFrom(kind(**{name: value}))
        except TypeError as error:
            raise TypeError("%s: %s" % (name, error)) from None
        except (AttributeError, ValueError) as error:
            raise ValueError("%s: %s" % (name, error)) from None
    return made
