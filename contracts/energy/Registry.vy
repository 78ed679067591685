# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Registry
@custom:contract-name Registry
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Who is who: wallets, stations and the device keys that may speak for a station. A station belongs to one owner
        at a time. Every ownership is a tenure with a register of its own, so that a seller keeps what was metered
        before the handover and a buyer starts at zero; a closed tenure can be settled for ever. The rated power stands
        here because every cap on minting is measured by it.
@custom:security Registrars are trusted with ratings and device keys: they bound what a compromised oracle quorum could
                 mint, and a compromised quorum bounds nothing of theirs. Keep the two apart.
@custom:kill `set_registrar(…, False)` for every registrar stops new stations, ratings and meters. Users and handovers
             hold no value and need no brake; minting is stopped at the Treasury, through the Guard.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from contracts.interfaces import IRegistry

implements: IRegistry


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import ecdsa
from snekmate.utils import eip712_domain_separator

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712_domain_separator

# `renounce_ownership` is left out: without an owner a lost registrar key could not be revoked.
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


# @dev A registrar was appointed or dismissed.
event RegistrarChanged:
    registrar: indexed(address)
    old: bool
    new: bool


# @dev A wallet entered itself, or was entered with its signature.
event UserRegistered:
    user: indexed(address)
    kind: uint8
    profile_hash: bytes32


# @dev A station begins its first tenure.
event StationRegistered:
    station: indexed(uint128)
    owner: indexed(address)
    rated_w: uint64
    kind: uint8
    demo: bool


# @dev A station's rated power changed.
event StationRated:
    station: indexed(uint128)
    old: uint64
    new: uint64


# @dev An owner offers a station; to the zero address: the offer was withdrawn.
event StationOffered:
    station: indexed(uint128)
    sender: indexed(address)
    receiver: indexed(address)


# @dev A station begins a new tenure.
event StationTransferred:
    station: indexed(uint128)
    tenure: uint32
    sender: indexed(address)
    receiver: indexed(address)


# @dev A device key may speak for a station.
event MeterRegistered:
    station: indexed(uint128)
    key: indexed(bytes32)
    role: uint8


# @dev A device key may no longer speak.
event MeterRetired:
    station: indexed(uint128)
    key: indexed(bytes32)


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev User kinds: 1 prosumer, 2 consumer, 3 operator.
KIND_MAX: constant(uint8) = 3


# @dev The largest rating that is believed: 1 TW, more than any grid has.
RATED_W_MAX: constant(uint64) = 1_000_000_000_000


# @dev What a wallet signs to be entered by somebody else.
_REGISTER_USER_TYPE_HASH: constant(bytes32) = keccak256(
    "RegisterUser(address user,uint8 kind,bytes32 profileHash,uint256 deadline)"
)


# @dev True where real energy is minted: demo stations are refused here, and real ones elsewhere.
live: public(immutable(bool))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev Who may enter stations, ratings and meters.
registrars: public(HashMap[address, bool])


# @dev The rated power of all stations together, in W.
total_rated_w: public(uint256)


# @dev station → owner (160 bits) | tenure << 160 (32) | kind << 192 (8) | demo << 200 (1).
_stations: HashMap[uint128, uint256]


# @dev station → tenure → rated W (64 bits) | since << 64 (40) | until << 104 (40).
_tenures: HashMap[uint128, HashMap[uint32, uint256]]


# @dev station → closed tenure → who owned it; an open tenure's owner stands in `_stations`.
_former_owners: HashMap[uint128, HashMap[uint32, address]]


# @dev station → to whom its owner offers it.
_offers: HashMap[uint128, address]


# @dev Device key → its meter.
_meters: HashMap[bytes32, IRegistry.Meter]


# @dev Wallet → its entry.
_users: HashMap[address, IRegistry.User]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(live_: bool):
    """
    @dev The deployer is the first owner.
    @param live_ True where real energy is minted.
    """
    ownable.__init__()
    ownable_2step.__init__()
    eip712_domain_separator.__init__("GreenCore Registry", "1")
    live = live_


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def register_user(kind: uint8, profile_hash: bytes32):
    """
    @dev Enters the caller's wallet, once.
    @param kind The 1-byte kind: 1 prosumer, 2 consumer, 3 operator.
    @param profile_hash The 32-byte hash of the profile kept off chain.
    """
    self._register_user(msg.sender, kind, profile_hash)


@external
def register_user_for(user: address, kind: uint8, profile_hash: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @dev Enters somebody's wallet with that wallet's EIP-712 signature. A wallet that is a contract calls
         `register_user` itself.
    @notice The signature cannot be replayed: a wallet is entered once.
    @param user The 20-byte address of the wallet.
    @param kind The 1-byte kind: 1 prosumer, 2 consumer, 3 operator.
    @param profile_hash The 32-byte hash of the profile kept off chain.
    @param deadline The last unix second at which the signature counts.
    @param signature The 64- or 65-byte signature over `RegisterUser`.
    """
    assert block.timestamp <= deadline, "registry: signature expired"
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(_REGISTER_USER_TYPE_HASH, user, kind, profile_hash, deadline))
    )
    # A recovered zero address means garbage and must never match a user who is the zero address.
    assert user != empty(address) and ecdsa._recover_sig(digest, signature) == user, "registry: not signed by the user"
    self._register_user(user, kind, profile_hash)


@external
def offer_station(station: uint128, receiver: address):
    """
    @dev First step of a handover: the owner offers the station. A new offer replaces the old one.
    @param station The 16-byte station number.
    @param receiver The 20-byte address that may accept.
    """
    owner: address = self._check_station_owner(station)
    assert receiver != empty(address) and receiver != owner, "registry: offer to nobody or to oneself"
    self._offers[station] = receiver
    log StationOffered(station=station, sender=owner, receiver=receiver)


@external
def withdraw_offer(station: uint128):
    """
    @dev Takes an offer back.
    @param station The 16-byte station number.
    """
    owner: address = self._check_station_owner(station)
    assert self._offers[station] != empty(address), "registry: no offer"
    self._offers[station] = empty(address)
    log StationOffered(station=station, sender=owner, receiver=empty(address))


@external
def accept_station(station: uint128):
    """
    @dev Second step of a handover: the tenure ends now, the next begins now. What the old tenure metered stays the old
         owner's and can be claimed at any time later.
    @param station The 16-byte station number.
    """
    assert self._offers[station] == msg.sender, "registry: not offered to the caller"
    self._offers[station] = empty(address)

    word: uint256 = self._stations[station]
    sender: address = self._owner_in(word)
    tenure: uint32 = self._tenure_in(word)
    closing: uint256 = self._tenures[station][tenure]
    self._tenures[station][tenure] = closing | (block.timestamp << 104)
    self._former_owners[station][tenure] = sender

    tenure += 1
    self._stations[station] = ((word >> 192) << 192) | (convert(tenure, uint256) << 160) | convert(msg.sender, uint256)
    self._tenures[station][tenure] = (closing & convert(max_value(uint64), uint256)) | (block.timestamp << 64)
    log StationTransferred(station=station, tenure=tenure, sender=sender, receiver=msg.sender)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_registrar(registrar: address, active: bool):
    """
    @dev Appoints or dismisses a registrar.
    @param registrar The 20-byte address.
    @param active True to appoint.
    """
    ownable._check_owner()
    old: bool = self.registrars[registrar]
    self.registrars[registrar] = active
    log RegistrarChanged(registrar=registrar, old=old, new=active)


# ------------------------------------------------------------------
#                             REGISTRARS
# ------------------------------------------------------------------


@external
def register_station(station: uint128, owner: address, rated_w: uint64, kind: uint8, demo: bool):
    """
    @dev Enters a station; its first tenure begins now.
    @param station The 16-byte station number: its UUID.
    @param owner The 20-byte address of the owner.
    @param rated_w The rated power in W, above 0.
    @param kind The 1-byte kind of plant; the meaning is the operator's.
    @param demo True for a station whose readings are made up.
    """
    self._check_registrar()
    assert demo != live, "registry: demo stations belong to demo deployments, real ones to live ones"
    assert station != 0 and owner != empty(address), "registry: no station or no owner"
    assert self._stations[station] == 0, "registry: station exists"
    assert rated_w != 0 and rated_w <= RATED_W_MAX, "registry: rating out of bounds"
    self._stations[station] = (
        convert(owner, uint256) | (1 << 160) | (convert(kind, uint256) << 192) | (convert(demo, uint256) << 200)
    )
    self._tenures[station][1] = convert(rated_w, uint256) | (block.timestamp << 64)
    self.total_rated_w += convert(rated_w, uint256)
    log StationRegistered(station=station, owner=owner, rated_w=rated_w, kind=kind, demo=demo)


@external
def set_rating(station: uint128, rated_w: uint64):
    """
    @dev Changes a station's rated power; 0 for a station out of service.
    @notice What a tenure has already settled keeps the old rating until somebody calls the Treasury's
            `refresh_rating`, which everybody may.
    @param station The 16-byte station number.
    @param rated_w The rated power in W.
    """
    self._check_registrar()
    word: uint256 = self._stations[station]
    assert word != 0, "registry: unknown station"
    assert rated_w <= RATED_W_MAX, "registry: rating out of bounds"
    tenure: uint32 = self._tenure_in(word)
    record: uint256 = self._tenures[station][tenure]
    old: uint64 = self._rated_in(record)
    self._tenures[station][tenure] = ((record >> 64) << 64) | convert(rated_w, uint256)
    self.total_rated_w = self.total_rated_w - convert(old, uint256) + convert(rated_w, uint256)
    log StationRated(station=station, old=old, new=rated_w)


@external
def register_meter(station: uint128, key: bytes32, role: uint8):
    """
    @dev Binds a device key to a station, for ever: a key that was retired never comes back, here or elsewhere.
    @param station The 16-byte station number.
    @param key The 32-byte Ed25519 public key of the device.
    @param role The 1-byte role: 1 boundary, 2 generation, 3 auxiliary, 4 loss, 5 storage; others are the operator's.
    """
    self._check_registrar()
    assert self._stations[station] != 0, "registry: unknown station"
    assert key != empty(bytes32) and role != 0, "registry: no key or no role"
    assert self._meters[key].since == 0, "registry: key is bound already"
    self._meters[key] = IRegistry.Meter(station=station, role=role, since=convert(block.timestamp, uint40), until=0)
    log MeterRegistered(station=station, key=key, role=role)


# ------------------------------------------------------------------
#                  REGISTRARS AND THE STATION'S OWNER
# ------------------------------------------------------------------


@external
def retire_meter(key: bytes32):
    """
    @dev Retires a device key. The owner may do it too: a stolen device must not have to wait for an office.
    @param key The 32-byte Ed25519 public key.
    """
    meter: IRegistry.Meter = self._meters[key]
    assert meter.since != 0 and meter.until == 0, "registry: no such meter in use"
    assert (
        self.registrars[msg.sender] or self._owner_in(self._stations[meter.station]) == msg.sender
    ), "registry: access is denied"
    self._meters[key].until = convert(block.timestamp, uint40)
    log MeterRetired(station=meter.station, key=key)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def station_of(station: uint128) -> IRegistry.Station:
    """
    @dev Returns a station as it stands now; all zero when it is unknown.
    @param station The 16-byte station number.
    @return Station The owner, the tenure and its beginning, the rated power in W, the kind, and whether it is a demo.
    """
    word: uint256 = self._stations[station]
    tenure: uint32 = self._tenure_in(word)
    record: uint256 = self._tenures[station][tenure]
    return IRegistry.Station(
        owner=self._owner_in(word),
        tenure=tenure,
        since=self._since_in(record),
        rated_w=self._rated_in(record),
        kind=convert((word >> 192) & 255, uint8),
        demo=(word >> 200) & 1 == 1,
    )


@external
@view
def tenure_of(station: uint128, tenure: uint32) -> IRegistry.Tenure:
    """
    @dev Returns a tenure; all zero when there is no such tenure.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number, from 1.
    @return Tenure The owner, the beginning, the end (0 while it lasts) and the rated power in W.
    """
    record: uint256 = self._tenures[station][tenure]
    until: uint40 = self._until_in(record)
    owner: address = empty(address)
    if until != 0:
        owner = self._former_owners[station][tenure]
    elif record != 0:
        owner = self._owner_in(self._stations[station])
    return IRegistry.Tenure(
        owner=owner, since=self._since_in(record), until=until, rated_w=self._rated_in(record)
    )


@external
@view
def offer_of(station: uint128) -> address:
    """
    @dev Returns to whom a station is offered.
    @param station The 16-byte station number.
    @return address The 20-byte address, or zero.
    """
    return self._offers[station]


@external
@view
def meter_of(key: bytes32) -> IRegistry.Meter:
    """
    @dev Returns what a device key is bound to; all zero when it is unknown.
    @param key The 32-byte Ed25519 public key.
    @return Meter The station, the role, since when, and until when (0 while it is in use).
    """
    return self._meters[key]


@external
@view
def user_of(user: address) -> IRegistry.User:
    """
    @dev Returns a wallet's entry; all zero when there is none.
    @param user The 20-byte address of the wallet.
    @return User The kind, since when, and the profile's hash.
    """
    return self._users[user]


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_registrar():
    """
    @dev Refuses anyone but a registrar.
    """
    assert self.registrars[msg.sender], "registry: access is denied"


@internal
@view
def _check_station_owner(station: uint128) -> address:
    """
    @dev Refuses anyone but the station's owner.
    @param station The 16-byte station number.
    @return address The owner: the caller.
    """
    assert self._owner_in(self._stations[station]) == msg.sender, "registry: caller does not own the station"
    return msg.sender


@internal
def _register_user(user: address, kind: uint8, profile_hash: bytes32):
    """
    @dev Enters a wallet, once.
    @param user The 20-byte address of the wallet.
    @param kind The 1-byte kind.
    @param profile_hash The 32-byte hash of the profile.
    """
    assert kind != 0 and kind <= KIND_MAX, "registry: unknown kind"
    assert self._users[user].kind == 0, "registry: user exists"
    self._users[user] = IRegistry.User(
        kind=kind, since=convert(block.timestamp, uint40), profile_hash=profile_hash
    )
    log UserRegistered(user=user, kind=kind, profile_hash=profile_hash)


@internal
@pure
def _owner_in(word: uint256) -> address:
    """
    @dev Unpacks the owner of a station word.
    @param word The station word.
    @return address The 20-byte address.
    """
    return convert(word & convert(max_value(uint160), uint256), address)


@internal
@pure
def _tenure_in(word: uint256) -> uint32:
    """
    @dev Unpacks the tenure number of a station word.
    @param word The station word.
    @return uint32 The tenure number.
    """
    return convert((word >> 160) & convert(max_value(uint32), uint256), uint32)


@internal
@pure
def _rated_in(record: uint256) -> uint64:
    """
    @dev Unpacks the rated power of a tenure word.
    @param record The tenure word.
    @return uint64 The rated power in W.
    """
    return convert(record & convert(max_value(uint64), uint256), uint64)


@internal
@pure
def _since_in(record: uint256) -> uint40:
    """
    @dev Unpacks the beginning of a tenure word.
    @param record The tenure word.
    @return uint40 The unix second.
    """
    return convert((record >> 64) & convert(max_value(uint40), uint256), uint40)


@internal
@pure
def _until_in(record: uint256) -> uint40:
    """
    @dev Unpacks the end of a tenure word.
    @param record The tenure word.
    @return uint40 The unix second, 0 while the tenure lasts.
    """
    return convert((record >> 104) & convert(max_value(uint40), uint256), uint40)
