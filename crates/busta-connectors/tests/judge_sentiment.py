"""What the reference implementation of VADER says of texts that busta has scored.

    judge_sentiment.py SCORED

Reads lines of JSON {"text": ..., "s_compound": ..., "s_pos": ..., "s_neu": ..., "s_neg": ...}, and compares each with
what PyPI's vaderSentiment says, to the last digit. Exits with 1 if any differs, and names the first ten.
With --examples it prints instead the texts that the package itself uses as its examples, one JSON text a line.
"""

import ast
import inspect
import json
import sys

from vaderSentiment import vaderSentiment as vader


def compensated(values, start=0):
    """sum() as of Python 3.12, which the scores are defined by: Neumaier's, once there is a float."""
    total, lost, floats = start, 0.0, False
    for value in values:
        if not floats and isinstance(value, int):
            total += value
            continue
        if not floats:
            total, floats = float(total) + value, True
            continue
        added = total + value
        lost += (total - added) + value if abs(total) >= abs(value) else (value - added) + total
        total = added
    return total + lost if floats else total


def examples():
    """The lists of sentences below `if __name__ == '__main__'` of the package's own module."""
    lists = [node for node in ast.walk(ast.parse(inspect.getsource(vader))) if isinstance(node, ast.List)]
    texts = [item.value for node in lists for item in node.elts if isinstance(item, ast.Constant)]
    return [text for text in texts if isinstance(text, str)]


def main():
    if sys.argv[1] == "--examples":
        for text in examples():
            print(json.dumps(text))
        return
    if sys.version_info < (3, 12):
        vader.sum = compensated
    analyzer = vader.SentimentIntensityAnalyzer()
    compared = different = 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            scored = json.loads(line)
            expected = analyzer.polarity_scores(scored["text"])
            got = {name: scored[f"s_{name}"] for name in expected}
            compared += 1
            if got != expected:
                different += 1
                if different <= 10:
                    print(f"{scored['text']!r}: {got}, expected {expected}")
    print(f"{compared} texts compared, {different} differ")
    sys.exit(different != 0 or compared == 0)


main()
