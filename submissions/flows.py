"""The story of a submission, from the reserved slot to the letter.

Code here is replayed: it sees its inputs and what `run` returns, nothing else. The row decides
who won; the workflow waits, asks and tells.
"""

from uuid import UUID

from submissions import steps, upkeep
from submissions.causes import sentence_for_people
from submissions.states import Status
from workflows.api import Context, StepFailed, workflow


# Elsewhere it is reservation_seconds; here the name is kept in every open run's input, and another
# would be another version.
@workflow("submissions.tool_submission", version=1)
def tool_submission(run: Context, submission_id: UUID, window_seconds: float) -> str:
    run.set_status("Waiting for the details")
    details = run.wait_event("details", timeout_seconds=window_seconds)
    status = None if details else run.step(steps.expire, submission_id)
    # Only a moderator's extension leaves it reserved. Older code gives a run with this patch back.
    if status == Status.PENDING and run.patched("extend"):
        details = run.wait_event("details", timeout_seconds=window_seconds)
        status = None if details else run.step(steps.expire, submission_id, True)
    if status == Status.CANCELLED:
        return tell(run, submission_id, Status.CANCELLED)
    # Sent in the last instant: the row is in review, so the event lies here already.
    details = details or run.wait_event("details")
    # Runs that were past this place before such a rule go on without it.
    asks_a_person = run.patched("ask-a-person")
    run.set_status("Checking the link")
    report = checked(run, details["link"], submission_id)
    has_failed = not (report.valid or report.given_up)
    if has_failed and run.patched("appeal"):
        status = settled_or_asked(run, submission_id, report, asks_a_person)
    else:
        status = run.step(steps.settle, submission_id, report, asks_a_person)
    if status == Status.IN_REVIEW:
        run.set_status("Waiting for a moderator")
        status = run.wait_event("decision")["status"]
    return tell(run, submission_id, status)


def settled_or_asked(
    run: Context, submission_id: UUID, report: steps.LinkReport, asks_a_person: bool
) -> str:
    """Act on a failed check. Where the maker may ask a moderator, that holds the slot for so long;
    returns the status after that."""
    status = run.step(steps.settle_failed, submission_id, report, asks_a_person)
    seconds = run.step(steps.appeal_seconds, submission_id) if status == Status.IN_REVIEW else None
    if seconds is None:
        return status
    run.set_status("Waiting for the maker")
    run.step(steps.mail_appeal, submission_id, run.idempotency_key)
    decision = run.wait_event("decision", timeout_seconds=seconds)
    if decision is not None:
        return str(decision["status"])
    return run.step(steps.close_appeal, submission_id)


def checked(run: Context, link: str, submission_id: UUID) -> steps.LinkReport:
    try:
        return run.step(steps.check_link, link, submission_id)
    except StepFailed as failed:
        why = sentence_for_people(failed.error_type, failed.message)
        sentence = f"{why} We tried {failed.attempts} times."
        return steps.LinkReport(valid=False, reachable=False, sentence=sentence)


def tell(run: Context, submission_id: UUID, status: str) -> str:
    # Runs that were past this place before such a rule go on without it.
    watches = status == Status.APPROVED and run.patched("watch-link")
    run.set_status(Status(status).label)
    run.step(steps.mail_result, submission_id, status, run.idempotency_key)
    if watches:
        run.start_child.using(detached=True)(link_watch, submission_id=submission_id)
    return status


@workflow("submissions.result_letter", version=1)
def result_letter(run: Context, submission_id: UUID, status: str) -> None:
    """Tell a result that came when the submission's own run was over."""
    run.step(steps.mail_result, submission_id, status, run.idempotency_key)


@workflow("submissions.link_watch", version=1)
def link_watch(run: Context, submission_id: UUID, failures: int = 0) -> str:
    """Look at a tool's link every week, for as long as it is published. failures: in a row so far."""
    run.sleep(upkeep.SECONDS_BETWEEN_LOOKS)
    look = looked_at(run, submission_id)
    if not look.published:
        return "no longer published"
    run.step(upkeep.note_look, submission_id, look.note)
    failures = 0 if look.works else failures + 1
    if failures == upkeep.FAILURES_TO_TELL:
        run.step(upkeep.mail_broken_link, submission_id, look.sentence, run.idempotency_key)
        run.step(upkeep.mail_moderators, submission_id, look.note, run.idempotency_key)
    return run.continue_as_new(submission_id=submission_id, failures=failures)


def looked_at(run: Context, submission_id: UUID) -> upkeep.Look:
    try:
        return run.step(upkeep.look_again, submission_id)
    except StepFailed as failed:
        sentence = sentence_for_people(failed.error_type, failed.message)
        return upkeep.Look(works=False, sentence=sentence, note=sentence)


@workflow("submissions.link_recheck", version=1)
def link_recheck(run: Context, submission_id: UUID) -> str:
    """Look at a link now, because a moderator asked, and note what was found."""
    try:
        note = run.step(upkeep.look_now, submission_id)
    except StepFailed as failed:
        note = sentence_for_people(failed.error_type, failed.message)
    run.step(upkeep.note_look_now, submission_id, note)
    return note


@workflow("submissions.offer_letter", version=1)
def offer_letter(run: Context, submission_id: UUID) -> None:
    """Tell somebody who waited that a slot is theirs; its own run waits for the details."""
    run.step(steps.mail_offer, submission_id, run.idempotency_key)
