"""Steps and workflows that the tests of the typed forms call."""

from workflows.api import Context, Permanent, step, workflow


@step
def double(number: int) -> int:
    if number < 0:
        raise Permanent("too small")
    return 2 * number


@step
def name_of(number: int, *, loud: bool = False) -> str:
    return f"number {number}{'!' if loud else ''}"


@workflow("forms.doubled")
def doubled(run: Context, number: int, seconds: float = 0) -> int:
    run.sleep(seconds)
    return run.step(double, number)


@workflow("forms.keywords")
def keywords(run: Context, *, number: int) -> int:
    return number
