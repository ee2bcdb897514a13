"""Answering commands: the middleware that turns a refusal, or a fault, into a reply the caller can read."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import structlog
from faststream import BaseMiddleware
from faststream.nats import NatsResponse, NatsRouter
from pydantic import ValidationError

from shared import tracing
from shared.bus.subscriptions import Answers
from shared.contracts.commands.command import Command
from shared.contracts.errors import FieldError, InternalError, Invalid, Refusal, TemporaryError, Unavailable

log = structlog.get_logger()

ERROR_HEADER = "x-error"


async def raw_body(message: Any) -> bytes:
    """Leaves the reading of a message to its contract, which does it in one pass."""
    body: bytes = message.body
    return body


class FromNode(NamedTuple):
    """A command with the node that its subject ends with."""

    node: str
    body: bytes


async def from_node(message: Any) -> FromNode:
    """The same, and where it comes from."""
    return FromNode(message.raw_message.subject.rpartition(".")[2], message.body)


class RefusalMiddleware(BaseMiddleware):
    """Every command is answered: a typed error with the header `x-error`, where there is no result."""

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> Any:
        parent = msg.headers.get(tracing.HEADER) if tracing.are_on() else None
        if parent is None:
            return await self._answered(call_next, msg)
        subject = msg.raw_message.subject
        with tracing.span(subject.split(".")[1], ".".join(subject.split(".")[:4]), parent):
            return await self._answered(call_next, msg)

    async def _answered(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> Any:
        try:
            return await call_next(msg)
        except Refusal as refusal:
            return _reply(refusal)
        except ValidationError as error:
            return _reply(invalid(error))
        except TemporaryError as error:
            log.warning("command_unavailable", error=repr(error))
            return _reply(Unavailable(f"{error} Try again in a moment."))
        except Exception as error:
            log.exception("command_failed", error=repr(error))
            return _reply(InternalError("The platform made a mistake; its log has the details."))


def _reply(refusal: Refusal) -> NatsResponse:
    return NatsResponse(refusal.body().model_dump_json().encode(), headers={ERROR_HEADER: refusal.code})


def invalid(error: ValidationError) -> Invalid:
    """What a contract does not take, as its owner answers it."""
    fields = tuple(
        FieldError(field=".".join(str(part) for part in item["loc"]), message=item["msg"]) for item in error.errors()
    )
    return Invalid("The command is not what its contract says.", errors=fields)


def router_of(
    answers: Sequence[Answers], handlers: object, node: str | None, partitions: Sequence[int] = ()
) -> NatsRouter:
    """A FastStream router that answers these commands by these handlers, in the owner's queue group."""
    router = NatsRouter()
    for answer in answers:
        queue = "" if answer.at_node else answer.command.owner
        if answer.from_node:
            anywhere = router.subscriber(
                answer.command.at("*").subject, queue=queue, decoder=from_node, max_workers=answer.at_once
            )
            anywhere(_responder_to_node(answer, handlers))
            continue
        for command in _places(answer, node, partitions):
            here = router.subscriber(command.subject, queue=queue, max_workers=answer.at_once)
            here(_responder(command, answer, handlers))
    return router


def _places(answer: Answers, node: str | None, partitions: Sequence[int]) -> list[Command[Any, Any]]:
    if answer.at_partition:
        return [answer.command.at(partition) for partition in partitions]
    return [answer.command.at(node) if answer.at_node and node else answer.command]


def _responder(command: Command[Any, Any], answer: Answers, handlers: object) -> Callable[[bytes], Awaitable[bytes]]:
    async def respond(body: bytes) -> bytes:
        result = await answer.handler(handlers, command.ask.model_validate_json(body))
        return result.model_dump_json().encode()  # type: ignore[no-any-return]

    return respond


def _responder_to_node(answer: Answers, handlers: object) -> Callable[[FromNode], Awaitable[bytes]]:
    async def respond(asked: FromNode) -> bytes:
        ask = answer.command.ask.model_validate_json(asked.body)
        result = await answer.handler(handlers, ask, asked.node)
        return result.model_dump_json().encode()  # type: ignore[no-any-return]

    return respond
