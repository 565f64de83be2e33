"""The query store's leases and members in memory, with a clock that a test sets."""

from bff.store import LeaseState, StoreUnavailable


class MemoryLeases:
    """The part of a store that `Share` uses. `now_ms` is the time; while `is_away` every call fails."""

    def __init__(self):
        self.now_ms, self.is_away = 0, False
        self._leases, self._members = {}, {}

    async def lease(self, name, owner, *, ttl_ms):
        self._answer()
        holder, until_ms = self._leases.get(name, ("", 0))
        if holder != owner and until_ms > self.now_ms:
            return LeaseState.HELD_ELSEWHERE
        self._leases[name] = owner, self.now_ms + ttl_ms
        return LeaseState.RENEWED if holder == owner else LeaseState.TAKEN

    async def release(self, name, owner):
        self._answer()
        if self._leases.get(name, ("", 0))[0] == owner:
            del self._leases[name]

    async def join(self, name, member, *, ttl_ms):
        self._answer()
        members = self._members.setdefault(name, {})
        members[member] = self.now_ms + ttl_ms
        return sum(until_ms > self.now_ms for until_ms in members.values())

    async def leave(self, name, member):
        self._answer()
        self._members.get(name, {}).pop(member, None)

    def _answer(self):
        if self.is_away:
            raise StoreUnavailable("a test has taken it away")
