"""Plans: started, listed, read with their version as ETag, edited against the version that was read."""

# Annotations are evaluated where they stand: they hold limits of the settings.
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.gate import actor_of
from api.heavy import HeavyWork
from api.plan_json import comparison_json, edited_json, plan_grids_json, plan_json, plan_summary
from api.problems import language_of
from api.schemas_plans import (
    BranchIn,
    ComparisonOut,
    EditedOut,
    EditsIn,
    NoteIn,
    PlanGrids,
    PlanIn,
    PlanList,
    PlanOut,
    ProposalOut,
    ProposeIn,
    StepsIn,
)
from api.versions import Expected, etag, is_known
from api.wire import JsonResponse, StrictRoute
from geo.authority import Actor
from geo.bootstrap import Services
from geo.model import Plan
from geo.planning import Weights
from geo.services import plans
from geo.services.propose import MergeRequest, report_of
from geo.services.propose_plan import propose_for_plan
from geo.services.scoreboard import ScoreBoard

__all__ = ["plan_answer", "plans_router"]

Who = Annotated[Actor, Depends(actor_of)]
Id = Annotated[str, Path(max_length=64, pattern=r"^[0-9A-Za-z_.-]+$")]
Version = Annotated[int | None, Query(ge=1, description="a former version")]


_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "The version named by If-None-Match still stands"}}


def plan_answer(body: Any, plan: Plan, *, status: int = 200) -> Response:
    """Return a plan with its version as ETag; a new one with its place."""
    headers = {"ETag": etag(plan.version), "Cache-Control": "private, no-cache"}
    if status == 201:  # noqa: PLR2004 - Created
        headers["Location"] = f"/api/v1/plans/{plan.id}"
    return JsonResponse(body, status_code=status, headers=headers)


def plans_router(services: Services, *, heavy: HeavyWork, board: ScoreBoard) -> APIRouter:
    """Return the operations on plans; `board` keeps drawings and scores between them."""
    router = APIRouter(tags=["plans"], route_class=StrictRoute)
    _add_reading(router, services, board)
    _add_drafting(router, services)
    _add_editing(router, services, board)
    _add_proposing(router, services, heavy)
    return router


def _add_reading(router: APIRouter, services: Services, board: ScoreBoard) -> None:
    store, most = services.store, services.settings.limits.page_rows

    @router.get("/plans", response_model=PlanList, summary="Plans, newest first 方案列表")
    def list_plans(
        actor: Who,
        limit: Annotated[int, Query(ge=1, le=most)] = min(100, most),
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> Response:
        found = plans.list_plans(store, actor)
        page = [plan_summary(p) for p in found[offset : offset + limit]]
        return JsonResponse({"total": len(found), "offset": offset, "plans": page})

    @router.get(
        "/plans/{id}", response_model=PlanOut, responses=_UNCHANGED, summary="One plan with its edits and proof 方案"
    )
    def read_plan(
        actor: Who,
        id: Id,  # noqa: A002
        version: Version = None,
        if_none_match: Annotated[str | None, Header(max_length=100)] = None,
    ) -> Response:
        plan = plans.show_plan(store, actor, id, version=version, board=board.drawings).plan
        if is_known(plan.version, if_none_match):
            return Response(status_code=304, headers={"ETag": etag(plan.version), "Cache-Control": "private, no-cache"})
        return plan_answer(plan_json(plan), plan)

    @router.get("/plans/{id}/grids", response_model=PlanGrids, summary="The grids a plan makes 方案网格")
    def read_grids(
        request: Request,
        actor: Who,
        id: Id,  # noqa: A002
        version: Version = None,
        geometry: Annotated[bool, Query(description="with outlines as GeoJSON")] = False,  # noqa: FBT002
    ) -> Response:
        view = plans.show_plan(store, actor, id, version=version, board=board.drawings)
        language = language_of(request.scope["headers"])
        return plan_answer(plan_grids_json(view, geometry=geometry, language=language), view.plan)

    @router.get("/plans/{id}/compare", response_model=ComparisonOut, summary="Scores and differences 方案比较")
    def compare(
        actor: Who,
        id: Id,  # noqa: A002
        other: Annotated[
            str | None, Query(alias="with", max_length=64, description="another plan; else the grids drawn on")
        ] = None,
    ) -> Response:
        first = board.scores(actor, id)
        if other is None:
            return JsonResponse(comparison_json(first, None, None))
        found = plans.compare_plans(store, actor, id, other, board=board.drawings)
        return JsonResponse(comparison_json(first, board.scores(actor, other), found))


def _add_drafting(router: APIRouter, services: Services) -> None:
    store, new_id = services.store, services.new_id

    @router.post("/plans", response_model=PlanOut, status_code=201, summary="Start a draft 新建方案")
    def start(actor: Who, sent: PlanIn) -> Response:
        plan = plans.start_plan(store, actor, new_id=new_id, title=sent.title, generation_id=sent.generation)
        return plan_answer(plan_json(plan), plan, status=201)

    @router.post("/plans/{id}/branch", response_model=PlanOut, status_code=201, summary="Copy a plan 另存方案")
    def branch(actor: Who, id: Id, sent: BranchIn) -> Response:  # noqa: A002
        plan = plans.branch_plan(store, actor, id, new_id=new_id, title=sent.title)
        return plan_answer(plan_json(plan), plan, status=201)

    @router.post("/plans/{id}/notes", response_model=PlanOut, summary="Remark on or lock a grid 批注与锁定")
    def annotate(actor: Who, id: Id, expected: Expected, sent: NoteIn) -> Response:  # noqa: A002
        plan = plans.annotate_plan(
            store,
            actor,
            id,
            expected_version=expected,
            grid_id=sent.grid,
            now=services.now,
            text=sent.text,
            locked=sent.locked,
        )
        return plan_answer(plan_json(plan), plan)


def _add_editing(router: APIRouter, services: Services, board: ScoreBoard) -> None:
    store, now = services.store, services.now

    @router.post("/plans/{id}/edits", response_model=EditedOut, summary="Append edits 修改方案")
    def edit(actor: Who, id: Id, expected: Expected, sent: EditsIn) -> Response:  # noqa: A002
        done = plans.add_edits(store, actor, id, sent.edits, expected_version=expected, now=now, board=board.drawings)
        return plan_answer(edited_json(done), done.plan)

    @router.post("/plans/{id}/undo", response_model=PlanOut, summary="Take back the last edits 撤销")
    def undo(actor: Who, id: Id, expected: Expected, sent: StepsIn) -> Response:  # noqa: A002
        plan = plans.undo_edits(store, actor, id, expected_version=expected, steps=sent.steps)
        return plan_answer(plan_json(plan), plan)

    @router.post("/plans/{id}/redo", response_model=PlanOut, summary="Put back what was taken back 重做")
    def redo(actor: Who, id: Id, expected: Expected, sent: StepsIn) -> Response:  # noqa: A002
        plan = plans.redo_edits(store, actor, id, expected_version=expected, steps=sent.steps)
        return plan_answer(plan_json(plan), plan)


def _add_proposing(router: APIRouter, services: Services, heavy: HeavyWork) -> None:
    @router.post(
        "/plans/{id}/propose", response_model=ProposalOut, summary="Fill a draft with the best merge 生成合并方案"
    )
    async def propose(actor: Who, id: Id, expected: Expected, sent: ProposeIn) -> Response:  # noqa: A002
        found = await heavy.do(
            lambda: propose_for_plan(
                services.store,
                actor,
                id,
                _request(sent),
                expected_version=expected,
                settings=services.settings,
                new_id=services.new_id,
            )
        )
        plan, *branches = found.plans
        told = {"branches": [plan_summary(b) for b in branches], "report": report_of(found)}
        return plan_answer({"plan": plan_json(plan), **told}, plan)


def _request(sent: ProposeIn) -> MergeRequest:
    facts = sent.model_dump(exclude={"to", "weights", "counts"})
    return MergeRequest(
        groups=_range(sent.to),
        weights=Weights(**sent.weights.model_dump()),
        counts={code: _range(count) for code, count in sent.counts.items()},
        **facts,
    )


def _range(count: Any) -> Any:
    return tuple(count) if isinstance(count, list) else count
