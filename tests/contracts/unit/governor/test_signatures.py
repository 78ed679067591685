# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Votes and locks by signature, and the time that locks remember."""

import ape
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_abi.abi import encode
from eth_account.messages import SignableMessage
from eth_hash.auto import keccak

from scripts._house import container
from tests.contracts.house import Contracts, refuses
from tests.contracts.permit import permit
from tests.contracts.votes import AGAINST, DAY, FOR, Vote


def signed(governor: ContractInstance, key: AccountAPI, number: int, choice: int, *, voter: str | None = None) -> bytes:
    """A vote as a voter signs it (EIP-712), or the key of a voter that is a contract; from the standard's text."""
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    domain = encode(
        ("bytes32", "bytes32", "bytes32", "uint256", "address"),
        (kind, keccak(b"GreenCore Governor"), keccak(b"1"), ape.chain.chain_id, governor.address),
    )
    body = encode(
        ("bytes32", "uint256", "uint8", "address"),
        (keccak(b"Vote(uint256 proposal,uint8 choice,address voter)"), number, choice, voter or key.address),
    )
    made = key.sign_message(SignableMessage(b"\x01", keccak(domain), keccak(body)))
    assert made is not None
    return bytes(made.r).rjust(32, b"\0") + bytes(made.s).rjust(32, b"\0") + bytes([made.v])


def test_vote_by_signature__brought_by_anybody__counts_once(
    vote: Vote, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """Who has no gas votes all the same; nobody changes a word of it, and it holds what was locked."""
    governor = vote.governor
    number = vote.propose(prosumer, vote.coefficients(1))
    given = signed(governor, neighbour, number, FOR)
    refuses("governor: no vote is open", governor.vote_by_signature, number, FOR, neighbour, given, sender=stranger)
    vote.wait(DAY + 1)
    forged = "governor: not signed by the voter"
    for changed in ((number, AGAINST, neighbour), (number + 1, FOR, neighbour), (number, FOR, buyer)):
        refuses(forged, governor.vote_by_signature, *changed, given, sender=stranger)
    refuses(forged, governor.vote_by_signature, number, FOR, vote.coin, given, sender=stranger)
    refuses(forged, governor.vote_by_signature, number, FOR, "0x" + "0" * 40, b"", sender=stranger)
    receipt = governor.vote_by_signature(number, FOR, neighbour, given, sender=stranger)
    (voted,) = receipt.decode_logs(governor.Voted)
    assert (voted.proposal, voted.voter, voted.choice, voted.votes) == (number, neighbour, FOR, 150)
    again = "governor: voted already"
    refuses(again, governor.vote_by_signature, number, FOR, neighbour, given, sender=stranger)
    refuses(again, governor.vote, number, AGAINST, sender=neighbour)
    refuses("voting_lock: held by a vote", vote.lock.unlock, 1, sender=neighbour)
    governor.vote(number, AGAINST, sender=prosumer)
    given = signed(governor, prosumer, number, FOR)
    refuses(again, governor.vote_by_signature, number, FOR, prosumer, given, sender=stranger)


def test_vote_by_signature__of_a_wallet_that_is_a_contract__counts_while_its_key_signed(
    vote: Vote, prosumer: AccountAPI, owner: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """ERC-1271: the wallet says what its key's signature is worth at that moment."""
    governor = vote.governor
    wallet = owner.deploy(container("SmartWallet"), buyer)
    vote.coin.give(wallet, 70, sender=owner)
    for target, data in (
        (vote.coin, vote.coin.approve.encode_input(vote.lock, 70)),
        (vote.lock, vote.lock.lock.encode_input(70)),
    ):
        wallet.call(target, data, sender=buyer)
    number = vote.propose(prosumer, vote.coefficients(1))
    vote.wait(DAY + 1)
    given = signed(governor, buyer, number, FOR, voter=wallet.address)
    wallet.replace(stranger, sender=buyer)
    forged = "governor: not signed by the voter"
    refuses(forged, governor.vote_by_signature, number, FOR, wallet, given, sender=stranger)
    given = signed(governor, stranger, number, FOR, voter=wallet.address)
    refuses(forged, governor.vote_by_signature, number, FOR, stranger, given, sender=stranger)
    (voted,) = governor.vote_by_signature(number, FOR, wallet, given, sender=prosumer).decode_logs(governor.Voted)
    assert (voted.voter, voted.choice, voted.votes) == (wallet, FOR, 70)


def test_lock_with_permit__and_areas(
    contracts: Contracts, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """One transaction without an approval; time counts from the second of the lock, for each and for all."""
    coin = owner.deploy(container("TaxedCoin"))
    lock = owner.deploy(container("VotingLock"), coin, "0x" + "0" * 40)
    for person in (prosumer, neighbour):
        coin.give(person, 100, sender=owner)
    assert (lock.area(prosumer, lock.began() - 1), lock.since(prosumer)) == (0, 0)
    first = lock.lock_with_permit(60, *permit(coin, prosumer, lock, 60)[3:], sender=prosumer).timestamp
    coin.approve(lock, 100, sender=neighbour)
    second = lock.lock(30, sender=neighbour).timestamp
    third = lock.unlock(20, sender=prosumer).timestamp
    ape.chain.mine(timestamp=third + 1_000)

    own = 60 * (third - first) + 40 * 1_000
    assert lock.area(prosumer, third + 1_000) == own
    assert lock.area("0x" + "0" * 40, third + 1_000) == own + 30 * (third + 1_000 - second)
    assert lock.area(prosumer, first) == lock.area(stranger, third) == 0
    assert (lock.since(prosumer), lock.total_locked()) == (first, 70)
    refuses("voting_lock: not over yet", lock.area, prosumer, third + 10**6, sender=stranger)
    refuses("erc20: insufficient allowance", lock.lock, 1, sender=prosumer)
    refuses("voting_lock: access is denied", lock.use, prosumer, first, third, sender=stranger)
    coin.give(prosumer, 1 << 97, sender=owner)
    coin.approve(lock, 1 << 97, sender=prosumer)
    refuses("voting_lock: amount out of bounds", lock.lock, (1 << 96) - 70, sender=prosumer)
    lock.lock((1 << 96) - 71, sender=prosumer)
