# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Certificates
@custom:contract-name Certificates
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Renewable energy certificates as an ERC-1155 in whole Wh. A certificate is a range of a tenure's measured
        register, proved by a leaf of an accepted report and no further than what the Treasury settled. What was
        certified of a register only grows, so no Wh can stand in two certificates; the part of a Wh that is left over
        stays in the register and counts with what comes. The id tells the utility, the station, the tenure and the
        first Wh. A certificate is PENDING until a validator has checked it, then VALID: only then it can move, be
        split and be retired. It ends RETIRED (all of it was used), REVOKED (fraud; what is left is frozen) or EXPIRED
        (by time). Retirements take a certificate's range from the front and splits from the back, so every use names
        exactly the Wh that it used, and what is left is always one range.
@custom:security Every path that moves or uses a certificate asks for its state first: transfers one by one and in batches,
                 by owners and by the approved, splits and retirements. A split asks its origin as well, so nobody can
                 split away from a revocation. Nothing can be added to a certificate. Issuing is the owner's alone: a
                 stranger could certify a later range and shut the owner out of an earlier one. A validator cannot
                 validate what it holds. State is written before a receiver is called.
@custom:kill `Guard.pause(certificates)` refuses issuing, validating, moving, splitting and retiring; validators can still
             revoke. `Guard.freeze(account)` refuses all of it for one account.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from snekmate.tokens.interfaces import IERC1155
from snekmate.tokens.interfaces import IERC1155MetadataURI
from contracts.interfaces import ICertificates
from contracts.interfaces import IGuard
from contracts.interfaces import IOracle
from contracts.interfaces import IPausable
from contracts.interfaces import IRegistry
from contracts.interfaces import ITreasury

implements: IERC165
implements: IERC1155
implements: IERC1155MetadataURI
implements: ICertificates
implements: IPausable


# @dev What kind of plant a station is.
interface Stations:
    def station_of(station: uint128) -> IRegistry.Station: view


# @dev How much of a register became tokens.
interface Settlements:
    def settled(utility: uint8, station: uint128, tenure: uint32) -> ITreasury.Settled: view
    def oracle() -> address: view
    def registry() -> address: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.tokens import erc1155
from snekmate.utils import eip712_domain_separator
from snekmate.utils import signature_checker
from contracts.modules import merkle_tree

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: erc1155[ownable := ownable]
initializes: eip712_domain_separator

# Left out of the token, because everything that moves or makes certificates asks for their state first: snekmate's
# transfers, mints, burns and minter administration. `renounce_ownership` is left out: without an owner a dishonest
# validator could not be dismissed.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    erc1155.supportsInterface,
    erc1155.balanceOf,
    erc1155.balanceOfBatch,
    erc1155.isApprovedForAll,
    erc1155.setApprovalForAll,
    eip712_domain_separator.eip712Domain,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A range of a register is certified. `slot` is that of the report whose leaf proved it.
event Issued:
    id: indexed(uint256)
    station: indexed(uint128)
    owner: indexed(address)
    utility: uint8
    tenure: uint32
    from_wh: uint64
    to_wh: uint64
    slot: uint32
    leaf_hash: bytes32
    metered_from: uint40
    metered_until: uint40
    expires_at: uint40


# @dev A validator found a certificate to be what it says.
event Validated:
    id: indexed(uint256)
    validator: indexed(address)


# @dev A certificate was rejected (it was PENDING) or revoked.
event Revoked:
    id: indexed(uint256)
    validator: indexed(address)
    state: uint8
    reason: String[128]


# @dev The back of a certificate became a certificate of its own.
event Split:
    id: indexed(uint256)
    part: indexed(uint256)
    owner: indexed(address)
    from_wh: uint64
    to_wh: uint64


# @dev The front of a certificate was used. The rest of the statement is told by `retirement`.
event Retired:
    id: indexed(uint256)
    holder: indexed(address)
    beneficiary: indexed(address)
    retirement: uint256
    from_wh: uint64
    to_wh: uint64
    name: String[64]
    purpose: String[128]
    period_from: uint40
    period_until: uint40


# @dev A validator was appointed or dismissed.
event ValidatorChanged:
    validator: indexed(address)
    old: bool
    new: bool


# @dev A kind of plant has a name, for ever, and may be certified.
event TechnologyNamed:
    utility: indexed(uint8)
    kind: indexed(uint8)
    name: String[32]


# @dev A kind of plant may be certified or no longer.
event CertifiableChanged:
    utility: indexed(uint8)
    kind: indexed(uint8)
    old: bool
    new: bool


# @dev How long a new certificate lives after its energy was metered has changed, in seconds.
event LifetimeChanged:
    old: uint256
    new: uint256


# @dev The Guard stopped the contract or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The states.
PENDING: constant(uint8) = 1
VALID: constant(uint8) = 2
RETIRED: constant(uint8) = 3
REVOKED: constant(uint8) = 4
EXPIRED: constant(uint8) = 5


# @dev How many ranges can be issued, and how many certificates be validated, in one call.
ISSUE_MAX: constant(uint256) = 16
VALIDATE_MAX: constant(uint256) = 64


# @dev Bounds of a certificate's life, in seconds: 30 days and 10 years.
LIFETIME_MIN: constant(uint256) = 2_592_000
LIFETIME_MAX: constant(uint256) = 315_360_000


# @dev The utilities whose register counts µWh: E and H.
_UTILITY_MAX: constant(uint8) = 2


# @dev µWh in a Wh.
_WH: constant(uint256) = 1_000_000


# @dev Seconds in a slot.
_SLOT_SECONDS: constant(uint256) = 900


# @dev The largest number of ids in a batch transfer, as snekmate has it.
_BATCH_SIZE: constant(uint256) = 128


# @dev Masks of packed fields. The last 24 bits of an id number the parts that were split off.
_U8: constant(uint256) = (1 << 8) - 1
_U24: constant(uint256) = (1 << 24) - 1
_U40: constant(uint256) = (1 << 40) - 1
_U64: constant(uint256) = (1 << 64) - 1


# @dev Places in a certificate's word.
_TO_SHIFT: constant(uint256) = 64
_EXPIRES_SHIFT: constant(uint256) = 128
_STATE_SHIFT: constant(uint256) = 168
_PARTS_SHIFT: constant(uint256) = 176
_KIND_SHIFT: constant(uint256) = 200
_ISSUED_SHIFT: constant(uint256) = 208


# @dev What an owner signs to let an operator move its certificates, or no longer.
_PERMIT_TYPE_HASH: constant(bytes32) = keccak256(
    "PermitOperator(address owner,address operator,bool approved,uint256 nonce,uint256 deadline)"
)


# @dev Who owns which station, and what it is.
registry: public(immutable(address))


# @dev Where the roots of reports are.
oracle: public(immutable(address))


# @dev What became tokens.
treasury: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev Who may validate and revoke.
validators: public(HashMap[address, bool])


# @dev Owner → how many of its permits were used.
nonces: public(HashMap[address, uint256])


# @dev How long a new certificate lives after its energy was metered, in seconds.
lifetime: public(uint256)


# @dev How many retirements there were; they are numbered from 1.
retirements: public(uint256)


# @dev True while nothing moves.
paused: public(bool)


# @dev id → first Wh that is left (64 bits) | behind the last Wh that is left << 64 (64) | expires at << 128 (40)
# | state << 168 (8) | parts split off << 176 (24) | kind of plant << 200 (8) | issued at << 208 (40). The state is PENDING,
# VALID or REVOKED; the others follow from the range and the clock. What is left is the supply. Of a part, state and
# revocation are its own, besides its origin's.
_words: HashMap[uint256, uint256]


# @dev Origin's id → metered from (40 bits) | metered until << 40 (40) | validator << 80 (160).
_origins: HashMap[uint256, uint256]


# @dev utility << 160 | tenure << 128 | station → certified Wh of the register (64 bits) | since when the register had
# been certified in full at the end of a report's slot << 64 (40).
_certified: HashMap[uint256, uint256]


# @dev id → why it was revoked.
_revocations: HashMap[uint256, ICertificates.Revocation]


# @dev Number → the certificate that was used.
_retired_ids: HashMap[uint256, uint256]


# @dev Number → first Wh (64 bits) | behind the last Wh << 64 (64) | at << 128 (40) | consumption from << 168 (40)
# | consumption until << 208 (40).
_retired_words: HashMap[uint256, uint256]


# @dev Number → who held it, for whom it was used, and what for.
_retired_by: HashMap[uint256, address]
_retired_for: HashMap[uint256, address]
_retired_names: HashMap[uint256, String[64]]
_retired_purposes: HashMap[uint256, String[128]]


# @dev utility → kind of plant → its name.
technology: public(HashMap[uint8, HashMap[uint8, String[32]]])


# @dev utility → kind of plant → whether it may be certified. Storage never should: what it delivers was metered before.
certifiable: public(HashMap[uint8, HashMap[uint8, bool]])


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(treasury_: address, guard_: address, lifetime_: uint256):
    """
    @dev The deployer is the first owner. No kind of plant may be certified yet, and there is no validator. The Oracle and
         the Registry are the Treasury's.
    @param treasury_ The 20-byte address of the Treasury.
    @param guard_ The 20-byte address of the Guard.
    @param lifetime_ How long certificates live after their energy was metered, in seconds.
    """
    ownable.__init__()
    ownable_2step.__init__()
    erc1155.__init__("")
    eip712_domain_separator.__init__("GreenCore Certificates", "1")
    treasury = treasury_
    guard = guard_
    oracle = staticcall Settlements(treasury_).oracle()
    registry = staticcall Settlements(treasury_).registry()
    self._set_lifetime(lifetime_)


# ------------------------------------------------------------------
#                           STATION OWNERS
# ------------------------------------------------------------------


@external
def issue(requests: DynArray[ICertificates.Request, ISSUE_MAX]) -> DynArray[uint256, ISSUE_MAX]:
    """
    @dev Certifies ranges of tenures' measured registers, PENDING, to their leaves' owners; all or none. The caller is the
         owner or approved by it.
    @notice A range may begin later than where the last one ended; what was skipped can never be certified.
    @param requests The ranges in Wh, and the leaves that prove them; those of one register in ascending order.
    @return DynArray The 32-byte ids of the certificates, in the order of the requests.
    """
    ids: DynArray[uint256, ISSUE_MAX] = []
    for request: ICertificates.Request in requests:
        ids.append(self._issue(request))
    return ids


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def safeTransferFrom(owner: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Transfers a VALID certificate, whole or in part.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param id The 32-byte id of the certificate.
    @param amount The amount in Wh.
    @param data Bytes without meaning here, handed to the receiver.
    """
    self._check_may_move(owner, to)
    assert to != empty(address), "certificates: transfer to the zero address"
    self._check_valid(id)
    self._debit(owner, id, amount)
    self._credit(owner, to, id, amount, data)


@external
def safeBatchTransferFrom(
    owner: address,
    to: address,
    ids: DynArray[uint256, _BATCH_SIZE],
    amounts: DynArray[uint256, _BATCH_SIZE],
    data: Bytes[1_024],
):
    """
    @dev Transfers several certificates, all of them VALID.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param ids The 32-byte ids of the certificates.
    @param amounts The amounts in Wh, in the order of the ids.
    @param data Bytes without meaning here, handed to the receiver.
    """
    self._check_may_move(owner, to)
    assert to != empty(address), "certificates: transfer to the zero address"
    assert len(ids) == len(amounts), "certificates: ids and amounts differ in length"
    for i: uint256 in range(len(ids), bound=_BATCH_SIZE):
        self._check_valid(ids[i])
        self._debit(owner, ids[i], amounts[i])
        erc1155.balanceOf[to][ids[i]] += amounts[i]
    log IERC1155.TransferBatch(_operator=msg.sender, _from=owner, _to=to, _ids=ids, _values=amounts)
    assert erc1155._check_on_erc1155_batch_received(owner, to, ids, amounts, data), "certificates: receiver refuses"


@external
def split(owner: address, id: uint256, amount: uint256) -> uint256:
    """
    @dev Makes the back of a VALID certificate a certificate of its own, with an id that can be sold or revoked alone. The
         caller is the owner or approved by it.
    @param owner The 20-byte address that holds at least that much of it.
    @param id The 32-byte id of the certificate.
    @param amount The amount in Wh, above 0 and less than what is left of the certificate.
    @return uint256 The 32-byte id of the new certificate.
    """
    self._check_may_move(owner, owner)
    self._check_valid(id)
    word: uint256 = self._words[id]
    end: uint256 = (word >> _TO_SHIFT) & _U64
    assert amount != 0 and amount < end - (word & _U64), "certificates: nothing to split"
    self._debit(owner, id, amount)
    start: uint256 = end - amount
    self._words[id] = (word & ~(_U64 << _TO_SHIFT)) | (start << _TO_SHIFT)

    origin: uint256 = self._origin_of(id)
    origin_word: uint256 = self._words[origin]
    number: uint256 = ((origin_word >> _PARTS_SHIFT) & _U24) + 1
    assert number <= _U24, "certificates: too many parts"
    self._words[origin] = (origin_word & ~(_U24 << _PARTS_SHIFT)) | (number << _PARTS_SHIFT)
    part: uint256 = origin | number
    self._words[part] = (word & ~((_U24 << _PARTS_SHIFT) | (_U64 << _TO_SHIFT) | _U64)) | (end << _TO_SHIFT) | start
    log IERC1155.TransferSingle(_operator=msg.sender, _from=owner, _to=empty(address), _id=id, _value=amount)
    log Split(
        id=id, part=part, owner=owner, from_wh=convert(start, uint64), to_wh=convert(end, uint64)
    )
    self._credit(empty(address), owner, part, amount, b"")
    return part


@external
def retire(owner: address, id: uint256, amount: uint256, use: ICertificates.Use) -> uint256:
    """
    @dev Uses a part of a VALID certificate for good. The caller is the owner or approved by it.
    @param owner The 20-byte address that holds it.
    @param id The 32-byte id of the certificate.
    @param amount The amount in Wh, above 0.
    @param use Beneficiary, purpose and consumption period.
    @return uint256 The number of the retirement, from 1.
    """
    self._check_may_move(owner, owner)
    self._check_valid(id)
    assert amount != 0, "certificates: nothing to retire"
    assert use.beneficiary != empty(address) or len(use.name) != 0, "certificates: no beneficiary"
    assert len(use.purpose) != 0, "certificates: no purpose"
    assert use.period_from < use.period_until, "certificates: no consumption period"
    self._debit(owner, id, amount)
    word: uint256 = self._words[id]
    start: uint256 = word & _U64
    end: uint256 = start + amount
    # What is left is the sum of the balances, so a balance never reaches beyond it.
    self._words[id] = (word & ~_U64) | end

    number: uint256 = self.retirements + 1
    self.retirements = number
    self._retired_ids[number] = id
    self._retired_words[number] = (
        start
        | (end << 64)
        | (block.timestamp << 128)
        | (convert(use.period_from, uint256) << 168)
        | (convert(use.period_until, uint256) << 208)
    )
    self._retired_by[number] = owner
    self._retired_for[number] = use.beneficiary
    self._retired_names[number] = use.name
    self._retired_purposes[number] = use.purpose
    log IERC1155.TransferSingle(_operator=msg.sender, _from=owner, _to=empty(address), _id=id, _value=amount)
    log Retired(
        id=id,
        holder=owner,
        beneficiary=use.beneficiary,
        retirement=number,
        from_wh=convert(start, uint64),
        to_wh=convert(end, uint64),
        name=use.name,
        purpose=use.purpose,
        period_from=use.period_from,
        period_until=use.period_until,
    )
    return number


@external
def permit_operator(owner: address, operator: address, approved: bool, deadline: uint256, signature: Bytes[65]):
    """
    @dev Lets an operator move an owner's certificates, or no longer, with the owner's EIP-712 signature. A wallet that is a
         contract answers by ERC-1271.
    @param owner The 20-byte address of the owner.
    @param operator The 20-byte address of the operator.
    @param approved True to approve.
    @param deadline The last unix second at which the signature counts.
    @param signature The 64- or 65-byte signature over `PermitOperator`.
    """
    assert block.timestamp <= deadline, "certificates: signature expired"
    nonce: uint256 = self.nonces[owner]
    self.nonces[owner] = nonce + 1
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(_PERMIT_TYPE_HASH, owner, operator, approved, nonce, deadline))
    )
    # A recovered zero address means garbage and must never match an owner who is the zero address.
    assert (
        owner != empty(address) and signature_checker._is_valid_signature_now(owner, digest, signature)
    ), "certificates: not signed by the owner"
    erc1155._set_approval_for_all(owner, operator, approved)


# ------------------------------------------------------------------
#                             VALIDATORS
# ------------------------------------------------------------------


@external
def validate(ids: DynArray[uint256, VALIDATE_MAX]):
    """
    @dev Makes PENDING certificates VALID, all or none.
    @param ids The 32-byte ids of the certificates.
    """
    self._check_running()
    assert self.validators[msg.sender], "certificates: access is denied"
    for id: uint256 in ids:
        assert self._state_of(id) == PENDING, "certificates: not pending"
        assert erc1155.balanceOf[msg.sender][id] == 0, "certificates: validator holds it"
        self._words[id] ^= convert(PENDING ^ VALID, uint256) << _STATE_SHIFT
        self._origins[id] |= convert(msg.sender, uint256) << 80
        log Validated(id=id, validator=msg.sender)


@external
def revoke(id: uint256, reason: String[128]):
    """
    @dev Rejects a PENDING certificate, or revokes one for fraud; a stop does not hinder it. What is left of it is frozen,
         with all the parts that were split off it. A certificate that was used up stays RETIRED, and its retirements tell
         of the revocation.
    @param id The 32-byte id of the certificate.
    @param reason Why, not empty.
    """
    assert self.validators[msg.sender], "certificates: access is denied"
    word: uint256 = self._words[id]
    assert word != 0, "certificates: no such certificate"
    assert self._stored_state(word) != REVOKED, "certificates: revoked already"
    assert len(reason) != 0, "certificates: no reason"
    state: uint8 = self._state_of(id)
    self._words[id] = (word & ~(_U8 << _STATE_SHIFT)) | (convert(REVOKED, uint256) << _STATE_SHIFT)
    self._revocations[id] = ICertificates.Revocation(
        at=convert(block.timestamp, uint40), by=msg.sender, reason=reason
    )
    log Revoked(id=id, validator=msg.sender, state=state, reason=reason)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_validator(validator: address, active: bool):
    """
    @dev Appoints or dismisses a validator.
    @param validator The 20-byte address.
    @param active True to appoint.
    """
    ownable._check_owner()
    old: bool = self.validators[validator]
    self.validators[validator] = active
    log ValidatorChanged(validator=validator, old=old, new=active)


@external
def name_technology(utility: uint8, kind: uint8, name: String[32]):
    """
    @dev Gives a kind of plant a name, once for ever because certificates are rendered with it, and lets it be certified.
    @param utility The 1-byte utility code: E 1 or H 2, whose registers count µWh.
    @param kind The 1-byte kind of plant, as the Registry has it.
    @param name The name, such as "photovoltaic"; letters, digits, spaces and hyphens.
    """
    ownable._check_owner()
    assert utility != 0 and utility <= _UTILITY_MAX, "certificates: not counted in Wh"
    assert len(self.technology[utility][kind]) == 0, "certificates: named already"
    assert len(name) != 0 and self._is_plain(convert(name, Bytes[32])), "certificates: not a plain name"
    self.technology[utility][kind] = name
    self.certifiable[utility][kind] = True
    log TechnologyNamed(utility=utility, kind=kind, name=name)
    log CertifiableChanged(utility=utility, kind=kind, old=False, new=True)


@external
def set_certifiable(utility: uint8, kind: uint8, active: bool):
    """
    @dev Lets a kind of plant that has a name be certified from now on, or no longer.
    @param utility The 1-byte utility code.
    @param kind The 1-byte kind of plant.
    @param active True to let it.
    """
    ownable._check_owner()
    assert len(self.technology[utility][kind]) != 0, "certificates: kind has no name"
    old: bool = self.certifiable[utility][kind]
    self.certifiable[utility][kind] = active
    log CertifiableChanged(utility=utility, kind=kind, old=old, new=active)


@external
def set_lifetime(seconds: uint256):
    """
    @dev Sets how long certificates that are issued from now on live after their energy was metered.
    @param seconds The time in seconds, from 30 days to 10 years.
    """
    ownable._check_owner()
    self._set_lifetime(seconds)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops everything but revoking, or lets it go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "certificates: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def state_of(id: uint256) -> uint8:
    """
    @dev Returns the state of a certificate at this instant.
    @param id The 32-byte id of the certificate.
    @return uint8 0 none, 1 PENDING, 2 VALID, 3 RETIRED, 4 REVOKED, 5 EXPIRED.
    """
    return self._state_of(id)


@external
@view
def certificate(id: uint256) -> ICertificates.Certificate:
    """
    @dev Returns everything that is needed to render a certificate; all zero when there is none.
    @param id The 32-byte id of the certificate.
    @return Certificate The certificate. Its energy went through the register between `metered_from` and `metered_until`; a
            reading that came late counts when it was reported.
    """
    return self._certificate(id)


@external
@view
def retirement(number: uint256) -> ICertificates.Retirement:
    """
    @dev Returns a retirement: with `certificate` all that a statement needs. All zero when there is none.
    @param number The number of the retirement, from 1.
    @return Retirement The retirement; `revoked_at` is above 0 if the certificate, or its origin, was revoked.
    """
    word: uint256 = self._retired_words[number]
    id: uint256 = self._retired_ids[number]
    revoked_at: uint40 = self._revocations[id].at
    if revoked_at == 0:
        revoked_at = self._revocations[self._origin_of(id)].at
    return ICertificates.Retirement(
        certificate=id,
        from_wh=convert(word & _U64, uint64),
        to_wh=convert((word >> 64) & _U64, uint64),
        holder=self._retired_by[number],
        retired_at=convert((word >> 128) & _U40, uint40),
        use=ICertificates.Use(
            beneficiary=self._retired_for[number],
            name=self._retired_names[number],
            purpose=self._retired_purposes[number],
            period_from=convert((word >> 168) & _U40, uint40),
            period_until=convert(word >> 208, uint40),
        ),
        revoked_at=revoked_at,
    )


@external
@view
def revocation(id: uint256) -> ICertificates.Revocation:
    """
    @dev Returns why a certificate itself was revoked; that of a part's origin is asked for by the origin's id.
    @param id The 32-byte id of the certificate.
    @return Revocation When, by whom and why; all empty if it was not.
    """
    return self._revocations[id]


@external
@view
def certified(utility: uint8, station: uint128, tenure: uint32) -> uint64:
    """
    @dev Returns how much of a register is certified: the next range begins here or later.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @return uint64 The amount in Wh.
    """
    return convert(self._certified[self._key(utility, station, tenure)] & _U64, uint64)


@external
@view
def total_supply(id: uint256) -> uint256:
    """
    @dev Returns how much is left of a certificate, frozen or not.
    @param id The 32-byte id of the certificate.
    @return uint256 The amount in Wh.
    """
    return self._left(self._words[id])


@external
@view
def uri(id: uint256) -> String[512]:
    """
    @dev Returns a certificate's metadata itself, as JSON in a data address: nothing has to be online.
    @param id The 32-byte id of the certificate.
    @return String The address; empty when there is no certificate.
    """
    if self._words[id] == 0:
        return ""
    told: ICertificates.Certificate = self._certificate(id)
    return concat(
        'data:application/json;utf8,{"name":"Renewable energy certificate","decimals":0,"utility":',
        uint2str(told.utility),
        ',"station":"',
        uint2str(told.station),
        '","tenure":',
        uint2str(told.tenure),
        ',"technology":"',
        told.technology,
        '","from_wh":',
        uint2str(told.from_wh),
        ',"to_wh":',
        uint2str(told.to_wh),
        ',"metered_from":',
        uint2str(told.metered_from),
        ',"metered_until":',
        uint2str(told.metered_until),
        ',"expires_at":',
        uint2str(told.expires_at),
        ',"state":',
        uint2str(told.state),
        "}",
    )


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_running():
    """
    @dev Refuses everything while the Guard has stopped the contract.
    """
    assert not self.paused, "certificates: paused"


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a caller without approval, a stop, and frozen accounts.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    self._check_running()
    if owner != msg.sender:
        assert erc1155.isApprovedForAll[owner][msg.sender], "certificates: caller is not owner or approved"
        assert not staticcall IGuard(guard).frozen(msg.sender), "certificates: account is frozen"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "certificates: account is frozen"


@internal
@view
def _check_valid(id: uint256):
    """
    @dev Refuses a certificate that is not VALID at this instant.
    @param id The 32-byte id of the certificate.
    """
    assert self._state_of(id) == VALID, "certificates: not valid"


@internal
@view
def _state_of(id: uint256) -> uint8:
    """
    @dev Returns the state of a certificate at this instant. A part lives no longer than its origin is trusted.
    @param id The 32-byte id of the certificate.
    @return uint8 0 none, 1 PENDING, 2 VALID, 3 RETIRED, 4 REVOKED, 5 EXPIRED.
    """
    word: uint256 = self._words[id]
    if word == 0:
        return 0
    if self._left(word) == 0:
        return RETIRED
    state: uint8 = self._stored_state(word)
    if state != REVOKED and id & _U24 != 0 and self._stored_state(self._words[self._origin_of(id)]) == REVOKED:
        state = REVOKED
    if state != REVOKED and block.timestamp >= (word >> _EXPIRES_SHIFT) & _U40:
        return EXPIRED
    return state


@internal
@pure
def _stored_state(word: uint256) -> uint8:
    """
    @dev Returns the state that a certificate's word tells.
    @param word The word.
    @return uint8 PENDING, VALID or REVOKED.
    """
    return convert((word >> _STATE_SHIFT) & _U8, uint8)


@internal
@pure
def _left(word: uint256) -> uint256:
    """
    @dev Returns how much is left of a certificate.
    @param word The certificate's word.
    @return uint256 The amount in Wh.
    """
    return ((word >> _TO_SHIFT) & _U64) - (word & _U64)


@internal
@pure
def _origin_of(id: uint256) -> uint256:
    """
    @dev Returns the id of the certificate that was issued.
    @param id The 32-byte id of it or of a part.
    @return uint256 The 32-byte id.
    """
    return (id >> 24) << 24


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
@view
def _certificate(id: uint256) -> ICertificates.Certificate:
    """
    @dev Unpacks a certificate.
    @param id The 32-byte id of the certificate.
    @return Certificate The certificate; all zero when there is none.
    """
    word: uint256 = self._words[id]
    if word == 0:
        return empty(ICertificates.Certificate)
    origin: uint256 = self._origin_of(id)
    shared: uint256 = self._origins[origin]
    utility: uint8 = convert(id >> 248, uint8)
    kind: uint8 = convert((word >> _KIND_SHIFT) & _U8, uint8)
    return ICertificates.Certificate(
        origin=origin,
        utility=utility,
        station=convert((id >> 120) & convert(max_value(uint128), uint256), uint128),
        tenure=convert((id >> 88) & convert(max_value(uint32), uint256), uint32),
        kind=kind,
        technology=self.technology[utility][kind],
        from_wh=convert(word & _U64, uint64),
        to_wh=convert((word >> _TO_SHIFT) & _U64, uint64),
        metered_from=convert(shared & _U40, uint40),
        metered_until=convert((shared >> 40) & _U40, uint40),
        issued_at=convert(word >> _ISSUED_SHIFT, uint40),
        expires_at=convert((word >> _EXPIRES_SHIFT) & _U40, uint40),
        validator=convert(shared >> 80, address),
        state=self._state_of(id),
    )


@internal
def _issue(request: ICertificates.Request) -> uint256:
    """
    @dev Certifies a range.
    @param request The range in Wh, and the leaf that proves it.
    @return uint256 The 32-byte id of the certificate.
    """
    leaf: ITreasury.Leaf = request.leaf
    self._check_may_move(leaf.owner, leaf.owner)
    leaf_hash: bytes32 = keccak256(concat(0x00, abi_encode(leaf)))
    self._check_proof(leaf, merkle_tree._root_from_proof(leaf_hash, request.index, request.proof))
    record: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(leaf.station, leaf.tenure)
    assert record.owner == leaf.owner, "certificates: not the tenure's owner"
    kind: uint8 = (staticcall Stations(registry).station_of(leaf.station)).kind
    assert self.certifiable[leaf.utility][kind], "certificates: kind of plant is not certified"

    start: uint256 = convert(request.from_wh, uint256)
    end: uint256 = convert(request.to_wh, uint256)
    metered_from: uint256 = 0
    metered_until: uint256 = 0
    metered_from, metered_until = self._take(leaf, start, end, convert(record.since, uint256))

    id: uint256 = (
        (convert(leaf.utility, uint256) << 248)
        | (convert(leaf.station, uint256) << 120)
        | (convert(leaf.tenure, uint256) << 88)
        | (start << 24)
    )
    expires_at: uint256 = metered_until + self.lifetime
    self._words[id] = (
        start
        | (end << _TO_SHIFT)
        | (expires_at << _EXPIRES_SHIFT)
        | (convert(PENDING, uint256) << _STATE_SHIFT)
        | (convert(kind, uint256) << _KIND_SHIFT)
        | (block.timestamp << _ISSUED_SHIFT)
    )
    self._origins[id] = metered_from | (metered_until << 40)
    log Issued(
        id=id,
        station=leaf.station,
        owner=leaf.owner,
        utility=leaf.utility,
        tenure=leaf.tenure,
        from_wh=request.from_wh,
        to_wh=request.to_wh,
        slot=leaf.slot,
        leaf_hash=leaf_hash,
        metered_from=convert(metered_from, uint40),
        metered_until=convert(metered_until, uint40),
        expires_at=convert(expires_at, uint40),
    )
    self._credit(empty(address), leaf.owner, id, end - start, b"")
    return id


@internal
@view
def _check_proof(leaf: ITreasury.Leaf, shown_root: bytes32):
    """
    @dev Refuses a leaf that is not in the accepted report of its slot. The Oracle refuses while a challenge delay runs.
    @param leaf The leaf.
    @param shown_root The 32-byte root that the leaf's proof leads to.
    """
    root: bytes32 = empty(bytes32)
    total: uint256 = 0
    root, total = staticcall IOracle(oracle).settlement(leaf.utility, leaf.slot)
    # No proof leads to zero, so a missing root never equals the shown one.
    if shown_root != root:
        assert root != empty(bytes32), "certificates: no such report"
        raise "certificates: leaf not in the report"


@internal
def _take(leaf: ITreasury.Leaf, start: uint256, end: uint256, since: uint256) -> (uint256, uint256):
    """
    @dev Moves a register's certified part up to the end of a range, within what the leaf says was measured and what the
         Treasury settled: no Wh is certified twice, estimated, or certified without having become tokens.
    @param leaf The leaf.
    @param start The first Wh.
    @param end Behind the last Wh.
    @param since When the tenure began, in unix seconds.
    @return uint256 From when on the range went through the register, in unix seconds.
    @return uint256 Until when.
    """
    key: uint256 = self._key(leaf.utility, leaf.station, leaf.tenure)
    word: uint256 = self._certified[key]
    assert start >= word & _U64, "certificates: certified already"
    assert end > start, "certificates: empty range"
    assert end * _WH <= convert(leaf.measured, uint256), "certificates: more than was measured"
    settled: ITreasury.Settled = staticcall Settlements(treasury).settled(leaf.utility, leaf.station, leaf.tenure)
    assert end * _WH <= convert(settled.register, uint256), "certificates: more than is settled"
    metered_from: uint256 = word >> 64
    if metered_from == 0:
        metered_from = since
    metered_until: uint256 = (convert(leaf.slot, uint256) + 1) * _SLOT_SECONDS
    # High-water marks never fall, so the slots of leaves that prove more and more ascend.
    assert metered_until > metered_from, "certificates: leaf is older than the range"
    whole: uint256 = word >> 64
    if end == convert(leaf.measured, uint256) // _WH:
        whole = metered_until
    self._certified[key] = end | (whole << 64)
    return metered_from, metered_until


@internal
def _credit(sender: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Credits a certificate; a contract is asked through its ERC-1155 hook, last of all.
    @param sender The 20-byte address that gave, zero for a new certificate.
    @param to The 20-byte address that is credited.
    @param id The 32-byte id of the certificate.
    @param amount The amount in Wh.
    @param data Bytes without meaning here, handed to the receiver.
    """
    erc1155.balanceOf[to][id] += amount
    log IERC1155.TransferSingle(_operator=msg.sender, _from=sender, _to=to, _id=id, _value=amount)
    assert erc1155._check_on_erc1155_received(sender, to, id, amount, data), "certificates: receiver refuses"


@internal
def _debit(owner: address, id: uint256, amount: uint256):
    """
    @dev Takes certificates off a balance.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte id of the certificate.
    @param amount The amount in Wh.
    """
    balance: uint256 = erc1155.balanceOf[owner][id]
    assert balance >= amount, "certificates: amount exceeds balance"
    erc1155.balanceOf[owner][id] = unsafe_sub(balance, amount)


@internal
@pure
def _is_plain(name: Bytes[32]) -> bool:
    """
    @dev Tells whether a name can stand in JSON and anywhere else as it is.
    @param name The name.
    @return bool True if it has letters, digits, spaces and hyphens only.
    """
    for i: uint256 in range(len(name), bound=32):
        sign: uint256 = convert(slice(name, i, 1), uint256)
        letter: bool = (sign | 32) >= 97 and (sign | 32) <= 122
        digit: bool = sign >= 48 and sign <= 57
        if not (letter or digit or sign == 32 or sign == 45):
            return False
    return True


@internal
def _set_lifetime(seconds: uint256):
    """
    @dev Writes how long certificates live.
    @param seconds The time in seconds.
    """
    assert seconds >= LIFETIME_MIN and seconds <= LIFETIME_MAX, "certificates: lifetime out of bounds"
    log LifetimeChanged(old=self.lifetime, new=seconds)
    self.lifetime = seconds
