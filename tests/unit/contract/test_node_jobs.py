"""What a script in Node has written: of another form, it is refused with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from midday_worker.contract.imported.node_jobs import read_jobs
from midday_worker.errors import ContractError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("{}", "has no jobs"),
        ("[]", "accepted: {"),
        ('{"a": {"payload": {}}}', "a.queue: Field required"),
        ('{"a": {"queue": "q", "payload": {"type": "text"}}}', "the payload of job 'a' is no JSON Schema"),
        ('{"a": {"queue": "q", "payload": {"$ref": "#/$defs/B"}}}', "'#/$defs/B'"),
        (
            '{"a": {"queue": "q", "payload": {}, "result": {"properties": 1}}}',
            "the result of job 'a' is no JSON Schema",
        ),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "node.json"
    file.write_text(text)
    with pytest.raises(ContractError) as error:
        read_jobs(file)
    assert words in str(error.value)
    assert "node.json" in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"Can't read .*gone\.json"):
        read_jobs(tmp_path / "gone.json")
