"""What every back-end of the fleet keeps to, whatever the place where its workers live.

A back-end is tested by a class of its own that has a fixture `world`:

    class TestProcessFleet(FleetContract):
        @pytest.fixture
        def world(self, tmp_path): ...
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from scaling.fleet import Fleet, FleetError, Member, Phase
from tests.engine import wait_until

NOBODY = "nobody-has-this-key"


@dataclass(frozen=True, slots=True)
class Fault:
    """A way in which the place cannot be spoken with. `cure` is a word that the sentence of the
    error must hold, since it names what to do: a setting, a path, a permission."""

    name: str
    cure: str


class World(Protocol):
    """A place where workers live, seen from outside: never through the back-end under test."""

    shares_host: bool  # several workers have one host, so that members must tell their pid
    patience: float  # seconds after which a wait fails
    settle: float  # seconds within which the place would have started a worker again
    faults: Sequence[Fault]

    def make_fleet(self) -> Fleet:
        """The back-end as a new process of the loop makes it; it knows nothing of earlier ones."""

    def count(self) -> int:
        """How many workers of this fleet really run, those included that were asked to end."""

    def runs(self, member: Member) -> bool:
        """Whether this worker really runs."""

    def stop_requests(self, member: Member) -> int:
        """How often it was asked to end."""

    def was_killed(self, member: Member) -> bool:
        """Whether the back-end ended it by force, without time to end."""

    def hold_endings(self) -> None:
        """From now on workers that are asked to end go on, until `release_endings`."""

    def release_endings(self) -> None:
        """Workers that were asked to end may end."""

    def end(self, member: Member) -> None:
        """It ends by itself, in order, as after a drain."""

    def die(self, member: Member) -> None:
        """It dies by itself, for good: a crash, an eviction."""

    def add_stranger(self) -> None:
        """Somebody else starts something of their own that looks much like a worker."""

    def count_strangers(self) -> int:
        """How many of these still run."""

    def take_away(self, fault: Fault) -> None:
        """From now on the place cannot be spoken with; what runs there goes on."""

    def give_back(self) -> None:
        """It can be spoken with again."""


def list_live(fleet: Fleet) -> list[Member]:
    """The members that have not ended."""
    return [member for member in fleet.list_members() if member.phase is not Phase.ENDED]


def keys_of(members: Sequence[Member]) -> set[str]:
    return {member.key for member in members}


class FleetContract:
    """The tests. A subclass gives the `world`."""

    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError

    @pytest.fixture
    def fleet(self, world: World) -> Fleet:
        return world.make_fleet()

    def wait(self, world: World, condition: Callable[[], Any], what: str) -> Any:
        return wait_until(condition, what, world.patience)

    def bring_up(self, world: World, fleet: Fleet, count: int) -> list[Member]:
        """Start `count` workers and wait until they run; the new members."""
        before = keys_of(fleet.list_members())
        returned = fleet.start(count)

        def new() -> list[Member]:
            return [member for member in list_live(fleet) if member.key not in before]

        def are_running() -> bool:
            phases = [member.phase for member in new()]
            assert set(phases) <= {Phase.STARTING, Phase.RUNNING}
            return phases == [Phase.RUNNING] * count

        self.wait(world, are_running, f"{count} members that run")
        members = new()
        self.wait(world, lambda: all(map(world.runs, members)), f"{count} workers that run")
        assert len(keys_of(members)) == count
        assert set(returned) <= keys_of(members)
        assert len(returned) in (0, count)
        return members

    def wait_gone(self, world: World, fleet: Fleet, member: Member) -> None:
        self.wait(world, lambda: not world.runs(member), f"the end of {member.key}")
        self.wait(
            world,
            lambda: member.key not in keys_of(list_live(fleet)),
            f"{member.key} to be listed as ended",
        )

    def test_there_is_none_at_first(self, world: World, fleet: Fleet) -> None:
        assert fleet.moves
        assert fleet.usual_startup > 0
        assert fleet.list_members() == []
        assert fleet.start(0) == []
        assert fleet.list_members() == []
        assert world.count() == 0

    def test_so_many_more_are_started(self, world: World, fleet: Fleet) -> None:
        first = self.bring_up(world, fleet, 2)
        assert world.count() == 2
        second = self.bring_up(world, fleet, 1)
        assert world.count() == 3
        everyone = fleet.list_members()
        assert keys_of(everyone) == keys_of(first) | keys_of(second)
        for member in everyone:
            assert member.host
            assert member.started_at is not None
            assert (member.pid is not None) == world.shares_host
        places = {(member.host, member.pid) for member in everyone}
        assert len(places) == 3, "nodes cannot be distinguished"

    def test_one_is_stopped_gently_and_no_other(self, world: World, fleet: Fleet) -> None:
        members = self.bring_up(world, fleet, 3)
        chosen, *others = members
        world.hold_endings()
        fleet.stop([chosen.key])
        self.wait(world, lambda: world.stop_requests(chosen), "the request to end")
        assert world.runs(chosen), "it has time to end"
        phases = {member.key: member.phase for member in fleet.list_members()}
        assert phases.pop(chosen.key) is Phase.STOPPING
        assert phases == {other.key: Phase.RUNNING for other in others}

        fleet.stop([chosen.key])
        fleet.stop([chosen.key, NOBODY])
        world.release_endings()
        self.wait_gone(world, fleet, chosen)
        assert world.stop_requests(chosen) == 1
        assert not world.was_killed(chosen)
        fleet.stop([chosen.key])
        fleet.clear([chosen.key])
        assert keys_of(fleet.list_members()) == keys_of(others)
        fleet.stop([chosen.key])
        assert all(map(world.runs, others))
        assert [world.stop_requests(other) for other in others] == [0, 0]
        assert world.count() == 2

    def test_many_are_stopped_at_once(self, world: World, fleet: Fleet) -> None:
        members = self.bring_up(world, fleet, 4)
        kept, *chosen = members
        fleet.fence([member.key for member in chosen])
        fleet.stop([member.key for member in chosen])
        for member in chosen:
            self.wait_gone(world, fleet, member)
            assert not world.was_killed(member)
        fleet.clear([member.key for member in chosen])
        assert keys_of(fleet.list_members()) == {kept.key}
        assert world.runs(kept)
        assert world.count() == 1

    def test_one_that_was_fenced_is_not_started_again(self, world: World, fleet: Fleet) -> None:
        chosen, other = self.bring_up(world, fleet, 2)
        fleet.fence([chosen.key])
        assert world.runs(chosen), "to fence is not to stop"
        assert chosen.key in keys_of(list_live(fleet))
        fleet.fence([chosen.key])
        world.end(chosen)
        self.wait_gone(world, fleet, chosen)
        fleet.stop([chosen.key])
        fleet.clear([chosen.key])
        self.stays(world, lambda: world.count() == 1 and world.runs(other), "one worker")
        assert keys_of(fleet.list_members()) == {other.key}

    def test_one_that_died_is_listed_and_cleared(self, world: World, fleet: Fleet) -> None:
        dead, other = self.bring_up(world, fleet, 2)
        world.die(dead)
        self.wait_gone(world, fleet, dead)
        fleet.clear([dead.key, NOBODY])
        assert dead.key not in keys_of(fleet.list_members())
        assert dead.key not in keys_of(world.make_fleet().list_members())
        assert other.key in keys_of(list_live(fleet))
        assert world.runs(other)

    def test_clear_ends_none_that_runs(self, world: World, fleet: Fleet) -> None:
        (member,) = self.bring_up(world, fleet, 1)
        fleet.clear([member.key])
        self.stays(
            world, lambda: world.runs(member) and not world.stop_requests(member), "the worker"
        )
        assert keys_of(list_live(fleet)) == {member.key}

    def test_unknown_keys_are_ignored(self, world: World, fleet: Fleet) -> None:
        (member,) = self.bring_up(world, fleet, 1)
        for method in (fleet.fence, fleet.stop, fleet.clear):
            method([NOBODY])
            method([])
        assert keys_of(list_live(fleet)) == {member.key}
        assert world.stop_requests(member) == 0

    def test_the_next_loop_takes_the_workers_over(self, world: World, fleet: Fleet) -> None:
        members = self.bring_up(world, fleet, 3)
        world.hold_endings()
        fleet.stop([members[2].key])
        self.wait(world, lambda: world.stop_requests(members[2]), "the request to end")

        heir = world.make_fleet()
        seen = {member.key: member for member in heir.list_members()}
        assert seen.keys() == keys_of(members)
        # Not every place remembers the request; then it is repeated.
        assert seen[members[2].key].phase in (Phase.STOPPING, Phase.RUNNING)
        for member in members[:2]:
            heirs = seen[member.key]
            assert (heirs.host, heirs.pid) == (member.host, member.pid)
            assert heirs.phase is Phase.RUNNING
        heir.stop([members[0].key, members[2].key])
        world.release_endings()
        for member in (members[0], members[2]):
            self.wait_gone(world, heir, member)
            assert not world.was_killed(member)
            assert world.stop_requests(member) >= 1
        heir.clear([members[0].key, members[2].key])
        assert keys_of(heir.list_members()) == {members[1].key}
        (new,) = self.bring_up(world, heir, 1)
        assert new.key not in keys_of(members)
        assert world.count() == 2

    def test_what_others_run_is_left_alone(self, world: World, fleet: Fleet) -> None:
        world.add_stranger()
        assert fleet.list_members() == []
        members = self.bring_up(world, fleet, 2)
        assert keys_of(world.make_fleet().list_members()) == keys_of(members)
        keys = [member.key for member in members]
        fleet.fence(keys)
        fleet.stop(keys)
        for member in members:
            self.wait_gone(world, fleet, member)
        fleet.clear(keys)
        assert fleet.list_members() == []
        assert (world.count(), world.count_strangers()) == (0, 1)

    def test_a_place_that_is_away_is_one_sentence(self, world: World, fleet: Fleet) -> None:
        assert world.faults
        (member,) = self.bring_up(world, fleet, 1)
        for fault in world.faults:
            world.take_away(fault)
            for call in (
                fleet.list_members,
                lambda: fleet.start(1),
                lambda: fleet.stop([member.key]),
                lambda: fleet.fence([member.key]),
                lambda: fleet.clear([member.key]),
                lambda: world.make_fleet().list_members(),
            ):
                with pytest.raises(FleetError) as caught:
                    call()
                sentence = str(caught.value)
                assert fault.cure in sentence, fault.name
                assert sentence[0].isupper()
                assert sentence.endswith(".")
                assert len(sentence.splitlines()) == 1
                assert len(sentence) < 500
            assert world.runs(member)
            world.give_back()
            assert keys_of(list_live(fleet)) == {member.key}, fault.name
            assert world.count() == 1
        assert world.stop_requests(member) == 0
        (new,) = self.bring_up(world, fleet, 1)
        fleet.stop([member.key])
        self.wait_gone(world, fleet, member)
        assert world.runs(new)

    def test_a_key_is_never_used_again(self, world: World, fleet: Fleet) -> None:
        used: set[str] = set()
        for _ in range(3):
            members = self.bring_up(world, fleet, 2)
            keys = keys_of(members)
            assert not keys & used
            used |= keys
            fleet.fence(sorted(keys))
            fleet.stop(sorted(keys))
            for member in members:
                self.wait_gone(world, fleet, member)
            fleet.clear(sorted(keys))
            assert fleet.list_members() == []

    def stays(self, world: World, condition: Callable[[], bool], what: str) -> None:
        """The condition holds for as long as the place could take to undo it."""
        with pytest.raises(AssertionError, match="Timed out"):
            wait_until(lambda: not condition(), f"the loss of {what}", world.settle)
