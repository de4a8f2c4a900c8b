"""``expect``: who may talk to whom. A step that changes nothing; verify asks what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from swarmnet.model.expectation import Arrow, Expectations, PartyKind
from swarmnet.operations.expect.contradictions import contradictions
from swarmnet.operations.expect.notation import ArrowNote, EgressNote, Known
from swarmnet.operations.kind import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.plan import Action
    from swarmnet.operations.kind import Context


class ExpectOperation(Operation):
    """Who may talk to whom: changes nothing; plans refuse what the networks contradict, and verify proves it."""

    name_in_playbook: ClassVar[str] = "expect"
    summary: ClassVar[str] = (
        "Who may talk to whom: changes nothing; plans refuse what the networks contradict, and verify proves it."
    )

    allow: tuple[ArrowNote, ...] = ()
    """What must be reached, such as `web -> db: 5432`; from `outside` or a host, by published ports."""
    deny: tuple[ArrowNote, ...] = ()
    """What must not be reached; without a port, no port of the target."""
    egress: dict[str, EgressNote] = Field(default_factory=dict)
    """Service to what it must reach outside of the swarm, such as `deb.debian.org:443`, or to `none`."""
    rest: Literal["deny"] | None = None
    """deny: two services that no line connects, in either direction, must not reach each other.

    The services are those that the playbook writes, and those that lines of this step name.
    """

    def faults(self) -> tuple[str, ...]:
        """Return a step that expects nothing, and a line that is allowed and denied."""
        if not (self.allow or self.deny or self.egress or self.rest):
            return ("'expect' is empty: write allow, deny, egress or rest",)
        both = set(self.allow) & set(self.deny)
        return tuple(
            f"{one.source} -> {one.target} is allowed and denied: write it once" for one in sorted(both, key=str)
        )

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return ends that no step before makes, and what the networks as written contradict."""
        written = frozenset(name for kind, name in context.provided if kind == "service")
        services = written | {one.spec.name for one in context.state.services}
        names = Known(services=services, hosts=frozenset(host.name for host in context.inventory.hosts))
        if wrong := self.wrong(names):
            return wrong
        expected = self.expectations(names, sorted(written))
        if self.rest and not expected.services:
            return ("rest: deny: no service is written before it, and no line names one: nothing would be denied",)
        return tuple(contradictions(expected, context.state, tuple(_lines(context.connected, names))))

    def connects(self) -> frozenset[tuple[str, str]]:
        """Return the ends of every line."""
        reached = {(source, form.target) for source, targets in self.egress.items() for form in targets}
        return frozenset(reached | {(form.source, form.target) for form in (*self.allow, *self.deny)})

    def plan(self, _context: Context) -> tuple[Action, ...]:
        """Return nothing: what is expected is asked, not made."""
        return ()

    def wrong(self, names: Known) -> tuple[str, ...]:
        """Return what is wrong with lines of the step, one sentence each."""
        return tuple(one for one in self._read(names) if isinstance(one, str))

    def expectations(self, names: Known, services: list[str]) -> Expectations:
        """Return what the step expects; lines with a word that means nothing are left out.

        Args:
            names: what the words of the step may mean.
            services: the services that the playbook writes.
        """
        sealed = [names.party(one) for one, targets in self.egress.items() if not targets]
        arrows = [one for one in self._read(names) if isinstance(one, Arrow)]
        ends = [*(end for arrow in arrows for end in (arrow.source, arrow.target)), *filter(None, sealed)]
        named = [end.name for end in ends if end.kind is PartyKind.SERVICE]
        return Expectations(
            arrows=tuple(arrows),
            sealed=tuple(one for one in sealed if one is not None),
            rest_denied=self.rest == "deny",
            services=tuple(dict.fromkeys([*services, *(named if self.rest else ())])),
        )

    def _read(self, names: Known) -> Iterator[Arrow | str]:
        """Yield each line as an arrow, or what is wrong with it."""
        for forms, allowed in ((self.allow, True), (self.deny, False)):
            for form in forms:
                yield names.arrow(form, allowed=allowed)
        for source, targets in self.egress.items():
            party = names.party(source)
            if party is None or not party.has_tasks:
                yield f"egress: {source!r} is neither a service here nor HOST/CONTAINER"
                continue
            for form in targets:
                yield names.arrow(form, allowed=True, source=source)


def _lines(pairs: Iterable[tuple[str, str]], names: Known) -> Iterator[Arrow]:
    """Yield an arrow for each pair of which both ends are known here."""
    for source, target in sorted(pairs):
        one, two = names.party(source), names.party(target)
        if one is not None and two is not None:
            yield Arrow(source=one, target=two, allowed=True)
