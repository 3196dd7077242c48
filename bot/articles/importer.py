"""Rasa's training data importer: adds what articles, issue table and replies say to training data, rules and domain.

Named under `importers:` in `config.yml`. It is not imported by the package's `__init__`, because the action server
must start without rasa.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import rasa.shared.utils.common
from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers import utils
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.examples import Example, ExampleError, read_examples
from bot.articles.issues import Issue, load_issues, source_names
from bot.articles.readers import read_title
from bot.articles.replies import FALLBACK_LANGUAGE, Replies
from bot.articles.trees import read_tree, texts, tree_language

# Replies that rules use by themselves; those that actions use are read by the actions.
RULE_REPLIES = ("utter_greet", "utter_goodbye", "utter_bot_challenge", "utter_contact_person", "utter_answer_failed")


class ArticleImporter(RasaFileImporter):
    """Reads Rasa's own files and adds what the articles, the issue table and the replies contain.

    Args:
        config_file: path of `config.yml`.
        domain_path: path of `domain.yml`.
        training_data_paths: files or folders of training data.
        data_dir: folder of issues, articles and replies, relative to the configuration file.
        trees: folders of imported article trees (one locale each, such as `it-IT`) of languages without phrases. The
            titles of the source articles are added as examples of the intent they treat, and what the articles say
            as texts without an intent, from which the language is learned.
    """

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: list[str] | str | None = None,
        data_dir: str = "data",
        trees: list[str] | None = None,
    ) -> None:
        super().__init__(config_file, domain_path, training_data_paths)
        base = Path(config_file).parent if config_file else Path.cwd()
        self._data_dir = (base / data_dir).resolve()
        self._trees = [(base / tree).resolve() for tree in trees or []]

    @property
    def _issues(self) -> dict[str, Issue]:
        return load_issues(self._data_dir / "issues.yml")

    @rasa.shared.utils.common.cached_method
    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """Returns the phrases, what other NLU files hold, and examples made of titles and slugs.

        Files of phrases alone are read by `bot.articles.examples`: Rasa's reader checks each against a schema, which
        takes twenty times as long, three times per training.
        """
        # Rasa copies the phrases ten times; garbage collection among them takes half a minute.
        gc.set_threshold(100_000, 50, 1_000)
        phrases: list[Message] = []
        others: list[str] = []
        for path in self._nlu_files:
            try:
                examples = read_examples(Path(path))
            except ExampleError:
                examples = []
            if not examples or any("](" in example.text for example in examples):
                others.append(path)  # lookup tables, synonyms, annotated entities: Rasa's own business
            else:
                phrases += map(_example, examples)
        phrases += [*self._title_examples(), *self._tree_examples()]
        data = TrainingData(phrases)
        return utils.training_data_from_paths(others, language or "en").merge(data) if others else data

    @rasa.shared.utils.common.cached_method
    def get_domain(self) -> Domain:
        """Returns Rasa's domain, the issue intents and the replies that rules use, by language."""
        added = {"intents": list(self._issues), "responses": self._responses()}
        return super().get_domain().merge(Domain.from_dict(added))

    @rasa.shared.utils.common.cached_method
    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        """Returns Rasa's rules and one for each issue intent."""
        answer = [{"action": "action_recommended_steps"}, {"action": "utter_answer_failed"}]
        rules = [{"rule": f"answer {intent}", "steps": [{"intent": intent}, *answer]} for intent in self._issues]
        reader = YAMLStoryReader(source_name=str(self._data_dir / "issues.yml"))
        steps = reader.read_from_parsed_yaml({"version": "3.1", "rules": rules})
        return super().get_stories(exclusion_percentage).merge(StoryGraph(steps))

    def _responses(self) -> dict[str, list[dict[str, Any]]]:
        replies = Replies(self._data_dir / "replies")
        shipped = replies.languages()
        understood = [language for tree in self._trees if (language := tree_language(tree)) not in shipped]
        responses: dict[str, list[dict[str, Any]]] = {}
        for key in RULE_REPLIES:
            own = [code for code in shipped if code != FALLBACK_LANGUAGE and key in replies.keys("replies", code)]
            variants = [_reply(replies.text(key, language), language=language) for language in own]
            # Who writes in a language without replies is answered in a second one, and told so in the greeting.
            for written, answered in product(understood, shipped):
                text = replies.text(key, answered)
                if key == "utter_greet":
                    text = f"{text} {replies.language_notice(written, answered)}"
                variants.append(_reply(text, language=written, fallback_language=answered))
            responses[key] = [*variants, {"text": replies.text(key, FALLBACK_LANGUAGE)}]
        return responses

    def _title_examples(self) -> Iterator[Message]:
        for intent, issue in self._issues.items():
            for path in sorted((self._data_dir / "articles" / intent).glob("??.md")):
                yield _phrase(read_title(path), intent, language=path.stem, origin="title")
            for slug in issue.sources:
                yield _phrase(slug.replace("-", " "), intent, language=FALLBACK_LANGUAGE, origin="slug")

    def _tree_examples(self) -> Iterator[Message]:
        """Yields titles with the intent that they treat, and texts of the languages that have no phrases."""
        for tree in self._trees:
            language, articles = tree_language(tree), read_tree(tree, source_names(self._issues))
            titles = [(Path(article.path).stem, article.title) for article in articles]
            for intent, issue in self._issues.items():
                for title in dict.fromkeys(title for slug in issue.sources for name, title in titles if name == slug):
                    yield _phrase(title, intent, language=language, origin="tree")
            for text in dict.fromkeys(text for article in articles for text in texts(article) if text):
                yield Message({"text": text, "metadata": {"intent": {"language": language}}})


def _reply(text: str, **slots: str) -> dict[str, Any]:
    """Returns a reply on the condition that slots have values."""
    return {"text": text, "condition": [{"type": "slot", "name": name, "value": slots[name]} for name in slots]}


def _example(example: Example) -> Phrase:
    names = ("language", "about_products", "product", "passage", "implies")
    declared = {name: getattr(example, name) for name in names}
    return _phrase(example.text, example.intent, **declared, style="real" if example.real_style else None)


class Phrase(Message):
    """A training example that Rasa can merge quickly.

    Rasa merges training data several times per training, and each time copies every example deeply and hashes it as a
    nested container, which took a minute. What a phrase says is not changed by that, and its text is enough of a hash.
    """

    _cached_fingerprint: str | None

    def fingerprint(self) -> str:
        """Returns the hash of what the phrase says; of everything, once a component has added something."""
        if (
            self._cached_fingerprint is None
            and not self.features
            and self.data.keys() == {"text", "intent", "metadata"}
        ):
            declared = map(str, self.data["metadata"]["intent"].items())
            content = "\0".join([self.data["text"], self.data["intent"], *declared])
            self._cached_fingerprint = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
        return str(super().fingerprint())

    def __hash__(self) -> int:
        """Returns the hash of the text."""
        return hash(self.data["text"])

    def __deepcopy__(self, memo: dict[int, Any]) -> Phrase:
        """Returns the phrase itself: Rasa only copies what it merges, before any component has seen it."""
        return self


def _phrase(text: str, intent: str, **declared: object) -> Phrase:
    """Builds a training example with that metadata that has a value."""
    metadata = {"intent": {name: value for name, value in declared.items() if value}}
    return Phrase({"text": text, "intent": intent, "metadata": metadata})
