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
    if details is None and run.step(steps.expire, submission_id) == Status.CANCELLED:
        return tell(run, submission_id, Status.CANCELLED)
    # Sent in the last instant: the row is in review, so the event lies here already.
    details = details or run.wait_event("details")
    # Runs that were past this place before such a rule go on without it.
    asks_a_person = run.patched("ask-a-person")
    run.set_status("Checking the link")
    report = checked(run, details["link"], submission_id)
    status = run.step(steps.settle, submission_id, report, asks_a_person)
    if status == Status.IN_REVIEW:
        run.set_status("Waiting for a moderator")
        status = run.wait_event("decision")["status"]
    return tell(run, submission_id, status)


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


@workflow("submissions.offer_letter", version=1)
def offer_letter(run: Context, submission_id: UUID) -> None:
    """Tell somebody who waited that a slot is theirs; its own run waits for the details."""
    run.step(steps.mail_offer, submission_id, run.idempotency_key)
