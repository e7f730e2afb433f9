"""Why a try of the link check failed, in words for people."""

OUR_FAULT = "Our check did not come to an end; nothing is known about the link yet."


def sentence_for_people(error_type: str, message: str) -> str:
    """Return the guard's own sentence; anything else was not written for people to read."""
    is_from_the_guard = error_type.rpartition(".")[2] in {"Transient", "Permanent"}
    return message if is_from_the_guard else OUR_FAULT
