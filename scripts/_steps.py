# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a configuration asks of contracts that stand, compared with how they are set: only differences become transactions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_utils.address import is_address

from scripts._chain import Call, abi
from scripts._config import GOVERNOR, MODES, Config
from scripts._house import NOBODY, House
from scripts._market import Market
from scripts._markets import BOOK, ROUND, asset, markets, unopened
from scripts._specs import lock_name, pool_name, router_name, token_name

_MULTI = 1  # the Marketplace's number of ERC-1155
_UNBOUNDED = 2**96 - 1


@dataclass(frozen=True, slots=True)
class Step:
    """One call that brings a contract to what the configuration says."""

    name: str
    method: str
    arguments: tuple[Any, ...]

    def call(self, house: House) -> Call:
        """As a transaction."""
        data = abi(house.source(self.name)).encode_call(self.method, *self.arguments)
        return Call(house.address(self.name), data, str(self))

    def __str__(self) -> str:
        return f"{self.name}.{self.method}({', '.join(map(str, self.arguments))})"


def parameters(house: House, config: Config) -> Iterator[Step]:
    """Everything that is set differently from the configuration. Signer sets are set once here; rotating them is the operators'."""
    yield from _energy(house, config)
    if config.market is None:
        if house.read("Treasury", "beneficiary") != config.beneficiary:
            yield Step("Treasury", "set_beneficiary", (config.beneficiary,))
    else:
        yield from _index(house, config.market)
        yield from _places(house, config.market)
        yield from _money(house, config.market)
        yield from _beneficiaries(house, config)
        yield from _earnings(house, config.market)
        yield from (Step("OrderBook", "open_market", one) for one in unopened(house, BOOK, config.market.markets))
        if "Round" in house:
            rounds = unopened(house, ROUND, config.market.rounds)
            yield from (Step("Round", "open_market", (*one[:2], (*one[2:], False))) for one in rounds)


def links(house: House, config: Config) -> Iterator[Step]:
    """What names markets, groups or pools by their numbers, so that they must be there first."""
    market = config.market
    if market is None:
        return
    groups = {house.read("Earnings", "lock_of", number): number for number in range(house.read("Earnings", "groups"))}
    shares = [
        {"group": groups[house.address(_lock_of(whose))], "bps": bps} for whose, bps in market.earnings.shares.items()
    ]
    shares.sort(key=lambda share: share["group"])
    if list(house.read("Funds", "shares")) != shares:
        yield Step("Funds", "set_shares", ([(share["group"], share["bps"]) for share in shares],))
    newest = {(one["base"], one["quote"]): one["number"] for one in markets(house, BOOK)}
    for pool in market.pools:
        router, address = router_name(pool.quote), house.address(pool_name(pool.pair))
        number = newest.get((pool.base, pool.quote))
        if number is not None and house.read(router, "pool_of", number) != address:
            yield Step(router, "set_pool", (number, address))


def ownerships(house: House, config: Config, deployer: str) -> list[Step]:
    """Offers of what the deployer owns to whom the configuration names."""
    if config.owner is None:
        return []
    owner = house.address(GOVERNOR) if config.owner == GOVERNOR else config.owner
    return [
        Step(name, "transfer_ownership", (owner,))
        for name in house.owned()
        if owner != deployer and house.read(name, "owner") == deployer and house.read(name, "pending_owner") != owner
    ]


def acceptances(house: House) -> list[Step]:
    """What waits for the Governor to take it over: anybody may tell it to."""
    if GOVERNOR not in house:
        return []
    governor = house.address(GOVERNOR)
    return [
        Step(GOVERNOR, "accept_ownership_of", (house.address(name),))
        for name in house.owned()
        if house.read(name, "pending_owner") == governor
    ]


def awaited(house: House) -> dict[str, str]:
    """Contracts whose new owner has yet to accept them."""
    pending = {name: str(house.read(name, "pending_owner")) for name in house.owned()}
    return {name: owner for name, owner in pending.items() if owner != NOBODY}


def _energy(house: House, config: Config) -> Iterator[Step]:
    if house.read("Oracle", "epoch") == 0:
        yield Step("Oracle", "rotate", (list(config.signers), config.k, config.faulty, 0, 0))
    for code, mode in sorted(config.utilities.items()):
        if house.read("Oracle", "mode_of", code) == 0:
            yield Step("Oracle", "open_utility", (code, MODES[mode]))
    for code, pair in sorted(config.rates.items()):
        for name, whose in (("Oracle", "grid"), ("Treasury", "station")):
            if tuple(house.read(name, "rate_of", code)) != (True, *pair[whose]):
                yield Step(name, "set_rate", (code, *pair[whose]))
    if house.read("Oracle", "challenge_delay") != config.challenge_delay:
        yield Step("Oracle", "set_challenge_delay", (config.challenge_delay,))
    if house.read("Treasury", "reserve_bps") != config.reserve_bps:
        yield Step("Treasury", "set_reserve_bps", (config.reserve_bps,))
    coefficients = house.read("HomePolicy", "coefficients")
    for code, coefficient in sorted(config.coefficients.items()):
        if coefficients[code] != coefficient:
            yield Step("HomePolicy", "set_coefficient", (code, coefficient))
    yield from _appoint(house, "Registry", "registrars", "set_registrar", config.registrars)
    yield from _appoint(house, "Guard", "guardians", "set_guardian", config.guardians)


def _index(house: House, market: Market) -> Iterator[Step]:
    for code, wanted in sorted(market.weights.items()):
        terms = (wanted.weight, _UNBOUNDED if wanted.cap is None else wanted.cap)
        if tuple(house.read("GCM", "weight_of", code)) != terms:
            yield Step("GCM", "set_weight", (code, *terms))
    coin = market.coin
    for getter, setter, value in (
        ("rate", "set_rate", coin.rate),
        ("transfer_tier", "set_transfer_tier", coin.transfer_tier),
        ("total_limit", "set_total_limit", coin.total_limit),
    ):
        if house.read("GCC", getter) != value:
            yield Step("GCC", setter, (value,))
    for tier, limit in sorted(coin.limits.items()):
        if house.read("GCC", "limit_of", tier) != limit:
            yield Step("GCC", "set_limit", (tier, limit))


def _places(house: House, market: Market) -> Iterator[Step]:
    """Where things are sold beside the book."""
    for pool in market.pools:
        fees = (pool.lp_bps, pool.treasury_bps)
        if tuple(house.read(pool_name(pool.pair), "fees")) != fees:
            yield Step(pool_name(pool.pair), "set_fees", fees)
        if house.read(pool_name(pool.pair), "tier") != pool.tier:
            yield Step(pool_name(pool.pair), "set_tier", (pool.tier,))
    shop = market.marketplace
    if house.read("Marketplace", "fee_bps") != shop.fee_bps:
        yield Step("Marketplace", "set_fee", (shop.fee_bps,))
    for collection in shop.collections:
        if not house.read("Marketplace", "allowed", house.address(collection)):
            yield Step("Marketplace", "set_collection", (house.address(collection), _MULTI, True))
    papers = market.certificates
    if house.read("Certificates", "lifetime") != papers.lifetime_days * 86_400:
        yield Step("Certificates", "set_lifetime", (papers.lifetime_days * 86_400,))
    for utility, kinds in sorted(papers.technologies.items()):
        for kind, name in sorted(kinds.items()):
            if house.read("Certificates", "technology", utility, kind) == "":
                yield Step("Certificates", "name_technology", (utility, kind, name))
    yield from _appoint(house, "Certificates", "validators", "set_validator", papers.validators)
    yield from _appoint(house, "Assets", "providers", "set_provider", market.providers)
    # The book keeps a copy of who is frozen, so the Guard has to tell it.
    followers, book = list(house.read("Guard", "followers")), house.address("OrderBook")
    if book not in followers:
        yield Step("Guard", "set_followers", ([*followers, book],))


def _earnings(house: House, market: Market) -> Iterator[Step]:
    """Who can earn, and what."""
    count = house.read("Earnings", "groups")
    known = {house.read("Earnings", "lock_of", number) for number in range(count)}
    for lock in ("VotingLock", *(lock_name(pool.pair) for pool in market.pools)):
        if house.address(lock) not in known:
            yield Step("Earnings", "add_group", (house.address(lock),))
    for name in market.earned:
        token, number, multi = asset(house, name)
        if house.read("Earnings", "number_of", token, multi, number) == 0:
            yield Step("Earnings", "add_asset", ((token, multi, number),))


def _lock_of(whose: str) -> str:
    return "VotingLock" if whose == "GCM" else lock_name(whose)


def _money(house: House, market: Market) -> Iterator[Step]:
    if house.read("FiatEscrow", "arbiter") != market.escrow.arbiter:
        yield Step("FiatEscrow", "set_arbiter", (market.escrow.arbiter,))
    yield from _appoint(house, "FiatEscrow", "attesters", "set_attester", market.escrow.attesters)
    for currency in market.currencies:
        name, caps = token_name(currency.code), (currency.supply_cap, currency.day_cap)
        if (house.read(name, "supply_cap"), house.read(name, "day_cap")) != caps:
            yield Step(name, "set_caps", caps)
        if house.read(name, "attesters")[1] == 0:
            quorum = currency.attesters
            yield Step(name, "set_attesters", (quorum.ordered, quorum.k, quorum.faulty))
        yield from _appoint(house, name, "issuers", "set_issuer", currency.issuers)
        if not house.read("NetSettlement", "listed", house.address(name)):
            yield Step("NetSettlement", "set_currency", (house.address(name), True))
    if market.clearing is not None and house.read("NetSettlement", "operators")[1] == 0:
        clearing = market.clearing
        yield Step("NetSettlement", "set_operators", (clearing.ordered, clearing.k, clearing.faulty))


def _beneficiaries(house: House, config: Config) -> Iterator[Step]:
    assert config.market is not None
    for name in house:
        named = config.beneficiary if name == "Treasury" else config.market.beneficiary
        wanted = named if is_address(named) else house.address(named)
        if house.has(name, "beneficiary", "set_beneficiary") and house.read(name, "beneficiary") != wanted:
            yield Step(name, "set_beneficiary", (wanted,))


def _appoint(house: House, name: str, getter: str, setter: str, accounts: Any) -> Iterator[Step]:
    """Appoint who is named. Nobody is dismissed: that is the owner's business."""
    for account in accounts:
        if not house.read(name, getter, account):
            yield Step(name, setter, (account, True))
