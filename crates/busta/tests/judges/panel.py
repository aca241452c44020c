"""Several judges of one thing."""


def ask(judges, verdict_of):
    """Prints a line for each of `judges`: what `verdict_of` it says is wrong, or that it agrees. Gives how many do not."""
    bad = 0
    for judge in judges:
        try:
            verdict = verdict_of(judge)
        except BaseException as error:  # A judge that cannot read the folder has judged it.
            verdict = f"{type(error).__name__}: {error}"
        bad += verdict is not None
        print(f"{judge.__name__[5:]}: {verdict or 'agrees'}")
    return bad
