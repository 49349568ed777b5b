"""A plan's way into force: submitted, reviewed, filed, published; or sent back, or brought onto newer grids."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.gate import actor_of
from api.heavy import HeavyWork
from api.plan_json import plan_json, published_json
from api.problems import language_of
from api.refusals import told
from api.routes.plans import Id, plan_answer
from api.schemas_plans import FileIn, PlanOut, PublishedOut, PublishIn, RebasedOut, ReturnIn, ReviewIn, SubmitIn
from api.versions import Expected
from api.wire import StrictRoute
from geo.authority import Actor
from geo.bootstrap import Services
from geo.services import filing, plans
from geo.services.coding import CodePolicy
from geo.services.publish import publish_plan

__all__ = ["plan_states_router"]

Who = Annotated[Actor, Depends(actor_of)]


def plan_states_router(services: Services, *, heavy: HeavyWork) -> APIRouter:
    """Return the operations that move a plan from one state to the next."""
    router = APIRouter(tags=["plans"], route_class=StrictRoute)
    _add_steps(router, services)
    _add_into_force(router, services, heavy)
    return router


def _add_steps(router: APIRouter, services: Services) -> None:
    store, now = services.store, services.now

    @router.post("/plans/{id}/submit", response_model=PlanOut, summary="Submit 上报")
    def submit(actor: Who, id: Id, expected: Expected, sent: SubmitIn) -> Response:  # noqa: A002
        plan = filing.submit_plan(store, actor, id, expected_version=expected, town=sent.town, now=now)
        return plan_answer(plan_json(plan), plan)

    @router.post("/plans/{id}/review", response_model=PlanOut, summary="Record the review 审核")
    def review(actor: Who, id: Id, expected: Expected, sent: ReviewIn) -> Response:  # noqa: A002
        settings, facts = services.settings, sent.model_dump()
        plan = filing.review_plan(store, actor, id, expected_version=expected, settings=settings, now=now, **facts)
        return plan_answer(plan_json(plan), plan)

    @router.post("/plans/{id}/return", response_model=PlanOut, summary="Send back for changes 退回修改")
    def send_back(actor: Who, id: Id, expected: Expected, sent: ReturnIn) -> Response:  # noqa: A002
        plan = filing.return_plan(store, actor, id, expected_version=expected, reason=sent.reason, now=now)
        return plan_answer(plan_json(plan), plan)

    @router.post("/plans/{id}/file", response_model=PlanOut, summary="Record the filing 备案")
    def file(actor: Who, id: Id, expected: Expected, sent: FileIn) -> Response:  # noqa: A002
        plan = filing.file_plan(store, actor, id, expected_version=expected, now=now, **sent.model_dump())
        return plan_answer(plan_json(plan), plan)


def _add_into_force(router: APIRouter, services: Services, heavy: HeavyWork) -> None:
    store, now = services.store, services.now

    @router.post("/plans/{id}/rebase", response_model=RebasedOut, summary="Bring onto the grids in force 更新基准")
    def rebase(request: Request, actor: Who, id: Id, expected: Expected) -> Response:  # noqa: A002
        done = plans.rebase_plan(store, actor, id, expected_version=expected, now=now)
        language = language_of(request.scope["headers"])
        dropped = [{"edit": dict(d.edit), "reason": told(d.reason, language)} for d in done.dropped]
        return plan_answer({**plan_json(done.plan), "dropped": dropped}, done.plan)

    @router.post("/plans/{id}/publish", response_model=PublishedOut, summary="Put into force 生效")
    async def publish(actor: Who, id: Id, expected: Expected, sent: PublishIn) -> Response:  # noqa: A002
        done = await heavy.do(
            lambda: publish_plan(
                store,
                actor,
                id,
                effective_from=sent.effective_from,
                now=now,
                new_id=services.new_id,
                filing_no=sent.filing_no,
                policy=CodePolicy(sent.policy),
                expected_version=expected,
            )
        )
        services.lookup.forget()
        return plan_answer(published_json(done), done.plan)
