"""The check, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ISSUES = """issues:
  pay_invoice:
    queue: payments
    priority: normal
    products: [azure, microsoft365]
  spending_limit:
    queue: subscriptions
    priority: normal
    products: [azure]
    passages: [who, how_long]
"""
NAMES = """retired:
  Account Center: the Azure portal
english_portal: [nb]
"""

ARTICLE = """---
title: {title}
description: One line.
language: {language}
intent: {intent}
---
# <a name="{slug}"></a>{title}

We help you with this.

## <a name="{steps}"></a>Steps

Do it in the [portal](https://portal.azure.com).

1. One, under **Payment methods**.
1. Two.
{more}
## <a name="who"></a>Who can do it

The owner.

## <a name="how-long"></a>How long it takes

There is no fixed time.

## <a name="recommended-documents"></a>Documents

- [First](https://learn.microsoft.com/azure/first)
- [Second](https://support.microsoft.com/second)
"""
OFFICE = '\n## <a name="recommended-steps-microsoft-365"></a>Office\n\nDo it.\n\n1. One.\n1. Two.\n'


def bot(*words: str | Path, cwd: Path | None = None, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "articles", *map(str, words)]
    environment = {"PYTHONPATH": str(root), "PATH": "", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        command, cwd=cwd or root, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "issues.yml").write_text(ISSUES, encoding="utf-8")
    (tmp_path / "retired_names.yml").write_text(NAMES, encoding="utf-8")
    for language in ("en", "nb"):
        write(tmp_path, "pay_invoice", language, steps="recommended-steps-azure", more=OFFICE)
        write(tmp_path, "spending_limit", language, steps="recommended-steps", more="")
    return tmp_path / "articles"


def write(data: Path, intent: str, language: str, steps: str, more: str) -> None:
    path = data / "articles" / intent / f"{language}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    slug = intent.replace("_", "-")
    text = ARTICLE.format(title="T", language=language, intent=intent, slug=slug, steps=steps, more=more)
    path.write_text(text, encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_sound_tree_has_no_problem(tree: Path, root: Path) -> None:
    done = bot("check", tree, root=root)
    assert (done.stdout, done.stderr, done.returncode) == ("4 articles read, 0 problems\n", "", 0)


LIMIT = "spending_limit/nb.md"
DOCUMENTS_DIFFER = (26, "the links in 'recommended-documents' differ")
EDITS = [
    (LIMIT, "\n1. Two.", "", [(11, "1 steps in 'recommended-steps'; write 2 to 5"), (11, "the steps in 'recommended")]),
    (
        LIMIT,
        "1. Two.",
        "1. Two.\n" * 6,
        [
            (11, "7 steps in 'recommended-steps'; write 2 to 5"),
            (11, "the steps in 'recommended-steps' are not numbered"),
        ],
    ),
    (LIMIT, "We help you with this.", "", [(7, "no lead;")]),
    (LIMIT, "Do it in", "Do " + "very " * 30 + "well", [(11, "what to do now has 169 letters in")]),
    (
        LIMIT,
        "Do it in the [portal](https://portal.azure.com).",
        "",
        [
            (11, "'recommended-steps' does not begin with what to do now"),
            (11, "the links in 'recommended-steps' differ"),
        ],
    ),
    (LIMIT, "1. Two.\n", "1. Two.\n\nSo much for that.\n", [(11, "text behind the steps of 'recommended-steps'")]),
    (LIMIT, "We help you", "word " * 140, [(11, "the first answer of 'recommended-steps' has")]),
    (
        LIMIT,
        'name="who"',
        'name="owner"',
        [(18, "'owner' begins with no kind of question"), (1, "no passage of the kind who")],
    ),
    (
        LIMIT,
        'name="who"',
        'name="cost"',
        [(1, "a passage of the kind cost, which issues.yml does not list"), (1, "no passage")],
    ),
    (LIMIT, "The owner.", "", [(18, "the passage 'who' is empty")]),
    (LIMIT, "The owner.", "- Azure: the owner.", [(18, "the items of 'who' do not begin with the same products as")]),
    (LIMIT, "The owner.", "See the account center.", [(20, "'Account Center' is retired; write the Azure portal")]),
    (
        LIMIT,
        "- [Second](https://support.microsoft.com/second)\n",
        "",
        [(11, "fewer than 2 documents for 'recommended-steps'"), DOCUMENTS_DIFFER],
    ),
    (LIMIT, "azure/first", "azure/other", [DOCUMENTS_DIFFER]),
    (LIMIT, "[First]", "[]", [(28, "the link to 'https://learn.microsoft.com/azure/first' has no")]),
    (LIMIT, "https://learn", "http://learn", [(28, "address 'http://learn.microsoft.com/azure/first' is")]),
    (LIMIT, "/azure/first", "/nb-no/azure/first", [(28, "locale in the path of")]),
    (LIMIT, "azure/first", "azure/first?ocid=1", [(28, "tracking parameter in")]),
    (LIMIT, "language: nb", "language: sv", [(1, "'language:' in the front matter is 'sv'; write 'nb'")]),
    (LIMIT, "intent: spending", "intent: pending", [(1, "'intent:' in the front matter is")]),
    (LIMIT, 'name="spending-limit"', 'name="limit"', [(7, "the main heading's slug is 'limit'")]),
    (LIMIT, "description: One line.\n", "", [(1, "no 'description:' in the front matter")]),
    (LIMIT, "title: T", "title: a: b", [(2, "broken front matter:")]),
    (
        "pay_invoice/nb.md",
        "**Payment methods**",
        "**Betalingsmåter**",
        [(11, "the Azure portal has no such language: write its label Payment methods in")],
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "expected"), EDITS)
def test_each_broken_promise_is_reported_at_its_place(
    tree: Path, root: Path, name: str, old: str, new: str, expected: list[tuple[int, str]]
) -> None:
    edit(tree / name, old, new)
    done = bot("check", "--json", tree, root=root)
    result = json.loads(done.stdout)
    found = [(problem["line"], problem["message"]) for problem in result["problems"]]
    assert done.returncode == 1
    assert all(problem["path"] == str(tree / name) for problem in result["problems"])
    for line, message in expected:
        assert any(place == line and text.startswith(message) for place, text in found), found
    # A slug that is wrong is missed as well; nothing else is reported.
    assert len(found) <= len(expected) + 1


def test_steps_must_be_numbered(tree: Path, root: Path) -> None:
    edit(tree / "spending_limit" / "en.md", "1. ", "- ")
    done = bot("check", tree, root=root)
    assert "spending_limit/en.md:11: the steps in 'recommended-steps' are not an ordered list" in done.stdout


def test_a_product_of_the_issue_needs_its_steps(tree: Path, root: Path) -> None:
    for language in ("en", "nb"):
        write(tree.parent, "pay_invoice", language, steps="recommended-steps-azure", more="")
        write(tree.parent, "spending_limit", language, steps="recommended-steps-microsoft-365", more="")
    lines = bot("check", tree, root=root).stdout.splitlines()
    assert (
        f"{tree}/pay_invoice/nb.md:11: no steps for the product microsoft365; write the section" in lines[0] + lines[1]
    )
    assert any("steps for microsoft365, for which issues.yml does not list this issue" in line for line in lines)
    assert lines[-1].startswith("4 articles read, ")


def test_a_missing_language_intent_and_row_are_reported(tree: Path, root: Path) -> None:
    (tree / "pay_invoice" / "nb.md").unlink()
    for path in (tree / "spending_limit").iterdir():
        path.unlink()
    write(tree.parent, "not_listed", "nb", steps="recommended-steps", more="")
    done = bot("check", tree, root=root)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{tree}/not_listed:1: article for the unknown issue not_listed; add it to issues.yml",
        f"{tree}/not_listed/en.md:1: missing language; write the article",
        f"{tree}/pay_invoice/nb.md:1: missing language; write the article",
        f"{tree}/spending_limit:1: issue spending_limit has no article; write one",
        "2 articles read, 4 problems",
    ]


def test_links_may_differ_for_a_reason(tree: Path, root: Path) -> None:
    edit(tree / "spending_limit" / "nb.md", "azure/first", "azure/other")
    edit(tree / "spending_limit" / "nb.md", "language: nb", "language: nb\nlinks-differ: no English page")
    assert bot("check", tree, root=root).returncode == 0


def test_a_host_that_is_not_allowed_is_reported(tree: Path, root: Path) -> None:
    for language in ("en", "nb"):
        edit(tree / "spending_limit" / f"{language}.md", "support.microsoft.com", "example.org")
    done = bot("check", tree, root=root)
    assert done.stdout.count("host example.org of 'https://example.org/second' is not on the list") == 2


def test_a_broken_issue_table_is_one_problem(tree: Path, root: Path) -> None:
    (tree.parent / "issues.yml").write_text("issues: [", encoding="utf-8")
    done = bot("check", tree, root=root)
    assert done.returncode == 1
    assert f"{tree.parent}/issues.yml:2: not valid YAML" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("queue: payments", "queue: nobody", "issue pay_invoice: field queue: unexpected value"),
        (ISSUES, "issues:\n  pay_invoice: [payments]\n", "issue pay_invoice: value is not a valid dict"),
        ("queue: payments", "queues: payments", "issue pay_invoice: field queue: field required"),
        (ISSUES, "issues: [pay_invoice]", "expected a mapping `issues:`"),
        (ISSUES, "- issues", "expected a mapping `issues:`"),
    ],
)
def test_a_wrong_row_of_the_issue_table_is_named(tree: Path, root: Path, old: str, new: str, told: str) -> None:
    edit(tree.parent / "issues.yml", old, new)
    done = bot("check", tree, root=root)
    assert done.returncode == 1
    assert f"{tree.parent}/issues.yml:1: {told}" in done.stdout


def test_the_tree_is_found_from_inside_and_from_above(tree: Path, root: Path) -> None:
    (tree / "pay_invoice" / "nb.md").unlink()
    for place, path in ((tree, "."), (tree.parent, "."), (tree.parent.parent, tree.parent.name)):
        done = bot("check", path, cwd=place, root=root)
        assert "pay_invoice/nb.md:1: missing language" in done.stdout
        assert done.stdout.endswith("3 articles read, 1 problems\n")


def test_the_check_goes_on_past_broken_files(tmp_path: Path, root: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"# \xff\n")
    (tmp_path / "b.txt").write_text("", encoding="utf-8")
    (tmp_path / "c.md").write_text("---\nlanguage: en\ntitle: a: b\n---\nx\n", encoding="utf-8")
    (tmp_path / "sv.md").write_text("# T\n\nfine, but [](https://a.org)\n", encoding="utf-8")
    (tmp_path / "LICENSE").write_text("no article", encoding="utf-8")
    done = bot("check", tmp_path, root=root)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.removeprefix(f"{tmp_path}/").split("; ")[0] for line in lines] == [
        "a.md:1: not UTF-8 (byte 2)",
        "b.txt:1: the file is empty",
        "c.md:3: broken front matter: mapping values are not allowed in this context",
        "sv.md:3: the link to 'https://a.org' has no label",
        "2 articles read, 4 problems",
    ]


def test_many_files_are_read_as_few_are(tmp_path: Path, root: Path) -> None:
    for number in range(250):
        text = "# T\n\n[](https://a.org)\n" if number == 200 else "# T\n\nx\n"
        (tmp_path / f"{number:03}").mkdir()
        (tmp_path / f"{number:03}" / "en.md").write_text(text, encoding="utf-8")
    done = bot("check", tmp_path, root=root)
    assert done.stdout.splitlines()[0].startswith(f"{tmp_path}/200/en.md:3: ")
    assert done.stdout.splitlines()[1:] == ["250 articles read, 1 problems"]


def test_where_there_is_no_article_one_sentence_says_so(tmp_path: Path, root: Path) -> None:
    done = bot("check", tmp_path, root=root)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"no article (.md or .txt) was found in {tmp_path}\n"


def test_a_path_that_does_not_exist_is_named(tmp_path: Path, tree: Path, root: Path) -> None:
    done = bot("check", tree, tmp_path / "none", root=root)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{tmp_path}/none does not exist")
    assert done.stderr.count("\n") == 1


def test_a_file_named_twice_counts_once(tree: Path, root: Path) -> None:
    path = tree / "pay_invoice" / "en.md"
    assert bot("check", path, path, root=root).stdout == "1 articles read, 0 problems\n"


HEAVY = ("rasa", "spacy", "lingua", "tensorflow", "sklearn", "numpy")


def test_the_check_loads_none_of_the_heavy_packages(tree: Path, root: Path) -> None:
    program = (
        "import sys; from bot.cli import main; "
        f"code = main(['articles', 'check', {str(tree)!r}]); "
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
