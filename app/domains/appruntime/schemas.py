"""Wire shapes of appruntime: JSON in and out, forms, and the structs its pages get."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from app.domains.appruntime.contracts import (
    Action,
    ActOnApp,
    AppId,
    AppView,
    LaunchApp,
    ManifestView,
    RemoveMember,
    SetMember,
    StepView,
)
from app.domains.appruntime.rules.messages import LOOKS
from app.domains.appruntime.rules.states import COMING, DOWN
from app.domains.appruntime.service.views import App, AppDetail, LaunchChoices
from app.domains.provisioning.contracts import MachineView
from app.shared.errors import ValidationFailed
from app.shared.paging import Slice
from app.web.parts import Step
from app.web.show_code import ApiCall, call

ROLE_WORDS = {"owner": "owner: may manage it", "user": "user: may open it", "viewer": "viewer: sees state and log"}


class LaunchAppBody(msgspec.Struct, kw_only=True):
    """`version` empty means the newest, `name` empty that one is chosen. `machine` is an allocation's id."""

    WIRE_NAMES: ClassVar = {"slug": "app", "allocation_id": "machine"}

    app: str
    machine: UUID
    version: str = ""
    name: str = ""

    def command(self) -> LaunchApp:
        return LaunchApp(slug=self.app, allocation_id=self.machine, version=self.version, name=self.name)


class AppMemberBody(msgspec.Struct, kw_only=True):
    """The person by e-mail; role: owner, user or viewer."""

    email: str
    role: str = "user"

    def command(self, app_id: UUID) -> SetMember:
        return SetMember(app_id=app_id, email=self.email, role=self.role)


class LaunchAppForm(msgspec.Struct, kw_only=True):
    WIRE_NAMES: ClassVar = LaunchAppBody.WIRE_NAMES

    app: str = ""
    machine: str = ""
    version: str = ""
    name: str = ""

    def command(self) -> LaunchApp:
        """Raises ValidationFailed for what is no machine."""
        try:
            machine = UUID(self.machine)
        except ValueError as error:
            raise ValidationFailed(fields={"machine": "Choose an active machine."}) from error
        return LaunchApp(slug=self.app, allocation_id=machine, version=self.version, name=self.name)


class ActForm(msgspec.Struct, kw_only=True):
    action: Action

    def command(self, app_id: UUID) -> ActOnApp:
        return ActOnApp(app_id=app_id, action=self.action)


class AppMemberForm(msgspec.Struct, kw_only=True):
    """An empty role removes the person."""

    user_id: UUID
    role: str = "user"

    def set(self, app_id: UUID) -> SetMember:
        return SetMember(app_id=app_id, user_id=self.user_id, role=self.role)

    def remove(self, app_id: UUID) -> RemoveMember:
        return RemoveMember(app_id=app_id, user_id=self.user_id)


class CatalogEntry(msgspec.Struct, kw_only=True):
    """One app on offer; versions newest first."""

    slug: str
    title: str
    summary: str
    kind: str
    version: str
    versions: list[str]


class CatalogAnswer(msgspec.Struct, kw_only=True):
    items: list[CatalogEntry]


class AppMemberAnswer(msgspec.Struct, kw_only=True):
    user_id: UUID
    name: str
    email: str
    role: str


class AppStepAnswer(msgspec.Struct, kw_only=True):
    """One step of a run; state: in_progress | active (done well) | failed | ended."""

    run: int
    step: str
    label: str
    state: str
    detail: str
    started_at: datetime
    finished_at: datetime | None


class AppAnswer(msgspec.Struct, kw_only=True):
    """One app. `url` is its own origin; a browser gets in through `open_url`, a program with its access token as
    `Authorization: Bearer` (or `Berth-Authorization`), which the app never sees. Both are empty when it has ended."""

    id: UUID
    name: str
    app: str
    app_version: str
    title: str
    machine: UUID
    machine_name: str
    state: str
    run: int
    exit_code: int | None
    failure_text: str | None
    requested_at: datetime
    running_at: datetime | None
    ended_at: datetime | None
    url: str
    open_url: str
    role: str
    version: int
    members: list[AppMemberAnswer]
    steps: list[AppStepAnswer] | None = None


class AppsAnswer(msgspec.Struct, kw_only=True):
    items: list[AppAnswer]
    next_cursor: UUID | None


class AppMembersAnswer(msgspec.Struct, kw_only=True):
    items: list[AppMemberAnswer]


def catalog_answer(versions: dict[str, list[ManifestView]]) -> CatalogAnswer:
    return CatalogAnswer(
        items=[
            CatalogEntry(
                slug=slug,
                title=found[0].title,
                summary=found[0].summary,
                kind=found[0].kind,
                version=found[0].version,
                versions=[manifest.version for manifest in found],
            )
            for slug, found in versions.items()
        ]
    )


def app_answer(shown: App, steps: Sequence[StepView] | None = None) -> AppAnswer:
    app = shown.app
    return AppAnswer(
        id=app.id,
        name=app.name,
        app=app.slug,
        app_version=app.manifest_version,
        title=app.title,
        machine=app.allocation_id,
        machine_name=shown.machine.name if shown.machine else "",
        state=app.state,
        run=app.run,
        exit_code=app.exit_code,
        failure_text=app.failure_text,
        requested_at=app.requested_at,
        running_at=app.running_at,
        ended_at=app.ended_at,
        url=shown.url if app.ended_at is None else "",
        open_url=shown.open_url if app.ended_at is None else "",
        role=shown.role,
        version=app.version,
        members=members_answer(shown).items,
        steps=None if steps is None else [AppStepAnswer(**msgspec.structs.asdict(step)) for step in steps],
    )


def apps_answer(found: Slice[App, AppId]) -> AppsAnswer:
    return AppsAnswer(items=[app_answer(shown) for shown in found.items], next_cursor=found.next_cursor)


def members_answer(shown: App) -> AppMembersAnswer:
    return AppMembersAnswer(
        items=[
            AppMemberAnswer(user_id=member.user_id, name=member.name, email=member.email, role=member.role)
            for member in shown.members
        ]
    )


class AppRow(msgspec.Struct, frozen=True, kw_only=True):
    """One app in a list."""

    app: AppView
    machine_name: str
    look: tuple[str, str]
    people: str
    may_open: bool


class GalleryPage(msgspec.Struct, frozen=True, kw_only=True):
    """What is on offer, and the apps that one may see."""

    offers: tuple[ManifestView, ...]
    rows: tuple[AppRow, ...]
    next_href: str | None
    is_first: bool
    may_run: bool
    has_machine: bool
    is_moving: bool
    call: ApiCall


class LaunchAppPage(msgspec.Struct, frozen=True, kw_only=True):
    apps: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    machines: tuple[tuple[str, str], ...]
    slug: str
    version: str
    machine: str
    name: str
    chosen: ManifestView | None
    steps: tuple[str, ...]
    call: ApiCall


class AppPage(msgspec.Struct, frozen=True, kw_only=True):
    """One app."""

    shown: App
    look: tuple[str, str]
    steps: tuple[Step, ...]
    is_coming: bool
    is_moving: bool
    is_down: bool
    role_words: dict[str, str]
    others: tuple[tuple[str, str], ...]  # who could be added: id, words
    at: datetime
    call: ApiCall


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an app's output. `follows`: it may still grow."""

    app: AppView
    text: str
    problem: str
    is_cut: bool
    follows: bool


class MachineAppsPage(msgspec.Struct, frozen=True, kw_only=True):
    """The tab of a machine."""

    machine: MachineView
    rows: tuple[AppRow, ...]
    is_moving: bool
    may_run: bool


def is_moving(shown: App) -> bool:
    """Whether its state is about to change by itself."""
    return shown.app.state in COMING or shown.app.state == "stopping"


def app_row(shown: App) -> AppRow:
    names = [member.name for member in shown.members]
    people = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" if names else "nobody"
    return AppRow(
        app=shown.app,
        machine_name=shown.machine.name if shown.machine else "",
        look=LOOKS[shown.app.state],
        people=people,
        may_open=shown.may_open and shown.app.state == "running",
    )


def gallery_page(
    offers: Sequence[ManifestView], found: Slice[App, AppId], *, is_first: bool, may_run: bool, has_machine: bool
) -> GalleryPage:
    return GalleryPage(
        offers=tuple(sorted(offers, key=lambda offer: (offer.slug != "jupyterlab", offer.title))),
        rows=tuple(app_row(shown) for shown in found.items),
        next_href=f"/apps?cursor={found.next_cursor}" if found.next_cursor else None,
        is_first=is_first,
        may_run=may_run,
        has_machine=has_machine,
        is_moving=any(is_moving(shown) for shown in found.items),
        call=call("GET", "/api/v1/apps", cli=("apps", "ls")),
    )


def launch_app_page(choices: LaunchChoices) -> LaunchAppPage:
    versions = choices.versions.get(choices.slug, [])
    chosen = next((manifest for manifest in versions if manifest.version == choices.version), None)
    machine = next((one for one in choices.machines if one.id == choices.allocation_id), None)
    steps = chosen.body.get("steps", []) if chosen else []
    return LaunchAppPage(
        apps=tuple((slug, found[0].title) for slug, found in choices.versions.items()),
        versions=tuple((manifest.version, manifest.version) for manifest in versions),
        machines=tuple((str(one.id), f"{one.name} ({one.sku_code})") for one in choices.machines),
        slug=choices.slug,
        version=choices.version,
        machine=str(choices.allocation_id or ""),
        name=choices.name,
        chosen=chosen,
        steps=tuple(step["label"] for step in msgspec.convert(steps, type=list[dict[str, object]])),  # type: ignore[misc]
        call=call(
            "POST",
            "/api/v1/apps",
            LaunchAppBody(
                app=choices.slug,
                machine=choices.allocation_id or UUID(int=0),
                version=choices.version,
                name=choices.name,
            ),
            cli=("apps", "launch", choices.slug, machine.name if machine else "MACHINE", "--name", choices.name),
        ),
    )


def app_page(detail: AppDetail) -> AppPage:
    app = detail.shown.app
    return AppPage(
        shown=detail.shown,
        look=LOOKS[app.state],
        steps=timeline(detail),
        is_coming=app.state in COMING,
        is_moving=is_moving(detail.shown),
        is_down=app.state in DOWN,
        role_words=ROLE_WORDS,
        others=tuple((str(person.id), f"{person.name} ({person.email})") for person in detail.others),
        at=detail.at,
        call=call("GET", f"/api/v1/apps/{app.id}", cli=("apps", "show", app.name)),
    )


def timeline(detail: AppDetail) -> tuple[Step, ...]:
    """The present run: what happened, then what is still to come, with how long it usually takes."""
    app, shown = detail.shown.app, []
    for step in detail.steps:
        if step.run == app.run:
            ended = step.finished_at or detail.at
            shown.append(
                Step(
                    label=step.label,
                    state=step.state,
                    seconds=max(0.0, (ended - step.started_at).total_seconds()),
                    expected_seconds=detail.usual.get(step.step),
                    detail=step.detail,
                    started_at=step.started_at,
                )
            )
    if app.state in COMING:
        started = {step.step for step in detail.steps if step.run == app.run}
        shown += [
            Step(label=label, state="waiting", expected_seconds=detail.usual.get(key))
            for key, label in way_up(detail.manifest)
            if key not in started
        ]
    return tuple(shown)


def way_up(manifest: ManifestView) -> list[tuple[str, str]]:
    """Every step until it runs."""
    steps = msgspec.convert(manifest.body.get("steps", []), type=list[dict[str, object]])
    own = [(str(step["key"]), str(step["label"])) for step in steps]
    return [("prepare", "Bring it to the machine"), *own, ("answer", "Wait until it answers")]
