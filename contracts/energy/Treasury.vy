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


# @dev A direct report paid; `terms`: slot << 16 | reserve share. A word in `row` for each owner that was paid: station << 128
# | tenure << 96 | register before << 16 | last 16 bits of the energy. The transfers of the token that follow are theirs,
# in the same order; from what an owner got, the share and the last bits the energy and the reserve's part are exact.
event RowMinted:
    utility: indexed(uint8)
    terms: uint256
    row: DynArray[uint256, ROW_MAX]


# @dev A tenure took its place in the row of a direct utility: so the Registry had it, and its owner was a contract or not.
event Seated:
    utility: indexed(uint8)
    station: indexed(uint128)
    owner: indexed(address)
    tenure: uint32
    place: uint8
    rated_w: uint56
    is_contract: bool
    ended: bool


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


# @dev The longest row of a direct utility; its words, with those who sat there before; the longest call of `report`.
ROW_MAX: constant(uint256) = 32
ROW_WORDS: constant(uint256) = 128
REPORT_BYTES: constant(uint256) = 3_556


# @dev What a call of `Oracle.report` begins with.
_REPORT: constant(bytes4) = method_id(
    "report((uint8,uint32,bytes32,bytes32,uint96,uint96,uint32,bytes32,uint32,uint64,uint32),address[],bytes32[])",
    output_type=bytes4,
)


# @dev Bits of a seat; and of the settled word of a register that moved into a row: the seat with its place for its owner.
_CONTRACT: constant(uint256) = 1 << 216
_ENDED: constant(uint256) = 1 << 217
_SEATED: constant(uint256) = 1 << 255


# @dev µWh in a mWh, the unit of a seat's allowance.
_MWH: constant(uint256) = 1_000


# @dev Places in a book.
_AT_SHIFT: constant(uint256) = 208
_AT: constant(uint256) = ((1 << 40) - 1) << 208
_PAUSED_SHIFT: constant(uint256) = 248


# @dev Masks of packed fields.
_U32: constant(uint256) = (1 << 32) - 1
_U40: constant(uint256) = (1 << 40) - 1
_U48: constant(uint256) = (1 << 48) - 1
_U56: constant(uint256) = (1 << 56) - 1
_U64: constant(uint256) = (1 << 64) - 1
_U96: constant(uint256) = (1 << 96) - 1
_U80: constant(uint256) = (1 << 80) - 1
_U128: constant(uint256) = (1 << 128) - 1
_U160: constant(uint256) = (1 << 160) - 1


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
# | reserve share << 192 (16) | when a direct utility's row was paid last << 208 (40) | paused << 248 (1). The share and the
# brake stand in every utility's word because every mint reads and writes that word anyway.
_books: uint256[UTILITY_MAX + 1]


# @dev utility << 160 | tenure << 128 | station → register (96 bits) | allowance µWh << 96 (64) | at << 160 (40)
# | rated W << 200 (56). While a tenure sits in a direct utility's row its register stands in `_pairs`.
_settled: HashMap[uint256, uint256]


# @dev utility → chain of hashes of who sits in the row of a direct utility: station << 32 | tenure, and its seat.
seats: public(bytes32[UTILITY_MAX + 1])


# @dev utility << 4 | place in the row / 2 → two registers (80 bits) | allowance mWh << 80 (48); the odd one << 128.
_pairs: uint256[(UTILITY_MAX + 1) * 16]


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


# @dev Without a lock, as the claims: nobody but the house's own contracts is called, and state is written before they mint.
@external
@reentrant
def direct(report: Bytes[REPORT_BYTES], row: DynArray[uint256, ROW_WORDS]) -> uint256:
    """
    @dev Brings a report of a direct utility and pays every owner in the same transaction, as class tokens.
    @notice An owner is never called here: one refusal must not stop the others. The tokens of one that was a contract when
            the row was seated wait in `pending`. Who sits in the row, who owns it and how strong it is was looked up when
            it was seated, and is remembered as one hash; a report writes a balance and half a word an owner. Whenever the
            row's tenures, their owners, ratings or ends have changed, it is seated anew with the report.
    @param report The call of `Oracle.report`, encoded, selector included; the report's `root` is the chain of hashes of
           the row's first words.
    @param row Two words for each tenure, in ascending order of (station, tenure): station << 128 | tenure << 96
           | mintable register, and its seat: owner | rated power in W << 160 | owner is a contract << 216 | tenure has
           ended << 217.
           To seat the row anew, or for the first time, they are followed by those who sat there before, each as
           station << 32 | tenure and its seat.
    @return uint256 The energy that became tokens, reserve included, in µWh.
    """
    # Anything but a report, like a view that happens to answer 2, would pay without signatures.
    assert extract32(report, 0, output_type=uint256) >> 224 == convert(_REPORT, uint256), "treasury: not a report"
    utility: uint256 = extract32(report, 4, output_type=uint256)
    book: uint256 = self._books[utility]
    assert book >> _PAUSED_SHIFT == 0, "treasury: paused"
    # The report's words below are those that the Oracle has checked: a struct of fixed size stands at a fixed place.
    assert (
        convert(raw_call(oracle, report, max_outsize=32), uint256) == convert(_DIRECT, uint256)
    ), "treasury: utility is not direct"
    count: uint256 = extract32(report, 4 + 6 * 32, output_type=uint256)
    seated: bytes32 = self.seats[utility]
    at: uint256 = (book >> _AT_SHIFT) & _U40
    if len(row) != count << 1 or seated == empty(bytes32):
        assert count <= ROW_MAX and len(row) >= count << 1, "treasury: not the report's row"
        seen: bytes32 = empty(bytes32)
        for i: uint256 in range(count, len(row) >> 1, bound=ROW_MAX):
            seen = keccak256(abi_encode(seen, row[2 * i], row[2 * i + 1]))
            self._leave(utility, i - count, row[2 * i], row[2 * i + 1], at)
        assert seen == seated, "treasury: not the seats before"
        seated = empty(bytes32)
        previous: uint256 = 0
        for i: uint256 in range(count, bound=ROW_MAX):
            place: uint256 = row[2 * i] >> 96
            assert place > previous, "treasury: row not strictly ascending"
            previous = place
            seated = keccak256(abi_encode(seated, place, row[2 * i + 1]))
            self._sit(utility, i, place, row[2 * i + 1])
        self.seats[utility] = seated
        at = block.timestamp

    elapsed: uint256 = unsafe_sub(block.timestamp, at)
    share: uint256 = (book >> 192) & 65_535
    sum: uint256 = 0
    reserved: uint256 = 0
    root: bytes32 = empty(bytes32)
    sitting: bytes32 = empty(bytes32)
    pair: uint256 = 0
    told: DynArray[uint256, ROW_MAX] = []
    paid: DynArray[uint256, ROW_MAX] = []
    for i: uint256 in range(count, bound=ROW_MAX):
        first: uint256 = row[i << 1]
        seat: uint256 = row[(i << 1) | 1]
        root = keccak256(abi_encode(root, first))
        sitting = keccak256(abi_encode(sitting, first >> 96, seat))
        side: uint256 = (i & 1) << 7
        if side == 0:
            pair = self._pairs[(utility << 4) | (i >> 1)]
        half: uint256 = (pair >> side) & _U128
        start: uint256 = half & _U80
        # `token_bucket._filled` without the call.
        rated: uint256 = unsafe_mul((seat >> 160) & _U56, token_bucket.FILL_NUMERATOR)
        room: uint256 = unsafe_mul(half >> 80, _MWH)
        if seat < _ENDED:
            room = unsafe_add(room, unsafe_div(unsafe_mul(rated, elapsed), token_bucket.FILL_DENOMINATOR))
        depth: uint256 = unsafe_div(unsafe_mul(rated, token_bucket.DEPTH_SECONDS), token_bucket.FILL_DENOMINATOR)
        if room > depth:
            room = depth
        amount: uint256 = 0
        if first & _U96 > start:
            amount = unsafe_sub(first & _U96, start)
            if amount > room:
                amount = room
            if amount != 0:
                end: uint256 = unsafe_add(start, amount)
                assert end <= _U80, "treasury: register out of bounds"
                # As `_booked`: a difference of rounded-down registers.
                kept: uint256 = unsafe_sub(
                    unsafe_div(unsafe_mul(end, share), _BPS), unsafe_div(unsafe_mul(start, share), _BPS)
                )
                sum = unsafe_add(sum, amount)
                reserved = unsafe_add(reserved, kept)
                owner: uint256 = seat & _U160
                told.append(((first >> 96) << 96) | (start << 16) | (amount & 65_535))
                if seat & _CONTRACT != 0:
                    self._note_pending(convert(owner, address), utility, unsafe_sub(amount, kept))
                    owner = convert(self, uint256)
                paid.append((owner << 96) | unsafe_sub(amount, kept))
        rest: uint256 = unsafe_div(unsafe_sub(room, amount), _MWH)
        if rest > _U48:
            rest = _U48
        pair ^= (half ^ (unsafe_add(start, amount) | (rest << 80))) << side
        if side != 0 or unsafe_add(i, 1) == count:
            self._pairs[(utility << 4) | (i >> 1)] = pair
    assert root == extract32(report, 4 + 3 * 32), "treasury: not the report's row"
    assert sitting == seated, "treasury: not the seats"
    # No carry: the sum of 32 amounts of 96 bits.
    assert unsafe_add(book & _U96, sum) <= extract32(
        report, 4 + 5 * 32, output_type=uint256
    ), "treasury: more than the oracle signed"
    self._books[utility] = unsafe_add(book & ~_AT, unsafe_add(sum, (reserved << 96) | (block.timestamp << _AT_SHIFT)))
    log RowMinted(
        utility=convert(utility, uint8), terms=(extract32(report, 36, output_type=uint256) << 16) | share, row=told
    )
    extcall IEnergyToken(token).mint_row(utility, paid, skip_contract_check=True)
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
    assert book >> _PAUSED_SHIFT == 0, "treasury: paused"
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
    assert book >> _PAUSED_SHIFT == 0, "treasury: paused"
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
         has settled. The time up to now is allowed at the old rating. A closed tenure is allowed the time up to its end
         and none after it. A register in a direct utility's row takes them over when the row is seated anew.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    """
    record: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(station, tenure)
    assert record.since != 0, "treasury: unknown tenure"
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        key: uint256 = self._key(convert(utility, uint8), station, tenure)
        word: uint256 = self._settled[key]
        if word != 0 and word & _SEATED == 0:
            rated: uint256 = rate._rated(self._rates[utility], convert(record.rated_w, uint256))
            self._settled[key] = self._refreshed(word, record, rated)
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
        self._books[utility] = (self._books[utility] & ((1 << _PAUSED_SHIFT) - 1)) | (convert(paused_, uint256) << _PAUSED_SHIFT)
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
    if word & _SEATED != 0:
        place: uint256 = word & 255
        pair: uint256 = self._pairs[(convert(utility, uint256) << 4) | (place >> 1)]
        word = self._word_of((pair >> ((place & 1) << 7)) & _U128, word, (self._books[utility] >> _AT_SHIFT) & _U40)
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
    return self._books[1] >> _PAUSED_SHIFT != 0


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
    assert book >> _PAUSED_SHIFT == 0, "treasury: paused"
    root: bytes32 = empty(bytes32)
    total: uint256 = 0
    # The Oracle's code was checked at deployment and cannot go away.
    root, total = staticcall IOracle(oracle).settlement(leaf.utility, leaf.slot, skip_contract_check=True)
    # No proof leads to zero, so a missing root never equals the shown one.
    if shown_root != root:
        assert root != empty(bytes32), "treasury: no such report"
        raise "treasury: leaf not in the report"

    key: uint256 = (
        (convert(leaf.utility, uint256) << 160)
        | (convert(leaf.tenure, uint256) << 128)
        | convert(leaf.station, uint256)
    )
    word: uint256 = self._settled[key]
    if word == 0:
        # The first time: the bucket has been filling since the tenure began.
        record: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(leaf.station, leaf.tenure)
        assert record.since != 0, "treasury: unknown tenure"
        own: uint256 = 0
        if leaf.utility != 1:
            own = self._rates[leaf.utility]
        word = self._first_word(record, rate._rated(own, convert(record.rated_w, uint256)))
    start: uint256 = word & _U96
    amount: uint256 = 0
    if convert(leaf.mintable, uint256) > start:
        at: uint256 = (word >> 160) & _U40
        # The end of time for a closed tenure, whose bucket fills no more.
        now: uint256 = max(block.timestamp, at)
        allowance: uint256 = token_bucket._filled((word >> 96) & _U64, word >> 200, unsafe_sub(now, at))
        amount = min(unsafe_sub(convert(leaf.mintable, uint256), start), allowance)
        if amount != 0:
            self._settled[key] = (
                unsafe_add(start, amount)
                | (min(unsafe_sub(allowance, amount), _U64) << 96)
                | (now << 160)
                | ((word >> 200) << 200)
            )
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
    # `_booked` without the call.
    assert unsafe_add(book & _U96, amount) <= total, "treasury: more than the oracle signed"
    share: uint256 = (book >> 192) & 65_535
    kept: uint256 = unsafe_sub(
        unsafe_div(unsafe_mul(unsafe_add(start, amount), share), _BPS), unsafe_div(unsafe_mul(start, share), _BPS)
    )
    self._books[leaf.utility] = unsafe_add(book, unsafe_add(amount, kept << 96))
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
        mode=way,
    )
    # `_deliver` without the call.
    if leaf.owner.is_contract:
        self._deliver_to_contract(leaf.owner, id, unsafe_sub(amount, kept))
    else:
        extcall IEnergyToken(token).mint(leaf.owner, id, unsafe_sub(amount, kept), skip_contract_check=True)
    return amount


@internal
def _sit(utility: uint256, place: uint256, tenured: uint256, seat: uint256):
    """
    @dev Moves a settled register into a direct utility's row, filled up to now, with owner and rating as the Registry has
         them now.
    @param utility The utility code.
    @param place The place in the row.
    @param tenured station << 32 | tenure.
    @param seat The seat that was brought.
    """
    station: uint128 = convert(tenured >> 32, uint128)
    tenure: uint32 = convert(tenured & _U32, uint32)
    record: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(station, tenure)
    assert record.since != 0, "treasury: unknown tenure"
    rated: uint256 = rate._rated(self._rates[utility], convert(record.rated_w, uint256))
    found: uint256 = convert(record.owner, uint256) | (rated << 160)
    if record.until != 0:
        found |= _ENDED
    if record.owner.is_contract:
        found |= _CONTRACT
    assert seat == found, "treasury: not the registry's seat"
    key: uint256 = self._key(convert(utility, uint8), station, tenure)
    word: uint256 = self._settled[key]
    if word == 0:
        word = (convert(record.since, uint256) << 160) | (rated << 200)
    word = self._refreshed(word, record, rated)
    self._settled[key] = _SEATED | ((seat >> 160) << 160) | place
    # Rounded down to whole mWh, against the one who mints.
    half: uint256 = (word & _U80) | (min(((word >> 96) & _U64) // _MWH, _U48) << 80)
    side: uint256 = (place & 1) << 7
    pair: uint256 = self._pairs[(utility << 4) | (place >> 1)]
    self._pairs[(utility << 4) | (place >> 1)] = (pair & ~(_U128 << side)) | (half << side)
    log Seated(
        utility=convert(utility, uint8),
        station=station,
        owner=record.owner,
        tenure=tenure,
        place=convert(place, uint8),
        rated_w=convert(rated, uint56),
        is_contract=seat & _CONTRACT != 0,
        ended=seat & _ENDED != 0,
    )


@internal
def _leave(utility: uint256, place: uint256, tenured: uint256, seat: uint256, at: uint256):
    """
    @dev Moves a register out of a direct utility's row.
    @param utility The utility code.
    @param place The place in the row.
    @param tenured station << 32 | tenure.
    @param seat The seat.
    @param at When the row was paid last.
    """
    half: uint256 = (self._pairs[(utility << 4) | (place >> 1)] >> ((place & 1) << 7)) & _U128
    self._settled[
        (utility << 160) | ((tenured & _U32) << 128) | (tenured >> 32)
    ] = self._word_of(half, seat, at)


@internal
@pure
def _word_of(half: uint256, seat: uint256, at: uint256) -> uint256:
    """
    @dev Returns a seated register as a settled word.
    @param half Register and allowance.
    @param seat The seat.
    @param at When the row was paid last.
    @return uint256 The word.
    """
    since: uint256 = at
    if seat & _ENDED != 0:
        since = _U40
    return (half & _U80) | (((half >> 80) * _MWH) << 96) | (since << 160) | (((seat >> 160) & _U56) << 200)


@internal
@view
def _refreshed(word: uint256, record: IRegistry.Tenure, rated: uint256) -> uint256:
    """
    @dev Returns a settled word filled up to now, or to the end of its tenure, at its old rating, and cut down to what
         the new rating may hold.
    @param word The word.
    @param record The tenure as the Registry knows it.
    @param rated The power in W that fills the bucket from now on.
    @return uint256 The word.
    """
    at: uint256 = (word >> 160) & _U40
    until: uint256 = block.timestamp
    now: uint256 = block.timestamp
    if record.until != 0:
        until = convert(record.until, uint256)
        now = _U40
    allowance: uint256 = token_bucket._filled((word >> 96) & _U64, word >> 200, max(until, at) - at)
    # Without more time this only cuts the allowance down to what the new rating may hold.
    allowance = token_bucket._filled(allowance, rated, 0)
    return (word & _U96) | (min(allowance, _U64) << 96) | (now << 160) | (rated << 200)


@internal
def _note_pending(owner: address, id: uint256, amount: uint256):
    """
    @dev Remembers that tokens which the Treasury gets wait for an owner.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self.pending[owner][id] += amount
    log PendingCredited(owner=owner, token_id=id, amount=amount)


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
    self._note_pending(owner, id, amount)
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
