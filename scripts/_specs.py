# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contracts of a configuration, each with what it is made for. The order is that of the deployment file."""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_utils.address import is_address

from scripts._config import Config
from scripts._house import NOBODY
from scripts._market import UTILITIES, Market
from scripts._plan import Initial, Ref, Spec
from scripts._source import compile_all, compiled

# What a constructor's parameter of this name means, unless the contract says otherwise.
USUAL = {
    "guard_": "Guard",
    "registry_": "Registry",
    "oracle_": "Oracle",
    "treasury_": "Treasury",
    "token_": "EnergyToken",
    "energy_token_": "EnergyToken",
    "gcm_": "GCM",
    "vault_": "Vault",
    "book_": "OrderBook",
    "certificates_": "Certificates",
    "lock_": "VotingLock",
    "governor_": "Governor",
    "earnings_": "Earnings",
    "funds_": "Funds",
}


def specs(config: Config) -> list[Spec]:
    """All contracts of a configuration."""
    beneficiary = account(config.beneficiary)
    found = [
        _spec("Guard"),
        _spec("Registry", live_=config.live),
        _spec("Oracle"),
        _spec("EnergyToken", base_uri=config.base_uri),
        _spec("Treasury", reserve_bps_=Initial(config.reserve_bps), beneficiary_=beneficiary),
        _spec("HomePolicy"),
    ]
    if config.market is not None:
        found += _market(config.market)
    compile_all(draft.source for draft in found)
    return [_finished(draft) for draft in found]


def account(named: str) -> Initial:
    """An account that is named by its address or by a contract."""
    return Initial(named if is_address(named) else Ref(named))


def pool_name(pair: str) -> str:
    """A pool's name in a deployment."""
    return f"Pool {pair}"


def token_name(code: str) -> str:
    """A settlement token's name in a deployment."""
    return f"x{code}"


def lock_name(pair: str) -> str:
    """In a deployment, where a pool's shares are locked for earnings."""
    return f"Lock {pair}"


def router_name(quote: str) -> str:
    """In a deployment, the router of the markets that are paid in a coin."""
    return "Router" if quote == "GCM" else f"Router {quote}"


def _market(market: Market) -> list[Spec]:
    escrow, votes = market.escrow, market.governor
    beneficiary = account(market.beneficiary)
    found = [
        _spec("GCM"),
        _spec("GCC"),
        _spec("Vault"),
        _spec("OrderBook", beneficiary_=beneficiary),
        _spec("Certificates", lifetime_=Initial(market.certificates.lifetime_days * 86_400)),
        _spec("Assets"),
        _spec("Marketplace", beneficiary_=beneficiary, fee_bps_=Initial(market.marketplace.fee_bps)),
        _spec(
            "FiatEscrow",
            arbiter_=Initial(escrow.arbiter),
            tier_min_=escrow.tier_min,
            grace_=escrow.grace_hours * 3_600,
            dispute_=escrow.dispute_days * 86_400,
        ),
        _spec("NetSettlement"),
        _spec("VotingLock", token_=Ref("GCM")),
        _spec("Governor", delay=Initial(votes.delay_hours * 3_600), rules_=Initial(votes.rules)),
        _spec("Earnings", period_=market.earnings.period_hours * 3_600),
        _spec("Funds"),
    ]
    if market.rounds:
        found.append(_spec("Round", beneficiary_=beneficiary))
    found += [
        _spec(
            "Pool",
            pool_name(pool.pair),
            energy_id_=UTILITIES[pool.base],
            money_=Ref(pool.quote),
            beneficiary_=beneficiary,
            lp_bps=Initial(pool.lp_bps),
            treasury_bps=Initial(pool.treasury_bps),
            name_=f"GreenCore pool {pool.pair}",
            symbol_=f"LP{pool.base}"[:5],
        )
        for pool in market.pools
    ]
    found += [
        _spec("VotingLock", lock_name(pool.pair), token_=Ref(pool_name(pool.pair)), governor_=NOBODY)
        for pool in market.pools
    ]
    found += [
        _spec("Router", router_name(quote), money_=Ref(quote))
        for quote in dict.fromkeys(pool.quote for pool in market.pools)
    ]
    found += [
        _spec("SettlementToken", token_name(one.code), currency_=one.code, decimals_=one.decimals)
        for one in market.currencies
    ]
    return found


def _spec(source: str, name: str = "", **given: Any) -> Spec:
    return Spec(name or source, source, given)


def _finished(draft: Spec) -> Spec:
    """All arguments in the order of the constructor; what the draft does not say is the contract that the name usually means."""
    given, wanted = draft.arguments, parameters(draft.source)
    if strange := set(given) - set(wanted):
        raise KeyError(f"{draft.source}: its constructor has no {', '.join(sorted(strange))}")
    arguments = {one: given[one] if one in given else _usual(draft.source, one) for one in wanted}
    return Spec(draft.name, draft.source, arguments)


def parameters(source: str) -> Sequence[str]:
    """The names of a constructor's parameters."""
    entries: Sequence[Mapping[str, Any]] = compiled(source).abi
    made = next((entry for entry in entries if entry["type"] == "constructor"), None)
    return [] if made is None else [item["name"] for item in made["inputs"]]


def _usual(source: str, parameter: str) -> Ref:
    if parameter not in USUAL:
        raise KeyError(f"{source}: nobody says what {parameter} is")
    return Ref(USUAL[parameter])
