"""The words: every code has an outcome and a sentence a maker can act on. Pure."""

import dataclasses
import json

import pytest

from submissions.link_check import (
    Code,
    LinkSyntaxError,
    LinkVerdict,
    Outcome,
    explain,
    explain_to_moderators,
)
from submissions.link_check.verdict import (
    ASK_A_PERSON_CODES,
    SENTENCES,
    SENTENCES_FOR_MODERATORS,
    SYNTAX_CODES,
    TRY_AGAIN_CODES,
    LinkFault,
    outcome_of,
)


def verdict(code: Code, *, hops: tuple[str, ...] = (), status: int | None = None) -> LinkVerdict:
    return LinkVerdict(
        outcome=outcome_of(code),
        code=code,
        status=status,
        final_url=None,
        retry_after_seconds=None,
        seconds=0.1,
        hops=hops,
        title=None,
    )


@pytest.mark.parametrize("code", Code)
def test_every_code_has_one_whole_sentence(code: Code) -> None:
    sentence = explain(verdict(code))

    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert len(sentence) <= 140


@pytest.mark.parametrize("code", set(Code) - {Code.OK})
def test_every_refusal_says_what_to_do(code: Code) -> None:
    advice = ("check", "use", "submit", "write", "remove", "copy", "must", "nothing needs")

    assert any(word in SENTENCES[code] for word in advice)


def test_no_two_codes_share_a_sentence_for_moderators() -> None:
    sentences = SENTENCES_FOR_MODERATORS

    assert len(set(sentences.values())) == len(sentences) == len(Code)


def test_a_maker_cannot_tell_a_name_of_our_network_from_one_that_does_not_exist() -> None:
    missing, private = Code.NO_SUCH_HOST, Code.PRIVATE_ADDRESS
    hops = ("https://tool.example.com/", "https://db.tool.example.com/")

    assert explain(verdict(missing)) == explain(verdict(private))
    assert explain(verdict(missing, hops=hops)) == explain(verdict(private, hops=hops))
    assert outcome_of(missing) is outcome_of(private)
    assert len(set(SENTENCES.values())) == len(SENTENCES) - 1 == len(Code) - 1


def test_a_moderator_is_told_what_the_maker_is_but_for_that() -> None:
    differing = {
        code for code in Code if explain(verdict(code)) != explain_to_moderators(verdict(code))
    }

    assert differing == {Code.NO_SUCH_HOST, Code.PRIVATE_ADDRESS}
    assert "does not exist" in explain_to_moderators(verdict(Code.NO_SUCH_HOST))
    assert "not on the public internet" in explain_to_moderators(verdict(Code.PRIVATE_ADDRESS))


def test_only_ok_is_valid_and_no_syntax_is_tried_again() -> None:
    assert [code for code in Code if outcome_of(code) is Outcome.VALID] == [Code.OK]
    assert not SYNTAX_CODES & TRY_AGAIN_CODES
    assert not ASK_A_PERSON_CODES & (TRY_AGAIN_CODES | SYNTAX_CODES)


def test_a_verdict_after_a_redirect_names_where_it_led() -> None:
    hops = ("https://tool.example.com/", "https://www.other.com:8443/x?y=" + "z" * 2_000)

    sentence = explain(verdict(Code.NOT_FOUND, hops=hops, status=404))

    assert sentence.startswith("After a redirect to www.other.com:8443, the site says")
    assert len(sentence) < 200


def test_a_redirect_that_cannot_be_read_is_not_blamed_on_the_makers_own_link() -> None:
    hops = ("https://tool.example.com/",)

    sentence = explain(verdict(Code.SCHEME, hops=hops, status=302))

    assert sentence.startswith("The link redirects to another one, and only web addresses")


@pytest.mark.parametrize("code", Code)
def test_a_verdict_is_json(code: Code) -> None:
    stored = json.loads(json.dumps(dataclasses.asdict(verdict(code))))

    assert stored["code"] == code.value
    assert stored["outcome"] in set(Outcome)


def test_an_error_can_be_rebuilt_from_its_arguments() -> None:
    syntax = LinkSyntaxError(Code.PORT)
    fault = LinkFault(Code.RATE_LIMITED, 3.0)

    assert LinkSyntaxError(*syntax.args).code is Code.PORT
    assert LinkFault(*fault.args).retry_after_seconds == 3.0
    assert str(syntax) == syntax.sentence
