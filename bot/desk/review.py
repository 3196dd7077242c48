"""The review page: reviewers say what misunderstood messages mean, in groups, undo it, and settle disagreements."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.articles.examples import ExampleError
from bot.articles.issues import load_issues
from bot.articles.model import ArticleError
from bot.articles.parts import ArticleNotFound
from bot.articles.replies import Replies
from bot.desk.desk import Desk, Refused, agent_of, back, field
from bot.phrases.cases import add_case, case_of
from bot.phrases.groups import grouped
from bot.phrases.model import DISPUTED, NEW, ReviewError
from bot.tickets.model import now

LATELY = 15


def review_page(desk: Desk, request: Request, problem: str = "") -> Response:
    """Shows what waits for review; who sees it stands in the audit log.

    Args:
        desk: its stores.
        request: its query's `language` leaves out other languages.
        problem: why a decision could not be taken; empty if none was.
    """
    desk.note(request, "see review")
    found = desk.review.candidates()
    language = request.query_params.get("language", "")
    new = [each for each in found if each.state == NEW]
    groups = grouped([each for each in new if language in ("", each.language)])
    decided = [each for each in found if each.decisions and each.state not in (NEW, DISPUTED)]
    last = {each.candidate_id: each for each in desk.review.last_decision(agent_of(request).name)}
    return desk.show(
        request,
        "review.html",
        status=409 if problem else 200,
        problem=problem,
        language_filter=language,
        waiting_languages=sorted({each.language for each in new}),
        all_groups=groups,
        disputed=[each for each in found if each.state == DISPUTED],
        decided=sorted(decided, key=lambda each: each.decisions[-1].id, reverse=True)[:LATELY],
        case=case if (case := request.query_params.get("case", "")) in Replies().languages() else "",
        last=[(each, last[identity]) for each in found for identity in each.ids if identity in last],
        intents=desk.review.intents({each.language for each in new}),
        covers=_covers(desk, agent_of(request).language) if groups else {},
    )


def _covers(desk: Desk, language: str) -> dict[str, str]:
    """Returns what each issue's article is about, as far as there is one."""
    found = {}
    for issue in load_issues():
        with suppress(ArticleNotFound, ArticleError):
            found[issue] = desk.articles.article(issue, language).description
    return found


def decide(desk: Desk, request: Request) -> Response:
    """Does what a form of the page asks for; what cannot be done is answered by 409 and the reason."""
    form, agent, action = request.state.form, agent_of(request), field(request, "action")
    sent = [name[3:] for name in form if name.startswith("id-")]
    ids = [int(each) for each in sent if each.isascii() and each.isdigit() and len(each) < 10]
    if action not in ("decide", "accept_first", "undo") or (action != "undo" and not ids):
        raise Refused(422)
    try:
        if action == "undo":
            done = desk.review.undo(agent.name)
        elif action == "accept_first":
            first = {each: str(form[f"id-{each}"]) for each in ids}
            action, done = "accept", desk.review.accept_each(first, agent.name, agent.may("admin"))
        elif "reject" in form:
            action, done = "reject", desk.review.reject(ids, agent.name, agent.may("admin"))
        else:
            intent = form.get("intent") or field(request, "other", 80)
            action, done = "accept", desk.review.accept(ids, intent, agent.name, agent.may("admin"))
    except (ReviewError, ExampleError) as error:
        return review_page(desk, request, str(error))
    desk.note(request, f"{action} phrases", ", ".join(str(each.candidate.ids[0]) for each in done)[:200])
    language = request.query_params.get("language", "")
    following = str(form.get("next", ""))
    query = f"?{urlencode({'language': language})}" if language else ""
    fragment = f"#group-{following}" if following.isascii() and following.isdigit() else ""
    return back(f"/review{query}{fragment}")


def keep_as_case(desk: Desk, request: Request, name: str, events: list[dict[str, Any]], language: str) -> Response:
    """Appends a conversation, masked, to the test cases; returns the page that says so.

    Args:
        desk: its stores.
        request: of a reviewer.
        name: of the ticket or the conversation, for the audit log.
        events: of the conversation, oldest first.
        language: the customer's.

    Raises:
        Refused: the agent is no reviewer, or nothing that was understood is kept of the conversation.
    """
    if not agent_of(request).may("reviewer"):
        raise Refused(403)
    case = case_of(events)
    if case is None:
        raise Refused(410)
    try:
        add_case(desk.review.folder, language, case, now().date())
    except ReviewError as error:
        return review_page(desk, request, str(error))
    desk.note(request, "keep conversation as test", name)
    return back(f"/review?{urlencode({'case': language})}")
