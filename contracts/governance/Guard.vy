# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Guard
@custom:contract-name Guard
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The brake of the house. Guardians stop a contract at once; only the owner lets it go on. Guardians freeze an
        account, which stops its transfers and never its minting: energy that was metered is owed whoever owns the
        meter. Tiers say how far an account's identity was checked. Contracts that keep a copy of what is said here, so that
        a trade need not ask, are told in the same transaction (`set_followers`).
@custom:security A guardian can stop the house but can take nothing from anybody. The owner is meant to be a timelock.
@custom:kill Nothing here needs to be stopped: without guardians (`set_guardian(…, False)`) the contract only answers
             questions. What it stopped stays stopped until the owner calls `unpause`.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from contracts.interfaces import IGuard
from contracts.interfaces import IPausable

implements: IGuard


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: without an owner nothing that was stopped could ever go on.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A guardian was appointed or dismissed.
event GuardianChanged:
    guardian: indexed(address)
    old: bool
    new: bool


# @dev A contract was stopped.
event Paused:
    target: indexed(address)
    by: indexed(address)


# @dev A contract may go on.
event Unpaused:
    target: indexed(address)
    by: indexed(address)


# @dev An account may not transfer, fuse or burn.
event Frozen:
    account: indexed(address)
    by: indexed(address)


# @dev An account may transfer again.
event Unfrozen:
    account: indexed(address)
    by: indexed(address)


# @dev Other contracts are told of changes.
event FollowersChanged:
    followers: DynArray[address, FOLLOWERS_MAX]


# @dev A contract could not be told of a change of an account. What it keeps has to be renewed there (`mark_frozen`).
event NotTold:
    follower: indexed(address)
    account: indexed(address)


# @dev How far an account's identity is checked has changed.
event TierChanged:
    account: indexed(address)
    old: uint8
    new: uint8


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The most contracts that are told of changes.
FOLLOWERS_MAX: constant(uint256) = 8


# @dev The gas that each of them may use: more than the book needs for an account in 1,024 markets. And what must be there
# before the call, so that so much is left for it: a 64th stays here.
_FOLLOWER_GAS: constant(uint256) = 6_000_000
_GAS_NEEDED: constant(uint256) = 6_200_000


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev Who may stop, freeze and set tiers.
guardians: public(HashMap[address, bool])


# @dev Which accounts may not move tokens.
frozen: public(reentrant(HashMap[address, bool]))


# @dev How far an account's identity was checked; 0 is not at all.
tier_of: public(HashMap[address, uint8])


# @dev Which contracts are told of changes.
_followers: DynArray[address, FOLLOWERS_MAX]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__():
    """
    @dev The deployer is the first owner.
    """
    ownable.__init__()
    ownable_2step.__init__()


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_guardian(guardian: address, active: bool):
    """
    @dev Appoints or dismisses a guardian.
    @param guardian The 20-byte address.
    @param active True to appoint.
    """
    ownable._check_owner()
    old: bool = self.guardians[guardian]
    self.guardians[guardian] = active
    log GuardianChanged(guardian=guardian, old=old, new=active)


@external
def unpause(target: address):
    """
    @dev Lets a stopped contract go on.
    @param target The 20-byte address of the contract.
    """
    ownable._check_owner()
    extcall IPausable(target).set_paused(False)
    log Unpaused(target=target, by=msg.sender)


@external
def set_followers(followers_: DynArray[address, FOLLOWERS_MAX]):
    """
    @dev Names the contracts whose `mark_frozen(address)` is called whenever an account is frozen, let go or given a tier.
    @notice One that fails does not keep an account from being frozen: `NotTold` says so. It must have had the gas that it
            may use, else the whole reverts.
    @param followers_ The 20-byte addresses of all of them.
    """
    ownable._check_owner()
    for follower: address in followers_:
        assert follower.is_contract, "guard: follower has no code"
    self._followers = followers_
    log FollowersChanged(followers=followers_)


# ------------------------------------------------------------------
#                         GUARDIANS AND OWNER
# ------------------------------------------------------------------


@external
def pause(target: address):
    """
    @dev Stops a contract.
    @param target The 20-byte address of a contract that obeys this Guard.
    """
    self._check_guardian()
    extcall IPausable(target).set_paused(True)
    log Paused(target=target, by=msg.sender)


@external
def freeze(account: address):
    """
    @dev Stops an account's transfers.
    @param account The 20-byte address.
    """
    self._check_guardian()
    assert not self.frozen[account], "guard: frozen already"
    self.frozen[account] = True
    log Frozen(account=account, by=msg.sender)
    self._tell(account)


@external
def unfreeze(account: address):
    """
    @dev Lets a frozen account transfer again.
    @param account The 20-byte address.
    """
    self._check_guardian()
    assert self.frozen[account], "guard: not frozen"
    self.frozen[account] = False
    log Unfrozen(account=account, by=msg.sender)
    self._tell(account)


@external
def set_tier(account: address, tier: uint8):
    """
    @dev Records how far an account's identity was checked.
    @param account The 20-byte address.
    @param tier The 1-byte tier; 0 is not at all.
    """
    self._check_guardian()
    old: uint8 = self.tier_of[account]
    self.tier_of[account] = tier
    log TierChanged(account=account, old=old, new=tier)
    self._tell(account)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def followers() -> DynArray[address, FOLLOWERS_MAX]:
    """
    @dev Returns the contracts that are told of changes.
    @return DynArray Their 20-byte addresses.
    """
    return self._followers


@external
@view
def any_frozen(one: address, other: address) -> bool:
    """
    @dev Tells whether one of two accounts is frozen: one call for a transfer.
    @param one The 20-byte address of one account.
    @param other The 20-byte address of the other.
    @return bool True if at least one of them is frozen.
    """
    return self.frozen[one] or self.frozen[other]


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_guardian():
    """
    @dev Refuses anyone but a guardian or the owner.
    """
    assert self.guardians[msg.sender] or msg.sender == ownable.owner, "guard: access is denied"


@internal
def _tell(account: address):
    """
    @dev Lets those who keep a copy renew it.
    @param account The 20-byte address of the account that has changed.
    """
    for follower: address in self._followers:
        gas: uint256 = msg.gas
        told: bool = raw_call(
            follower,
            abi_encode(account, method_id=method_id("mark_frozen(address)")),
            gas=_FOLLOWER_GAS,
            revert_on_failure=False,
        )
        if not told:
            # What ran out of gas here succeeds with more. An estimate of gas looks for the least with which nothing
            # reverts, and whoever executes a vote chooses it: neither may leave a frozen account trading.
            assert gas >= _GAS_NEEDED, "guard: too little gas to tell"
            log NotTold(follower=follower, account=account)
