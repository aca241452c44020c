"""Spans of time of equal length: how users of STAC split a search by hand."""

from datetime import UTC, datetime, timedelta


def chunks(span, count):
    """Cuts `from/to` into parts that share no millisecond, as strings that STAC APIs take."""
    first, last = (datetime.fromisoformat(text) for text in span.split("/"))
    step = (last - first) / count
    starts = [first + step * n for n in range(count)]
    ends = [start - timedelta(milliseconds=1) for start in starts[1:]] + [last]
    return [f"{text(start)}/{text(end)}" for start, end in zip(starts, ends, strict=True)]


def text(time):
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
