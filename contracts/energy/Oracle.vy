# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Oracle
@custom:contract-name Oracle
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The only door through which energy becomes known to the chain. Independent nodes recompute a 15-minute slot of
        the whole grid and sign one report: a Merkle root over every station's lifetime register, the running total,
        and the hash of the report before. A report costs the same for one station and for a million. It is accepted
        when enough of the signer set signed it, when it continues the chain of contents, and when its energy fits into
        what the registered plants can physically have made. Anybody may bring it.
@custom:security The stored hash of a signer set is cut to 160 bits to share a word: finding another list for it is as
                 hard as finding a key for an address. A quorum that lies can invent energy up to the ceiling of
                 `total_rated_w` and no further: the bucket fills by slots, at 1.25 times the rated power, and holds 31
                 days. What the chain of content hashes forbids is a fork, a gap that goes unnoticed, and a replay; the
                 deadline and the signer epoch stand outside the chained content, so the same content may be signed
                 again after a rotation.
                 There is no lock: the only call that leaves is a view of the Registry. A challenge delay gives people
                 time to stop a wrong report, or to overtake it with `validFrom`, before anybody can claim against it.
@custom:kill `Guard.pause(oracle)` refuses every report at once; claims against accepted reports go on at the Treasury.
             `rotate` with `previous_until_slot = 0` discards a compromised signer set at once.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from contracts.interfaces import IOracle
from contracts.interfaces import IPausable
from contracts.interfaces import IRegistry

implements: IOracle
implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator
from contracts.modules import quorum
from contracts.modules import rate
from contracts.modules import token_bucket

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712_domain_separator

# `renounce_ownership` is left out: without an owner a signer could never be replaced.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    eip712_domain_separator.eip712Domain,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A utility is open, in one mode for ever.
event UtilityOpened:
    utility: indexed(uint8)
    mode: uint8


# @dev The signer set changed.
event SignerSetRotated:
    epoch: indexed(uint32)
    k: uint256
    signers: DynArray[address, quorum.SIGNERS_MAX]
    from_slot: uint32
    previous_until_slot: uint32


# @dev A report was accepted.
event ReportAccepted:
    utility: indexed(uint8)
    slot: indexed(uint32)
    content_hash: indexed(bytes32)
    prev: bytes32
    root: bytes32
    increase: uint96
    total: uint96
    stations: uint32
    data_hash: bytes32
    valid_from: uint32
    epoch: uint32


# @dev The Oracle took the Registry's total rated power over.
event RatedPowerRefreshed:
    old: uint64
    new: uint64


# @dev How long nobody can claim against a report has changed, in seconds.
event ChallengeDelayChanged:
    old: uint256
    new: uint256


# @dev The ceiling of a utility follows a rate of its own: a base and a share of the total rated power.
event RateChanged:
    utility: indexed(uint8)
    base_w: uint64
    share_ppm: uint32


# @dev The Guard stopped the Oracle or let it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev How many recent slots keep their root: 32 hours.
RING: constant(uint256) = 128


# @dev Seconds in a slot.
SLOT_SECONDS: constant(uint256) = 900


# @dev Utility codes run from 1 (E) to 9 (DEV).
UTILITY_MAX: constant(uint256) = 9


# @dev How energy of a utility becomes tokens.
MODE_CLAIMED: constant(uint8) = 1
MODE_DIRECT: constant(uint8) = 2
MODE_POOLED: constant(uint8) = 3


# @dev The longest challenge delay, in slots: a day, which leaves eight hours until the ring forgets a root.
_DELAY_SLOTS_MAX: constant(uint256) = 96


# @dev Places in a head: whether the utility has a rate of its own, and the challenge delay.
_RATED_SHIFT: constant(uint256) = 246
_RATED: constant(uint256) = 1 << 246
_DELAY_SHIFT: constant(uint256) = 247
_DELAY_MASK: constant(uint256) = 127 << 247


# @dev Masks of packed fields.
_U22: constant(uint256) = (1 << 22) - 1
_U24: constant(uint256) = (1 << 24) - 1
_U31: constant(uint256) = (1 << 31) - 1
_U32: constant(uint256) = (1 << 32) - 1
_U64: constant(uint256) = (1 << 64) - 1
_U96: constant(uint256) = (1 << 96) - 1


# @dev EIP-712 type of a report.
_REPORT_TYPE_HASH: constant(bytes32) = keccak256(
    "Report(uint8 utility,uint32 slot,bytes32 prev,bytes32 root,uint96 increase,uint96 total,"
    "uint32 stations,bytes32 dataHash,uint32 validFrom,uint64 deadline,uint32 epoch)"
)


# @dev Where the rated power of the grid stands.
registry: public(immutable(address))


# @dev The only contract that may bring reports of direct and pooled utilities: it pays in the same transaction.
treasury: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev What every report reads, in one word: paused (1 bit) | rated power in units of 64 W << 1 (31)
# | and the newest signer set: k << 32 (8) | epoch << 40 (24) | from slot << 64 (32) | first 160 bits of its hash << 96.
_session: uint256


# @dev The signer set before: until slot (32 bits) | k << 32 (8) | epoch << 40 (24) | from slot << 64 (32)
# | first 160 bits of its hash << 96.
_previous: uint256


# @dev utility → slot (32 bits) | total µWh << 32 (96) | allowance mWh << 128 (64) | validFrom << 192 (32)
# | number of reports << 224 (22) | has a rate of its own << 246 (1) | challenge delay in slots << 247 (7) | mode << 254 (2).
# The delay stands in every open utility's word because every report and every claim reads that word anyway.
_heads: uint256[UTILITY_MAX + 1]


# @dev utility → content hash of the newest report.
_contents: bytes32[UTILITY_MAX + 1]


# @dev utility → slot modulo 128 → root. Reused, never zeroed: a fresh word costs four times as much.
_ring: bytes32[RING][UTILITY_MAX + 1]


# @dev epoch → what `signer_set` tells. No report reads it.
_sets: HashMap[uint32, IOracle.SignerSet]


# @dev Challenge delay in slots (32 bits) | when it last rose from 0, unix seconds << 32 (40).
_challenge: uint256


# @dev utility → slot modulo 128 → slot (32 bits) | when its report was accepted, unix seconds << 32 (40). Written and read
# only while there is a challenge delay.
_accepted: uint256[RING][UTILITY_MAX + 1]


# @dev utility → its rate, if its ceiling is not the rated power.
_rates: uint256[UTILITY_MAX + 1]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(registry_: address, treasury_: address, guard_: address):
    """
    @dev The deployer is the first owner. There is no signer set and no utility yet.
    @param registry_ The 20-byte address of the Registry.
    @param treasury_ The 20-byte address at which the Treasury will stand.
    @param guard_ The 20-byte address of the Guard.
    """
    ownable.__init__()
    ownable_2step.__init__()
    eip712_domain_separator.__init__("GreenCore Oracle", "1")
    registry = registry_
    treasury = treasury_
    guard = guard_


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def report(
    r: IOracle.Report,
    signers: DynArray[address, quorum.SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
) -> uint8:
    """
    @dev Accepts a report signed by a quorum. The work is the same for any number of stations.
    @notice Anybody may bring a report of a claimed utility. One of a direct or pooled utility comes through the
            Treasury, which pays in the same transaction; else a stranger could bring the bare report first and nobody
            would be paid.
    @param r The report.
    @param signers The whole signer set of `r.epoch`, strictly ascending.
    @param signatures Pairs of (r, vs) after EIP-2098, in ascending order of the signer's address.
    @return uint8 The mode of the utility: 1 claimed, 2 direct, 3 pooled.
    """
    session: uint256 = self._session
    assert session & 1 == 0, "oracle: paused"
    assert block.timestamp <= convert(r.deadline, uint256), "oracle: deadline passed"

    head: uint256 = self._heads[r.utility]
    mode: uint256 = head >> 254
    assert mode != 0, "oracle: utility is not open"
    assert convert(mode, uint8) == MODE_CLAIMED or msg.sender == treasury, "oracle: only through the treasury"

    slot: uint256 = convert(r.slot, uint256)
    last: uint256 = head & _U32
    assert slot > last, "oracle: slot is not after the last one"
    # The running slot is allowed: the chain's clock may lag behind the nodes'. A later one would skip energy for ever.
    assert unsafe_mul(slot, SLOT_SECONDS) <= block.timestamp, "oracle: slot is in the future"
    assert r.valid_from <= r.slot, "oracle: report refuses itself"
    assert r.root != empty(bytes32), "oracle: no root"

    assert r.prev == self._contents[r.utility], "oracle: does not follow the last report"
    total: uint256 = convert(r.total, uint256)
    increase: uint256 = convert(r.increase, uint256)
    assert total == unsafe_add((head >> 32) & _U96, increase), "oracle: total is not the last total and the increase"

    signer_set: uint256 = self._signer_set_for(session, r.epoch, slot)
    # `quorum._check_quorum`, here because copying the two lists for a call costs 700 gas.
    assert convert(keccak256(abi_encode(signers)), uint256) >> 96 == signer_set >> 96, "quorum: wrong signer set"
    count: uint256 = len(signatures) >> 1
    assert len(signatures) & 1 == 0 and count >= (signer_set >> 32) & 255, "quorum: too few signatures"
    digest: bytes32 = self._digest(keccak256(abi_encode(_REPORT_TYPE_HASH, r)))
    found: uint256 = 0
    signer: address = empty(address)
    for candidate: address in signers:
        if signer == empty(address):
            vs: uint256 = convert(signatures[unsafe_add(unsafe_mul(2, found), 1)], uint256)
            s: uint256 = vs & quorum._S_MASK
            assert s <= quorum._S_MAX, "quorum: high s"
            signer = ecrecover(digest, unsafe_add(27, vs >> 255), convert(signatures[unsafe_mul(2, found)], uint256), s)
        if candidate == signer:
            found = unsafe_add(found, 1)
            if found == count:
                break
            signer = empty(address)
    assert found == count, "quorum: not a signer, or not in order"

    allowance: uint256 = self._spend(session, head, r.utility, unsafe_sub(slot, last), increase)

    # `_content_hash` on the calldata itself, where the report stands first; its words were checked when it was decoded.
    content: bytes32 = keccak256(slice(msg.data, 4, 288))
    # `validFrom` never falls: a root that was declared dead stays dead.
    self._heads[r.utility] = (
        slot
        | (total << 32)
        | (allowance << 128)
        | (max((head >> 192) & _U32, convert(r.valid_from, uint256)) << 192)
        | (min(unsafe_add((head >> 224) & _U22, 1), _U22) << 224)
        | ((head >> _RATED_SHIFT) << _RATED_SHIFT)
    )
    self._contents[r.utility] = content
    if convert(mode, uint8) == MODE_CLAIMED:
        self._ring[r.utility][slot % RING] = r.root
        if head & _DELAY_MASK != 0:
            self._accepted[r.utility][slot % RING] = slot | (block.timestamp << 32)
    else:
        assert head & _DELAY_MASK == 0, "oracle: a challenge delay stops paying with the report"

    log ReportAccepted(
        utility=r.utility,
        slot=r.slot,
        content_hash=content,
        prev=r.prev,
        root=r.root,
        increase=r.increase,
        total=r.total,
        stations=r.stations,
        data_hash=r.data_hash,
        valid_from=r.valid_from,
        epoch=r.epoch,
    )
    return convert(mode, uint8)


@external
def refresh_rated_power():
    """
    @dev Takes the Registry's total rated power over. A report does it by itself when it needs more room; calling it
         after plants were taken out of service lowers the ceiling at once.
    """
    self._refresh(self._session)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def open_utility(utility: uint8, mode: uint8):
    """
    @dev Opens a utility, once for ever. The ceiling starts empty, so energy from before cannot be brought in.
    @param utility The 1-byte utility code, 1 to 9.
    @param mode The 1-byte mode: 1 owners claim by proof, 2 owners are paid with the report, 3 the Treasury's
           beneficiary is paid with the report.
    """
    ownable._check_owner()
    assert utility != 0 and convert(utility, uint256) <= UTILITY_MAX, "oracle: unknown utility"
    assert mode != 0 and mode <= MODE_POOLED, "oracle: unknown mode"
    assert self._heads[utility] == 0, "oracle: utility is open already"
    # The first slot that can be reported is the running one.
    rated: uint256 = 0
    if self._rates[utility] != 0:
        rated = _RATED
    self._heads[utility] = (
        (block.timestamp // SLOT_SECONDS - 1)
        | rated
        | ((self._challenge & _U32) << _DELAY_SHIFT)
        | (convert(mode, uint256) << 254)
    )
    log UtilityOpened(utility=utility, mode=mode)


@external
def set_challenge_delay(seconds: uint256):
    """
    @dev Sets how long nobody can claim against a report after it was accepted. It acts on reports that stand already too:
         those from before the first delay count as accepted when it was set. While it is above 0, utilities that are
         paid with the report take none.
    @param seconds The delay in seconds, whole slots, at most a day; 0 for none.
    """
    ownable._check_owner()
    slots: uint256 = seconds // SLOT_SECONDS
    assert slots * SLOT_SECONDS == seconds, "oracle: delay is not whole slots"
    assert slots <= _DELAY_SLOTS_MAX, "oracle: delay out of bounds"
    challenge: uint256 = self._challenge
    old: uint256 = challenge & _U32
    since: uint256 = challenge >> 32
    if old == 0:
        since = block.timestamp
    self._challenge = slots | (since << 32)
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        word: uint256 = self._heads[utility]
        if word != 0:
            self._heads[utility] = (word & ~_DELAY_MASK) | (slots << _DELAY_SHIFT)
    log ChallengeDelayChanged(old=old * SLOT_SECONDS, new=seconds)


@external
def set_rate(utility: uint8, base_w: uint64, share_ppm: uint32):
    """
    @dev Gives a utility that is not electric energy a ceiling of its own. 800 W let one whole token be made in an hour.
    @param utility The 1-byte utility code, 2 to 9; E is measured by the rated power, for ever.
    @param base_w The base for the whole grid in W.
    @param share_ppm The share of the total rated power that is added, in millionths.
    """
    ownable._check_owner()
    assert utility > 1 and convert(utility, uint256) <= UTILITY_MAX, "oracle: no rate for this utility"
    self._rates[utility] = rate._packed(base_w, share_ppm)
    if self._heads[utility] != 0:
        self._heads[utility] |= _RATED
    log RateChanged(utility=utility, base_w=base_w, share_ppm=share_ppm)


@external
def rotate(
    signers: DynArray[address, quorum.SIGNERS_MAX],
    k: uint256,
    faulty: uint256,
    from_slot: uint32,
    previous_until_slot: uint32,
):
    """
    @dev Begins a new epoch with a new signer set. The set before it may sign up to a stated slot, the one before that
         no longer at all.
    @param signers The signers, strictly ascending, no zero address.
    @param k The number of signatures needed, more than half of signers and faulty ones together.
    @param faulty The number of signers who may be faulty without harm.
    @param from_slot The first slot that the new set may sign.
    @param previous_until_slot The last slot that the set before may sign; 0 to discard it at once.
    """
    ownable._check_owner()
    quorum._check_set(signers, k, faulty)
    session: uint256 = self._session
    previous: uint32 = convert((session >> 40) & _U24, uint32)
    epoch: uint32 = previous + 1
    assert convert(epoch, uint256) <= _U24, "oracle: no more epochs"
    if previous != 0:
        self._previous = ((session >> 32) << 32) | convert(previous_until_slot, uint256)
        self._sets[previous].until_slot = previous_until_slot
    if previous > 1:
        # Whatever the set before the previous one still had, it has no longer.
        self._sets[previous - 1].until_slot = 0
    hash: bytes32 = quorum._set_hash(signers)
    self._session = (
        (session & _U32)
        | (k << 32)
        | (convert(epoch, uint256) << 40)
        | (convert(from_slot, uint256) << 64)
        | ((convert(hash, uint256) >> 96) << 96)
    )
    self._sets[epoch] = IOracle.SignerSet(
        hash=hash, k=convert(k, uint8), from_slot=from_slot, until_slot=max_value(uint32)
    )
    log SignerSetRotated(
        epoch=epoch, k=k, signers=signers, from_slot=from_slot, previous_until_slot=previous_until_slot
    )


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops the Oracle or lets it go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "oracle: access is denied"
    self._session = ((self._session >> 1) << 1) | convert(paused_, uint256)
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def head(utility: uint8) -> IOracle.Head:
    """
    @dev Returns the newest accepted report of a utility. Before the first report `reports` is 0 and `slot` is the one
         before the utility was opened.
    @param utility The 1-byte utility code.
    @return Head The slot, the running total in µWh, the content hash, and how many reports there were.
    """
    word: uint256 = self._heads[utility]
    return IOracle.Head(
        slot=convert(word & _U32, uint32),
        total=convert((word >> 32) & _U96, uint96),
        content_hash=self._contents[utility],
        reports=convert((word >> 224) & _U22, uint32),
    )


@external
@view
def mode_of(utility: uint8) -> uint8:
    """
    @dev Returns how energy of a utility becomes tokens.
    @param utility The 1-byte utility code.
    @return uint8 0 not open, 1 claimed, 2 direct, 3 pooled.
    """
    return convert(self._heads[utility] >> 254, uint8)


@external
@view
def valid_from(utility: uint8) -> uint32:
    """
    @dev Returns the first slot whose report can still be claimed against.
    @param utility The 1-byte utility code.
    @return uint32 The slot.
    """
    return convert((self._heads[utility] >> 192) & _U32, uint32)


@external
@view
def ceiling(utility: uint8, slot: uint32) -> uint256:
    """
    @dev Returns how much energy a report of a slot may bring at most.
    @param utility The 1-byte utility code.
    @param slot The 4-byte slot, after the last reported one.
    @return uint256 The energy in µWh.
    """
    word: uint256 = self._heads[utility]
    if word == 0 or convert(slot, uint256) <= word & _U32:
        return 0
    return token_bucket._filled(
        ((word >> 128) & _U64) * 1_000,
        rate._rated(self._rates[utility], staticcall IRegistry(registry).total_rated_w()),
        (convert(slot, uint256) - (word & _U32)) * SLOT_SECONDS,
    )


@external
@view
def root_of(utility: uint8, slot: uint32) -> bytes32:
    """
    @dev Returns the root that claims of a slot are proved against, or zero if they are refused: later than the newest
         report, before `validFrom`, more than 127 slots old, or not a claimed utility. Whether the challenge delay has
         passed is another question, see `claimable_at`.
    @notice A slot that was skipped answers with the root that stood in its place before. No leaf in that tree carries
            this slot's number, so no claim can follow from it.
    @param utility The 1-byte utility code.
    @param slot The 4-byte slot.
    @return bytes32 The 32-byte root.
    """
    return self._root_of(self._heads[utility], utility, slot)


@external
@view
def challenge_delay() -> uint256:
    """
    @dev Returns how long nobody can claim against a report after it was accepted.
    @return uint256 The delay in seconds.
    """
    return (self._challenge & _U32) * SLOT_SECONDS


@external
@view
def claimable_at(utility: uint8, slot: uint32) -> uint256:
    """
    @dev Returns from when on the challenge delay lets anybody claim against the report of a slot. It does not tell whether
         there is such a report, see `root_of`.
    @param utility The 1-byte utility code.
    @param slot The 4-byte slot of the report.
    @return uint256 The instant in unix seconds; 0 while there is no delay.
    """
    word: uint256 = self._heads[utility]
    if word & _DELAY_MASK == 0:
        return 0
    return self._claimable_at(word, utility, slot)


@external
@view
def rate_of(utility: uint8) -> (bool, uint64, uint32):
    """
    @dev Returns the rate that a utility's ceiling follows.
    @param utility The 1-byte utility code.
    @return bool False if there is none, and the ceiling follows the total rated power.
    @return uint64 The base for the whole grid in W.
    @return uint32 The share of the total rated power, in millionths.
    """
    word: uint256 = self._rates[utility]
    return word != 0, convert(word & _U64, uint64), convert((word >> 64) & _U32, uint32)


@external
@view
def settlement(utility: uint8, slot: uint32) -> (bytes32, uint256):
    """
    @dev Returns what a claim needs, in one call. Reverts while the challenge delay of that report runs.
    @param utility The 1-byte utility code.
    @param slot The 4-byte slot of the report that the claim proves against.
    @return bytes32 The root of that report, or zero if claims against it are refused.
    @return uint256 The running total of the newest report in µWh.
    """
    word: uint256 = self._heads[utility]
    if word & _DELAY_MASK != 0:
        assert block.timestamp >= self._claimable_at(word, utility, slot), "oracle: challenge delay is running"
    return self._root_of(word, utility, slot), (word >> 32) & _U96


@external
@view
def epoch() -> uint32:
    """
    @dev Returns the number of the newest signer set; 0 before the first.
    @return uint32 The epoch.
    """
    return convert((self._session >> 40) & _U24, uint32)


@external
@view
def paused() -> bool:
    """
    @dev Tells whether reports are refused.
    @return bool True while the Oracle is stopped.
    """
    return self._session & 1 == 1


@external
@view
def rated_w() -> uint64:
    """
    @dev Returns the copy of the rated power that a usual report is measured by, rounded down to 64 W.
    @return uint64 The power in W.
    """
    return convert(self._rated_in(self._session), uint64)


@external
@view
def signer_set(epoch: uint32) -> IOracle.SignerSet:
    """
    @dev Returns a signer set; all zero when there is none.
    @param epoch The 4-byte epoch.
    @return SignerSet The hash of the list, the signatures needed, the first and the last slot it may sign.
    """
    return self._sets[epoch]


@external
@view
def digest(r: IOracle.Report) -> bytes32:
    """
    @dev Returns what the nodes sign.
    @param r The report.
    @return bytes32 The 32-byte EIP-712 digest.
    """
    return self._digest(keccak256(abi_encode(_REPORT_TYPE_HASH, r)))


@external
@pure
def content_hash(r: IOracle.Report) -> bytes32:
    """
    @dev Returns the hash that the next report refers to: without deadline and epoch.
    @param r The report.
    @return bytes32 The 32-byte hash.
    """
    return self._content_hash(abi_encode(_REPORT_TYPE_HASH, r))


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _signer_set_for(session: uint256, epoch: uint32, slot: uint256) -> uint256:
    """
    @dev Returns the word of a signer set, and refuses slots that it may not sign.
    @param session The session word.
    @param epoch The epoch that signed.
    @param slot The slot.
    @return uint256 A word with k << 32 (8 bits) and the first 160 bits of the set's hash << 96.
    """
    signing: uint256 = convert(epoch, uint256)
    word: uint256 = session
    if signing != (session >> 40) & _U24:
        word = self._previous
        assert signing == (word >> 40) & _U24, "oracle: unknown epoch"
        assert slot <= word & _U32, "oracle: slot is after the signer set"
    assert signing != 0, "oracle: unknown epoch"
    assert slot >= (word >> 64) & _U32, "oracle: slot is before the signer set"
    return word


@internal
@pure
def _rated_in(session: uint256) -> uint256:
    """
    @dev Unpacks the copy of the rated power.
    @param session The session word.
    @return uint256 The power in W, rounded down to 64 W.
    """
    return ((session >> 1) & _U31) << 6


@internal
def _spend(session: uint256, head: uint256, utility: uint8, slots: uint256, increase: uint256) -> uint256:
    """
    @dev Takes a report's energy out of the ceiling. The usual report is measured by a copy of the rated power that is
         never above what the Registry said; only where that leaves too little room the Registry is asked, so the usual
         report pays for no call.
    @param session The session word.
    @param head The head word of the utility, with the allowance after the last report.
    @param utility The 1-byte utility code.
    @param slots The slots since the last report.
    @param increase The energy of this report, in µWh.
    @return uint256 The allowance left, in mWh, rounded down.
    """
    before: uint256 = unsafe_mul((head >> 128) & _U64, 1_000)
    seconds: uint256 = unsafe_mul(slots, SLOT_SECONDS)
    own: uint256 = 0
    if head & _RATED != 0:
        own = self._rates[utility]
    room: uint256 = token_bucket._filled(before, rate._rated(own, self._rated_in(session)), seconds)
    if room < increase:
        room = token_bucket._filled(before, rate._rated(own, self._refresh(session)), seconds)
        assert room >= increase, "oracle: more than the plants can make"
    return min(unsafe_div(unsafe_sub(room, increase), 1_000), _U64)


@internal
def _refresh(session: uint256) -> uint256:
    """
    @dev Copies the Registry's total rated power.
    @param session The session word.
    @return uint256 The power in W, exact.
    """
    rated: uint256 = staticcall IRegistry(registry).total_rated_w()
    old: uint256 = self._rated_in(session)
    new: uint256 = min(rated >> 6, _U31) << 6
    if new != old:
        self._session = (session & ~(_U31 << 1)) | (new >> 5)
        log RatedPowerRefreshed(old=convert(old, uint64), new=convert(new, uint64))
    return rated


@internal
@view
def _claimable_at(word: uint256, utility: uint8, slot: uint32) -> uint256:
    """
    @dev Returns when the challenge delay of a slot's report is over.
    @param word The head word of the utility, with a delay in it.
    @param utility The 1-byte utility code.
    @param slot The 4-byte slot.
    @return uint256 The instant in unix seconds.
    """
    wanted: uint256 = convert(slot, uint256)
    accepted: uint256 = self._accepted[utility][wanted % RING]
    since: uint256 = accepted >> 32
    if accepted & _U32 != wanted:
        # Accepted while there was no delay, and nobody wrote down when.
        since = self._challenge >> 32
    return since + ((word & _DELAY_MASK) >> _DELAY_SHIFT) * SLOT_SECONDS


@internal
@view
def _root_of(word: uint256, utility: uint8, slot: uint32) -> bytes32:
    """
    @dev Returns the root of a slot, or zero if claims against it are refused.
    @param word The head word of the utility.
    @param utility The 1-byte utility code.
    @param slot The 4-byte slot.
    @return bytes32 The 32-byte root.
    """
    last: uint256 = word & _U32
    wanted: uint256 = convert(slot, uint256)
    if wanted > last or unsafe_add(wanted, RING) <= last or wanted < (word >> 192) & _U32:
        return empty(bytes32)
    return self._ring[utility][wanted % RING]


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    """
    @dev Computes what the nodes sign: `eip712_domain_separator._hash_typed_data_v4` without its two calls.
    @param struct_hash The 32-byte hash of the report, encoded behind its type hash.
    @return bytes32 The 32-byte EIP-712 digest.
    """
    return keccak256(concat(x"1901", eip712_domain_separator._domain_separator_v4(), struct_hash))


@internal
@pure
def _content_hash(encoded: Bytes[384]) -> bytes32:
    """
    @dev Computes the hash of a report's content: its first nine words, all but deadline and epoch.
    @param encoded The report, encoded behind its type hash.
    @return bytes32 The 32-byte hash.
    """
    return keccak256(slice(encoded, 32, 288))
