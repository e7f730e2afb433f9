"""The guard is on while a workflow's own code runs, in its thread, and lifted inside verbs."""

import threading

import pytest

from workflows.core.errors import DefinitionError
from workflows.definitions.workflow_guard import guarding, is_on, lifted, lifts_guard, refuse


class Ended(BaseException):
    pass


def remember(why: DefinitionError) -> BaseException:
    return why


def act() -> None:
    refuse("acts", "do not")


@lifted
def verb() -> bool:
    act()
    return is_on()


@lifted
def mistaken() -> None:
    raise DefinitionError("wrong")


def test_outside_workflow_code_nothing_is_refused() -> None:
    act()

    assert not is_on()
    assert verb() is False


def test_workflow_code_may_not_act() -> None:
    with (
        guarding(remember),
        pytest.raises(DefinitionError, match=r"workflow code acts, which .*; do not"),
    ):
        act()

    assert not is_on()


def test_a_verb_lifts_the_guard_and_puts_it_back() -> None:
    with guarding(remember):
        assert verb() is False
        assert is_on()


def test_code_that_is_called_inside_a_verb_is_guarded_itself() -> None:
    @lifted
    def drives_another() -> bool:
        with guarding(remember):
            return is_on()

    with guarding(remember):
        assert drives_another() is True
        assert is_on()


def test_other_threads_are_not_guarded() -> None:
    seen: list[bool] = []
    with guarding(remember):
        thread = threading.Thread(target=lambda: seen.append(is_on()))
        thread.start()
        thread.join()

    assert seen == [False]


def test_a_mistake_told_by_a_verb_is_remembered() -> None:
    told: list[DefinitionError] = []

    def note(why: DefinitionError) -> BaseException:
        told.append(why)
        return why

    with guarding(note), pytest.raises(DefinitionError, match="wrong"):
        mistaken()

    assert [str(each) for each in told] == ["wrong"]


def test_what_ends_the_drive_already_goes_before() -> None:
    with guarding(lambda why: Ended()), pytest.raises(Ended):
        mistaken()


def test_methods_and_properties_of_a_class_of_verbs_lift_it() -> None:
    class Above:
        def inherited(self) -> bool:
            return is_on()

    @lifts_guard
    class Verbs(Above):
        kept = False

        def _own(self) -> bool:
            return is_on()

        def own(self) -> bool:
            return self._own()

        @property
        def read(self) -> bool:
            return is_on()

        @read.setter
        def read(self, value: bool) -> None:
            self.kept = is_on()

    verbs = Verbs()
    with guarding(remember):
        verbs.read = True
        assert (verbs.own(), verbs.inherited(), verbs.read, verbs.kept) == (False,) * 4
        assert verbs._own() is True
        assert Above().inherited() is True
