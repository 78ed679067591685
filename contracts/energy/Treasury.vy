# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Treasury
@custom:contract-name Treasury
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Turns what the Oracle reported into tokens, once. Every tenure of a station has a lifetime register, and the
        Treasury remembers how much of it became tokens: whoever shows the newest leaf settles everything since the
        last time with one proof, a missed slot costs nothing and a repetition mints nothing. A reserve of 1 to 3 per
        cent is counted on the register and minted when somebody collects it; the rest belongs to the owner. There are
        three ways, and a utility has one of the first two for ever: owners claim by proof (as class tokens, or as a
        batch of exactly one slot), owners are paid in the report's transaction, or a pool is.
@custom:security Never more than the Oracle's running total becomes tokens, on any path. Never more than 1.25 times a
                 station's rated power over time becomes tokens, so one wrong leaf cannot eat the others' room. State
                 is written before a receiver is called; a receiver that refuses is credited here and fetches later.
@custom:kill `Guard.pause(treasury)` refuses every mint at once. What is pending can still be fetched, and tokens still
             move; `Guard.pause(token)` stops those.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from contracts.interfaces import IEnergyToken
from contracts.interfaces import IGuard
from contracts.interfaces import IOracle
from contracts.interfaces import IPausable
from contracts.interfaces import IRegistry
from contracts.interfaces import ITreasury

implements: ITreasury
implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from contracts.modules import merkle_tree
from contracts.modules import rate
from contracts.modules import token_bucket

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: the reserve rate is a policy and needs somebody to set it.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A stretch of a register became tokens. `mode`: 1 claim, 2 batch, 3 direct, 4 pool (station and tenure are 0 and
# the registers are the utility's running total).
event Minted:
    utility: indexed(uint8)
    station: indexed(uint128)
    owner: indexed(address)
    tenure: uint32
    slot: uint32
    from_register: uint96
    to_register: uint96
    to_owner: uint96
    reserve: uint96
    token_id: uint256
    mode: uint8


# @dev Counted reserve was minted.
event ReserveCollected:
    utility: indexed(uint8)
    beneficiary: indexed(address)
    amount: uint256


# @dev The reserve's share of new energy changed, in hundredths of a per cent.
event ReserveRateChanged:
    old: uint256
    new: uint256


# @dev The reserve and pools go to another address.
event BeneficiaryChanged:
    old: indexed(address)
    new: indexed(address)


# @dev A receiver did not accept its tokens; they wait here.
event PendingCredited:
    owner: indexed(address)
    token_id: indexed(uint256)
    amount: uint256


# @dev Waiting tokens were fetched.
event PendingWithdrawn:
    owner: indexed(address)
    token_id: indexed(uint256)
    receiver: indexed(address)
    amount: uint256


# @dev The Treasury took a tenure's rated power over from the Registry.
event RatingRefreshed:
    station: indexed(uint128)
    tenure: uint32
    rated_w: uint64


# @dev Stations make a utility at a rate of its own: a base and a share of their rated power.
event RateChanged:
    utility: indexed(uint8)
    base_w: uint64
    share_ppm: uint32


# @dev The Guard stopped minting or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev Bounds of the reserve's share, in hundredths of a per cent.
RESERVE_BPS_MIN: constant(uint256) = 100
RESERVE_BPS_MAX: constant(uint256) = 300
_BPS: constant(uint256) = 10_000


# @dev Utility codes run from 1 (E) to 9 (DEV).
UTILITY_MAX: constant(uint256) = 9


# @dev The Oracle's modes of a utility.
_DIRECT: constant(uint8) = 2
_POOLED: constant(uint8) = 3


# @dev What `Minted` says about the way.
MODE_CLAIM: constant(uint8) = 1
MODE_BATCH: constant(uint8) = 2
MODE_DIRECT: constant(uint8) = 3
MODE_POOL: constant(uint8) = 4


# @dev The bit that tells a batch id from a class id.
BATCH_BIT: constant(uint256) = 1 << 255


# @dev The longest packed row of readings, in bytes: 4,096 readings of 64 bits.
READINGS_MAX: constant(uint256) = 32_768


# @dev Two of the four 64-bit lanes of a word, each in a field of 128 bits.
_LANES: constant(uint256) = (((1 << 64) - 1) << 128) | ((1 << 64) - 1)


# @dev What must be left before a receiver is called: its 100,000 and what stands around them. With less, a caller could
# starve a willing receiver and leave its tokens pending.
_GAS_FOR_HOOK: constant(uint256) = 180_000


# @dev Masks of packed fields.
_U32: constant(uint256) = (1 << 32) - 1
_U40: constant(uint256) = (1 << 40) - 1
_U56: constant(uint256) = (1 << 56) - 1
_U64: constant(uint256) = (1 << 64) - 1
_U96: constant(uint256) = (1 << 96) - 1
_U128: constant(uint256) = (1 << 128) - 1


# @dev Who is who, and how strong.
registry: public(immutable(address))


# @dev Where reports come in.
oracle: public(immutable(address))


# @dev What is minted.
token: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev utility → minted µWh, reserve included (96 bits) | reserve counted and not collected << 96 (96)
# | reserve share << 192 (16) | paused << 208 (1). The share and the brake stand in every utility's word because every
# mint reads and writes that word anyway.
_books: uint256[UTILITY_MAX + 1]


# @dev utility << 160 | tenure << 128 | station → register (96 bits) | allowance µWh << 96 (64) | at << 160 (40)
# | rated W << 200 (56).
_settled: HashMap[uint256, uint256]


# @dev owner → id → tokens that wait for it.
pending: public(HashMap[address, HashMap[uint256, uint256]])


# @dev Where the reserve and pools go.
beneficiary: public(address)


# @dev utility → its rate, if its buckets are not filled by the station's rated power.
_rates: uint256[UTILITY_MAX + 1]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(
    registry_: address,
    oracle_: address,
    token_: address,
    guard_: address,
    reserve_bps_: uint256,
    beneficiary_: address,
):
    """
    @dev The deployer is the first owner. Refuses an Oracle or a token that was not made for this address.
    @param registry_ The 20-byte address of the Registry.
    @param oracle_ The 20-byte address of the Oracle.
    @param token_ The 20-byte address of the EnergyToken.
    @param guard_ The 20-byte address of the Guard.
    @param reserve_bps_ The reserve's share in hundredths of a per cent, 100 to 300.
    @param beneficiary_ The 20-byte address that the reserve and pools go to.
    """
    ownable.__init__()
    ownable_2step.__init__()
    assert staticcall IOracle(oracle_).treasury() == self, "treasury: oracle belongs to another treasury"
    assert staticcall IEnergyToken(token_).treasury() == self, "treasury: token belongs to another treasury"
    registry = registry_
    oracle = oracle_
    token = token_
    guard = guard_
    self._set_reserve_bps(reserve_bps_)
    self._set_beneficiary(beneficiary_)


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
@reentrant
def claim(leaf: ITreasury.Leaf, index: uint256, proof: DynArray[bytes32, merkle_tree.DEPTH_MAX]) -> uint256:
    """
    @dev Settles a tenure's register up to a leaf, as class tokens. Anybody may call it; the leaf's owner is paid.
    @notice A leaf that is settled already, also one that a later correction overtook, mints 0 and does not revert. What
            the rating does not yet allow is left for a later claim.
    @param leaf The leaf.
    @param index The position of the leaf in the report's tree.
    @param proof The siblings from the leaf up.
    @return uint256 The energy that became tokens, reserve included, in µWh.
    """
    # `merkle_tree._root_from_proof` and `_leaf_hash`, on the calldata itself, because copying the arguments for an
    # internal call costs 600 gas. The leaf is the first argument; decoding it below refuses words that are not
    # canonical.
    node: bytes32 = keccak256(concat(0x00, slice(msg.data, 4, 320)))
    path: uint256 = index
    for sibling: bytes32 in proof:
        if path & 1 == 0:
            node = keccak256(concat(0x01, node, sibling))
        else:
            node = keccak256(concat(0x01, sibling, node))
        path >>= 1
    assert path == 0, "merkle_tree: index beyond the tree"
    return self._claim(leaf, node, False)


@external
@reentrant
def claim_batch(leaf: ITreasury.Leaf, index: uint256, proof: DynArray[bytes32, merkle_tree.DEPTH_MAX]) -> uint256:
    """
    @dev Settles exactly one slot, as tokens that name the slot. Reverts where more or less than the leaf's slot is
         open: then `claim` gives class tokens.
    @param leaf The leaf.
    @param index The position of the leaf in the report's tree.
    @param proof The siblings from the leaf up.
    @return uint256 The energy that became tokens, reserve included, in µWh.
    """
    return self._claim(leaf, merkle_tree._root_from_proof(self._leaf_hash(leaf), index, proof), True)


@external
def direct(
    r: IOracle.Report,
    signers: DynArray[address, 32],
    signatures: DynArray[bytes32, 64],
    leaves: DynArray[ITreasury.Leaf, merkle_tree.ROW_MAX],
) -> uint256:
    """
    @dev Brings a report of a direct utility and pays every owner in the same transaction, as class tokens.
    @notice An owner that is a contract is never called here: one refusal must not stop the others. Its tokens wait in
            `pending`.
    @param r The report.
    @param signers The whole signer set of `r.epoch`, strictly ascending.
    @param signatures Pairs of (r, vs) after EIP-2098, in ascending order of the signer's address.
    @param leaves The report's whole row of leaves, in ascending order of (station, tenure).
    @return uint256 The energy that became tokens, reserve included, in µWh.
    """
    book: uint256 = self._books[r.utility]
    assert book >> 208 == 0, "treasury: paused"
    assert extcall IOracle(oracle).report(r, signers, signatures) == _DIRECT, "treasury: utility is not direct"
    assert len(leaves) == convert(r.stations, uint256), "treasury: not the report's leaves"
    id: uint256 = convert(r.utility, uint256)
    total: uint256 = convert(r.total, uint256)
    sum: uint256 = 0
    row: DynArray[bytes32, merkle_tree.ROW_MAX] = []
    previous: uint256 = 0
    for leaf: ITreasury.Leaf in leaves:
        assert leaf.utility == r.utility and leaf.slot == r.slot, "treasury: leaf of another report"
        place: uint256 = (convert(leaf.station, uint256) << 32) | convert(leaf.tenure, uint256)
        assert place > previous, "treasury: leaves not strictly ascending"
        previous = place
        row.append(self._leaf_hash(leaf))
        start: uint256 = 0
        amount: uint256 = 0
        start, amount = self._settle(leaf.utility, leaf.station, leaf.tenure, convert(leaf.mintable, uint256))
        if amount != 0:
            kept: uint256 = 0
            book, kept = self._booked(book, start, amount, total)
            sum += amount
            self._log_minted(leaf, start, amount, kept, id, MODE_DIRECT)
            if leaf.owner.is_contract:
                self._credit_pending(leaf.owner, id, unsafe_sub(amount, kept))
            else:
                extcall IEnergyToken(token).mint(leaf.owner, id, unsafe_sub(amount, kept), skip_contract_check=True)
    assert merkle_tree._root_of_row(row) == r.root, "treasury: not the report's leaves"
    self._books[r.utility] = book
    return sum


@external
@reentrant
def direct_packed(
    r: IOracle.Report,
    signers: DynArray[address, 32],
    signatures: DynArray[bytes32, 64],
    readings: Bytes[READINGS_MAX],
) -> uint256:
    """
    @dev Brings a report of a pooled utility with its readings, and pays the beneficiary in the same transaction.
    @param r The report; its `data_hash` is the hash of the readings, its `increase` their sum.
    @param signers The whole signer set of `r.epoch`, strictly ascending.
    @param signatures Pairs of (r, vs) after EIP-2098, in ascending order of the signer's address.
    @param readings One 64-bit big-endian number of µWh per station, padded with zero bytes to whole words.
    @return uint256 The energy that became tokens, reserve included, in µWh.
    """
    book: uint256 = self._books[r.utility]
    assert book >> 208 == 0, "treasury: paused"
    assert extcall IOracle(oracle).report(r, signers, signatures) == _POOLED, "treasury: utility is not pooled"
    words: uint256 = (convert(r.stations, uint256) + 3) // 4
    assert len(readings) == words * 32, "treasury: not the report's readings"
    assert keccak256(readings) == r.data_hash, "treasury: not the report's readings"
    # Two running sums of 128 bits side by side: 4,096 lanes of 64 bits cannot carry from one into the other.
    lanes: uint256 = 0
    for i: uint256 in range(words, bound=READINGS_MAX // 32):
        word: uint256 = extract32(readings, unsafe_mul(i, 32), output_type=uint256)
        lanes = unsafe_add(lanes, unsafe_add(word & _LANES, (word >> 64) & _LANES))
    amount: uint256 = convert(r.increase, uint256)
    assert (lanes & _U128) + (lanes >> 128) == amount, "treasury: readings do not sum up to the increase"
    if amount == 0:
        return 0
    total: uint256 = convert(r.total, uint256)
    start: uint256 = total - amount
    kept: uint256 = 0
    book, kept = self._booked(book, start, amount, total)
    self._books[r.utility] = book
    id: uint256 = convert(r.utility, uint256)
    receiver: address = self.beneficiary
    log Minted(
        utility=r.utility,
        station=0,
        owner=receiver,
        tenure=0,
        slot=r.slot,
        from_register=convert(start, uint96),
        to_register=r.total,
        to_owner=convert(amount - kept, uint96),
        reserve=convert(kept, uint96),
        token_id=id,
        mode=MODE_POOL,
    )
    self._deliver(receiver, id, amount - kept)
    return amount


@external
@reentrant
def collect_reserve(utility: uint8) -> uint256:
    """
    @dev Mints the counted reserve of a utility to the beneficiary.
    @param utility The 1-byte utility code.
    @return uint256 The amount in µWh.
    """
    book: uint256 = self._books[utility]
    assert book >> 208 == 0, "treasury: paused"
    amount: uint256 = (book >> 96) & _U96
    if amount == 0:
        return 0
    receiver: address = self.beneficiary
    self._books[utility] = book & ~(_U96 << 96)
    log ReserveCollected(utility=utility, beneficiary=receiver, amount=amount)
    self._deliver(receiver, convert(utility, uint256), amount)
    return amount


@external
def withdraw_pending(token_id: uint256, to: address) -> uint256:
    """
    @dev Fetches the tokens that wait for the caller.
    @notice The token sees a transfer from the Treasury, so a freeze of the caller is asked for here.
    @param token_id The 32-byte class or batch id.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @return uint256 The amount in µWh.
    """
    assert not staticcall IGuard(guard).frozen(msg.sender), "treasury: account is frozen"
    amount: uint256 = self.pending[msg.sender][token_id]
    assert amount != 0, "treasury: nothing is pending"
    self.pending[msg.sender][token_id] = 0
    log PendingWithdrawn(owner=msg.sender, token_id=token_id, receiver=to, amount=amount)
    extcall IEnergyToken(token).safeTransferFrom(self, to, token_id, amount, b"")
    return amount


@external
def refresh_rating(station: uint128, tenure: uint32):
    """
    @dev Takes a tenure's rated power over from the Registry, and the utilities' rates, for every utility that the tenure
         has settled. The time up to now is allowed at the old rating. A closed tenure is allowed the time up to its end and none after it.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    """
    record: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(station, tenure)
    assert record.since != 0, "treasury: unknown tenure"
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        key: uint256 = self._key(convert(utility, uint8), station, tenure)
        word: uint256 = self._settled[key]
        if word != 0:
            rated: uint256 = rate._rated(self._rates[utility], convert(record.rated_w, uint256))
            at: uint256 = (word >> 160) & _U40
            until: uint256 = block.timestamp
            if record.until != 0:
                until = convert(record.until, uint256)
            allowance: uint256 = token_bucket._filled((word >> 96) & _U64, word >> 200, max(until, at) - at)
            # Without more time this only cuts the allowance down to what the new rating may hold.
            allowance = token_bucket._filled(allowance, rated, 0)
            now: uint256 = block.timestamp
            if record.until != 0:
                now = _U40
            self._settled[key] = (word & _U96) | (min(allowance, _U64) << 96) | (now << 160) | (rated << 200)
    log RatingRefreshed(station=station, tenure=tenure, rated_w=record.rated_w)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_reserve_bps(reserve_bps_: uint256):
    """
    @dev Sets the reserve's share of energy that is settled from now on.
    @param reserve_bps_ The share in hundredths of a per cent, 100 to 300.
    """
    ownable._check_owner()
    self._set_reserve_bps(reserve_bps_)


@external
def set_beneficiary(beneficiary_: address):
    """
    @dev Sets where the reserve and pools go.
    @param beneficiary_ The 20-byte address.
    """
    ownable._check_owner()
    self._set_beneficiary(beneficiary_)


@external
def set_rate(utility: uint8, base_w: uint64, share_ppm: uint32):
    """
    @dev Gives a utility that is not electric energy a bucket of its own size. It holds for tenures that settle the utility
         for the first time, and for others after `refresh_rating`. 800 W let one whole token be made in an hour.
    @param utility The 1-byte utility code, 2 to 9; E is measured by the rated power, for ever.
    @param base_w The base of every station in W.
    @param share_ppm The share of the station's rated power that is added, in millionths.
    """
    ownable._check_owner()
    assert utility > 1 and convert(utility, uint256) <= UTILITY_MAX, "treasury: no rate for this utility"
    self._rates[utility] = rate._packed(base_w, share_ppm)
    log RateChanged(utility=utility, base_w=base_w, share_ppm=share_ppm)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops minting or lets it go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "treasury: access is denied"
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        self._books[utility] = (self._books[utility] & ((1 << 208) - 1)) | (convert(paused_, uint256) << 208)
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def settled(utility: uint8, station: uint128, tenure: uint32) -> ITreasury.Settled:
    """
    @dev Returns what a tenure has settled; all zero before the first time.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @return Settled The register in µWh, the allowance left at the last time in µWh, that time, the rated power in W.
    """
    word: uint256 = self._settled[self._key(utility, station, tenure)]
    return ITreasury.Settled(
        register=convert(word & _U96, uint96),
        allowance=convert((word >> 96) & _U64, uint64),
        at=convert((word >> 160) & _U40, uint40),
        rated_w=convert(word >> 200, uint56),
    )


@external
@view
def minted(utility: uint8) -> uint256:
    """
    @dev Returns all energy of a utility that was ever settled, reserve included.
    @param utility The 1-byte utility code.
    @return uint256 The amount in µWh.
    """
    return self._books[utility] & _U96


@external
@view
def reserve(utility: uint8) -> uint256:
    """
    @dev Returns the reserve that was counted and not yet collected.
    @param utility The 1-byte utility code.
    @return uint256 The amount in µWh.
    """
    return (self._books[utility] >> 96) & _U96


# @dev Open while a receiver is called: the token answers `total_supply` with it.
@external
@view
@reentrant
def issued(utility: uint8) -> uint256:
    """
    @dev Returns all energy of a utility that ever became tokens: settled less the reserve not yet collected.
    @param utility The 1-byte utility code.
    @return uint256 The amount in µWh.
    """
    book: uint256 = self._books[utility]
    return (book & _U96) - ((book >> 96) & _U96)


@external
@view
def reserve_bps() -> uint256:
    """
    @dev Returns the reserve's share in hundredths of a per cent.
    @return uint256 The share, 100 to 300.
    """
    return (self._books[1] >> 192) & 65_535


@external
@view
def paused() -> bool:
    """
    @dev Tells whether minting is stopped.
    @return bool True while it is.
    """
    return self._books[1] >> 208 != 0


@external
@view
def rate_of(utility: uint8) -> (bool, uint64, uint32):
    """
    @dev Returns the rate that a utility's buckets are filled by.
    @param utility The 1-byte utility code.
    @return bool False if there is none, and buckets are filled by the station's rated power.
    @return uint64 The base of every station in W.
    @return uint32 The share of the station's rated power, in millionths.
    """
    word: uint256 = self._rates[utility]
    return word != 0, convert(word & _U64, uint64), convert((word >> 64) & _U32, uint32)


@external
@pure
def leaf_hash(leaf: ITreasury.Leaf) -> bytes32:
    """
    @dev Returns a leaf's hash in the report's tree.
    @param leaf The leaf.
    @return bytes32 The 32-byte hash.
    """
    return self._leaf_hash(leaf)


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@pure
def _key(utility: uint8, station: uint128, tenure: uint32) -> uint256:
    """
    @dev Packs what names a register into one map key.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @return uint256 The key.
    """
    return (convert(utility, uint256) << 160) | (convert(tenure, uint256) << 128) | convert(station, uint256)


@internal
@pure
def _leaf_hash(leaf: ITreasury.Leaf) -> bytes32:
    """
    @dev Hashes a leaf behind the byte 0x00.
    @param leaf The leaf.
    @return bytes32 The 32-byte hash.
    """
    return keccak256(concat(0x00, abi_encode(leaf)))


@internal
def _claim(leaf: ITreasury.Leaf, shown_root: bytes32, batch: bool) -> uint256:
    """
    @dev Settles a tenure's register up to a leaf of the report of the leaf's slot.
    @param leaf The leaf.
    @param shown_root The 32-byte root that the leaf's proof leads to.
    @param batch True for tokens that name the slot.
    @return uint256 The energy that became tokens, reserve included, in µWh.
    """
    book: uint256 = self._books[leaf.utility]
    assert book >> 208 == 0, "treasury: paused"
    root: bytes32 = empty(bytes32)
    total: uint256 = 0
    # The Oracle's code was checked at deployment and cannot go away.
    root, total = staticcall IOracle(oracle).settlement(leaf.utility, leaf.slot, skip_contract_check=True)
    # No proof leads to zero, so a missing root never equals the shown one.
    if shown_root != root:
        assert root != empty(bytes32), "treasury: no such report"
        raise "treasury: leaf not in the report"

    start: uint256 = 0
    amount: uint256 = 0
    start, amount = self._settle(leaf.utility, leaf.station, leaf.tenure, convert(leaf.mintable, uint256))
    id: uint256 = convert(leaf.utility, uint256)
    way: uint8 = MODE_CLAIM
    if batch:
        energy: uint256 = convert(leaf.energy, uint256)
        assert energy != 0 and start + energy == convert(leaf.mintable, uint256), "treasury: not exactly one slot"
        assert amount == energy, "treasury: more than the rating allows"
        id = BATCH_BIT | (id << 32) | convert(leaf.slot, uint256)
        way = MODE_BATCH
    if amount == 0:
        return 0
    kept: uint256 = 0
    book, kept = self._booked(book, start, amount, total)
    self._books[leaf.utility] = book
    self._log_minted(leaf, start, amount, kept, id, way)
    self._deliver(leaf.owner, id, unsafe_sub(amount, kept))
    return amount


@internal
def _settle(utility: uint8, station: uint128, tenure: uint32, mintable: uint256) -> (uint256, uint256):
    """
    @dev Moves a tenure's settled register towards `mintable`, as far as its rating allows.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @param mintable The register to settle, in µWh.
    @return uint256 The settled register before, in µWh.
    @return uint256 By how much it moved, in µWh.
    """
    # `_key` without the call.
    key: uint256 = (convert(utility, uint256) << 160) | (convert(tenure, uint256) << 128) | convert(station, uint256)
    word: uint256 = self._settled[key]
    if word == 0:
        # The first time: the bucket has been filling since the tenure began.
        record: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(station, tenure)
        assert record.since != 0, "treasury: unknown tenure"
        own: uint256 = 0
        if utility != 1:
            own = self._rates[utility]
        word = self._first_word(record, rate._rated(own, convert(record.rated_w, uint256)))
    start: uint256 = word & _U96
    if mintable <= start:
        return start, 0
    at: uint256 = (word >> 160) & _U40
    # The end of time for a closed tenure, whose bucket fills no more.
    now: uint256 = max(block.timestamp, at)
    allowance: uint256 = token_bucket._filled((word >> 96) & _U64, word >> 200, unsafe_sub(now, at))
    amount: uint256 = min(unsafe_sub(mintable, start), allowance)
    if amount != 0:
        self._settled[key] = (
            unsafe_add(start, amount)
            | (min(unsafe_sub(allowance, amount), _U64) << 96)
            | (now << 160)
            | ((word >> 200) << 200)
        )
    return start, amount


@internal
@pure
def _first_word(record: IRegistry.Tenure, rated: uint256) -> uint256:
    """
    @dev Returns the word of a tenure that settles for the first time. Its bucket has been filling since it began; that
         of a closed one until it ended, and its clock is set to the end of time.
    @param record The tenure as the Registry knows it.
    @param rated The power in W that fills the bucket.
    @return uint256 The word.
    """
    since: uint256 = convert(record.since, uint256)
    if record.until == 0:
        return (since << 160) | (rated << 200)
    allowance: uint256 = token_bucket._filled(0, rated, convert(record.until, uint256) - since)
    return (min(allowance, _U64) << 96) | (_U40 << 160) | (rated << 200)


@internal
@pure
def _booked(book: uint256, start: uint256, amount: uint256, total: uint256) -> (uint256, uint256):
    """
    @dev Adds a mint to a utility's word, and refuses more than the Oracle's running total. The reserve is taken as a
         difference of rounded-down registers, so any split of a stretch adds up to the same reserve.
    @param book The utility's word.
    @param start The settled register before, in µWh.
    @param amount The energy that becomes tokens, reserve included, in µWh.
    @param total The Oracle's running total, in µWh.
    @return uint256 The new word.
    @return uint256 The reserve's part, in µWh.
    """
    # No carry into the next field below: the sum is at most `total`, 96 bits, and the reserve is a part of it.
    assert unsafe_add(book & _U96, amount) <= total, "treasury: more than the oracle signed"
    share: uint256 = (book >> 192) & 65_535
    # No overflow: registers have 96 bits and the share 16.
    kept: uint256 = unsafe_sub(
        unsafe_div(unsafe_mul(unsafe_add(start, amount), share), _BPS), unsafe_div(unsafe_mul(start, share), _BPS)
    )
    return unsafe_add(book, unsafe_add(amount, kept << 96)), kept


@internal
def _log_minted(leaf: ITreasury.Leaf, start: uint256, amount: uint256, kept: uint256, id: uint256, mode: uint8):
    """
    @dev Tells what became tokens.
    @param leaf The leaf.
    @param start The settled register before, in µWh.
    @param amount The energy that became tokens, in µWh.
    @param kept The reserve's part, in µWh.
    @param id The 32-byte class or batch id.
    @param mode The 1-byte way.
    """
    log Minted(
        utility=leaf.utility,
        station=leaf.station,
        owner=leaf.owner,
        tenure=leaf.tenure,
        slot=leaf.slot,
        from_register=convert(start, uint96),
        to_register=convert(unsafe_add(start, amount), uint96),
        to_owner=convert(unsafe_sub(amount, kept), uint96),
        reserve=convert(kept, uint96),
        token_id=id,
        mode=mode,
    )


@internal
def _deliver(owner: address, id: uint256, amount: uint256):
    """
    @dev Mints to an owner. A contract is asked through its hook.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    if owner.is_contract:
        self._deliver_to_contract(owner, id, amount)
    else:
        extcall IEnergyToken(token).mint(owner, id, amount, skip_contract_check=True)


@internal
@nonreentrant
def _deliver_to_contract(owner: address, id: uint256, amount: uint256):
    """
    @dev Mints to a contract through its hook; if that fails or refuses, the tokens wait here. All that happened inside
         a hook that failed is undone with it.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    assert msg.gas >= _GAS_FOR_HOOK, "treasury: too little gas for the receiver"
    accepted: bool = raw_call(
        token,
        abi_encode(owner, id, amount, method_id=method_id("mint_with_hook(address,uint256,uint256)")),
        revert_on_failure=False,
    )
    if not accepted:
        self._credit_pending(owner, id, amount)


@internal
def _credit_pending(owner: address, id: uint256, amount: uint256):
    """
    @dev Mints to the Treasury and remembers for whom.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self.pending[owner][id] += amount
    log PendingCredited(owner=owner, token_id=id, amount=amount)
    extcall IEnergyToken(token).mint(self, id, amount, skip_contract_check=True)


@internal
def _set_reserve_bps(reserve_bps_: uint256):
    """
    @dev Writes the reserve's share into every utility's word.
    @param reserve_bps_ The share in hundredths of a per cent.
    """
    assert reserve_bps_ >= RESERVE_BPS_MIN and reserve_bps_ <= RESERVE_BPS_MAX, "treasury: reserve out of bounds"
    old: uint256 = (self._books[1] >> 192) & 65_535
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        self._books[utility] = (self._books[utility] & ~(65_535 << 192)) | (reserve_bps_ << 192)
    log ReserveRateChanged(old=old, new=reserve_bps_)


@internal
def _set_beneficiary(beneficiary_: address):
    """
    @dev Writes where the reserve and pools go.
    @param beneficiary_ The 20-byte address.
    """
    assert beneficiary_ != empty(address), "treasury: beneficiary is the zero address"
    assert beneficiary_ != self, "treasury: beneficiary is the treasury"
    log BeneficiaryChanged(old=self.beneficiary, new=beneficiary_)
    self.beneficiary = beneficiary_
