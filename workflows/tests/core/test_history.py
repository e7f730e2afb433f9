"""The kinds of lines: which belong to an operation of the code, and which to the run."""

from workflows.core.history import OPERATION, HistoryKind
from workflows.core.line_fields import FIELDS, NAMES

_ = HistoryKind


def test_lines_about_the_run_and_about_undoing_belong_to_no_operation_of_the_code() -> None:
    assert set(HistoryKind) - set(OPERATION) == {
        _.COMPENSATION_COMPLETED,
        _.COMPENSATION_ATTEMPT_FAILED,
        _.COMPENSATION_STARTED,
        _.RECOVERED,
        _.BLOCKED,
        _.CODE_AWAITED,
        _.WOKEN,
        _.PAUSED,
        _.RESUMED,
        _.RETRIED,
        _.FORKED,
        _.CHILDREN_KEPT,
        _.CANCEL_REQUESTED,
        _.RUN_COMPLETED,
        _.RUN_FAILED,
        _.RUN_CANCELLED,
        _.RUN_COMPENSATED,
        _.CONTINUED,
        _.UNKNOWN,
    }


def test_whatever_is_told_apart_by_several_names_has_them_in_its_lines() -> None:
    named = {kind for kind, what in OPERATION.items() if what in {"wait", "group"}}

    assert named == {kind for kind, fields in FIELDS.items() if NAMES in fields}
