# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore oracle rotate`: show what a new signer set would be, and bring it to the chain as the Oracle's owner."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import orjson
from eth_utils.address import to_checksum_address

from chain.client import OracleClient
from chain.deployment import Deployment
from chain.rpc import Rpc, RpcError, hex_of
from chain.signers import open_signer
from chain.transactions import TransactionSender, reason_code, revert_reason
from kit.errors import GreenCoreError, Malformed, Refused, Unavailable
from kit.ids import address_bytes
from kit.units import SLOT_SECONDS, Utility, slot_start
from oracle.rotation.rules import InForce, Plan, plan

_FAILED = 2
_NOT_OWNER = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the owner asked for."""

    add: tuple[bytes, ...]
    remove: tuple[bytes, ...]
    signers: tuple[bytes, ...] | None
    k: int | None
    faulty: int | None
    from_slot: int | None
    discard: bool


@click.command("rotate")
@click.option("--add", multiple=True, help="Address of a node that joins; as often as needed.")
@click.option("--remove", multiple=True, help="Address of a node that leaves; as often as needed.")
@click.option("--signers", help="All addresses of the new set, by commas, instead of --add and --remove.")
@click.option("--k", type=int, help="Signatures needed; the least safe number if left out.")
@click.option("--faulty", type=int, help="How many may be faulty without harm; a third less one if left out.")
@click.option("--from-slot", type=int, help="First slot of the new set; the one after the running slot if left out.")
@click.option("--discard", is_flag=True, help="The old set signs nothing more, from now on: for stolen keys.")
@click.option(
    "--owner", envvar="GREENCORE_OWNER_KEY", help="Keystore or remote signer of the Oracle's owner, for --send."
)
@click.option("--password-file", type=click.Path(path_type=Path), help="Its first line opens the keystore.")
@click.option("--send", is_flag=True, help="Send it. Without this it is only shown and tried.")
@click.option(
    "--confirmations", type=click.IntRange(min=0), default=1, show_default=True, help="Blocks to wait for on top."
)
@click.option(
    "--rpc",
    envvar="GREENCORE_RPC_URL",
    default="http://localhost:8545",
    show_default=True,
    help="The chain's JSON-RPC.",
)
@click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    envvar="GREENCORE_DEPLOYMENT",
    default="deployments/local.json",
    show_default=True,
    help="The file that the deploy script wrote.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan and the call's bytes as one JSON object.")
def rotate(
    add: tuple[str, ...],
    remove: tuple[str, ...],
    signers: str | None,
    k: int | None,
    faulty: int | None,
    from_slot: int | None,
    discard: bool,
    owner: str | None,
    password_file: Path | None,
    send: bool,
    confirmations: int,
    rpc: str,
    deployment: Path,
    as_json: bool,
) -> None:
    """Change who signs reports. Shows old and new set, asks the contract whether it would take it, and sends with --send.

    If the owner is a multisig or a timelock, hand the printed bytes to it: exit code 3 tells that the key is not the owner's.
    """
    try:
        wanted = Wanted(
            _addresses(add),
            _addresses(remove),
            None if signers is None else _addresses([part.strip() for part in signers.split(",")]),
            k,
            faulty,
            from_slot,
            discard,
        )
        if send and not owner:
            raise Refused("oracle.no_owner", "--send needs --owner or GREENCORE_OWNER_KEY")
        password = "" if password_file is None else password_file.read_text().split("\n", 1)[0]
        key = (owner or "", password) if send else None
        sys.exit(asyncio.run(_rotate(rpc, deployment, wanted, key, confirmations, as_json)))
    except (GreenCoreError, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(_FAILED)


async def _rotate(
    url: str, path: Path, wanted: Wanted, key: tuple[str, str] | None, confirmations: int, as_json: bool
) -> int:
    deployment = Deployment.load(path)
    async with Rpc(url) as rpc:
        oracle = OracleClient(rpc, deployment)
        made = await make_plan(oracle, wanted)
        call = rotation_call(oracle, made)
        owner = to_checksum_address(await oracle.read("owner"))
        show(made, oracle.address, owner, call, as_json)
        await _try(oracle, owner, call)
        if key is None:
            click.echo("the contract takes it from its owner; --send sends it", err=True)
            return 0
        signer = await open_signer(key[0], password=key[1])
        try:
            if signer.address != owner:
                click.echo(
                    f"{signer.address} is not the owner: have {owner} send these bytes to {oracle.address}", err=True
                )
                return _NOT_OWNER
            sender = TransactionSender(rpc, signer, chain_id=deployment.chain_id, confirmations=confirmations)
            receipt = await sender.send(oracle.address, call)
        finally:
            await signer.close()
        now = await oracle.signer_set(made.epoch)
        if now is None or (now.signers, now.k) != (made.signers, made.k):
            raise Unavailable("oracle.no_rotation_event", f"the chain's node does not show epoch {made.epoch} yet")
    click.echo(
        f"epoch {made.epoch} is in force from slot {now.from_slot} on: {receipt.tx_hash}, block {receipt.block_number}",
        err=True,
    )
    return 0


async def make_plan(oracle: OracleClient, wanted: Wanted) -> Plan:
    """The plan on the chain's present state. Raises Refused for an unsafe one, Unavailable if the chain does not answer."""
    epoch = await oracle.epoch()
    found = await oracle.signer_set(epoch) if epoch else None
    if epoch and found is None:
        raise Unavailable("oracle.no_rotation_event", f"the chain's node shows no rotation to epoch {epoch}")
    block = await oracle.rpc.block("latest")
    if block is None:
        raise Unavailable("chain.unavailable", "the chain's node has no newest block")
    heads = [await oracle.head(int(utility)) for utility in Utility if await oracle.mode_of(int(utility))]
    return plan(
        None if found is None else InForce(found.epoch, found.k, found.signers),
        add=wanted.add,
        remove=wanted.remove,
        signers=wanted.signers,
        k=wanted.k,
        faulty=wanted.faulty,
        running_slot=int(block["timestamp"], 16) // SLOT_SECONDS,
        head_slot=min((head.slot for head in heads), default=0),
        from_slot=wanted.from_slot,
        discard=wanted.discard,
    )


def rotation_call(oracle: OracleClient, made: Plan) -> bytes:
    """The bytes of the call."""
    return oracle.abi.encode_call(
        "rotate", list(made.signers), made.k, made.faulty, made.from_slot, made.previous_until_slot
    )


def show(made: Plan, oracle: str, owner: str, call: bytes, as_json: bool) -> None:
    """Print old set, new set and the bytes."""
    before = made.before
    if as_json:
        shown = {
            "oracle": oracle,
            "owner": owner,
            "epoch": made.epoch,
            "k": made.k,
            "faulty": made.faulty,
            "signers": [_text(s) for s in made.signers],
            "joining": [_text(s) for s in made.joining],
            "leaving": [_text(s) for s in made.leaving],
            "fromSlot": made.from_slot,
            "previousUntilSlot": made.previous_until_slot,
            "warnings": made.warnings(),
            "calldata": hex_of(call),
        }
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
        return
    if before is None:
        click.echo("now: no signer set")
    else:
        click.echo(f"now: epoch {before.epoch}, {before.k} of {len(before.signers)}")
    click.echo(f"then: epoch {made.epoch}, {made.k} of {len(made.signers)}, safe with {made.faulty} faulty")
    for signer in sorted({*made.signers, *made.leaving}):
        word = "joins" if signer in made.joining else "leaves" if signer in made.leaving else "stays"
        click.echo(f"  {_text(signer)}  {word}")
    click.echo(
        f"epoch {made.epoch} signs from slot {made.from_slot} on ({slot_start(made.from_slot):%Y-%m-%d %H:%M} UTC)"
    )
    if before is not None:
        until = made.previous_until_slot
        click.echo(f"epoch {before.epoch} signs " + (f"up to slot {until}" if until else "nothing more"))
    for warning in made.warnings():
        click.echo(f"note: {warning}")
    click.echo(f"Oracle {oracle}, owner {owner}")
    click.echo(f"calldata {hex_of(call)}")


async def _try(oracle: OracleClient, owner: str, call: bytes) -> None:
    """Raises Refused in the contract's words if it would not take the call from its owner."""
    try:
        await oracle.rpc.call(oracle.address, call, sender=owner)
    except RpcError as error:
        reason = revert_reason(error.data) or error.reason
        raise Refused(reason_code(reason), f"the contract refuses: {reason}") from error


def _addresses(texts: tuple[str, ...] | list[str]) -> tuple[bytes, ...]:
    try:
        return tuple(address_bytes(text) for text in texts)
    except ValueError as error:
        raise Malformed("oracle.bad_rotation", str(error)) from error


def _text(address: bytes) -> str:
    return str(to_checksum_address(address))
