"""Servers that are played in this process behind TLS, and a kubeconfig that leads to one."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import trustme
import yaml
from aiohttp import web

HERE = "127.0.0.1"


def certified(authority: trustme.CA, name: str = HERE) -> ssl.SSLContext:
    """For a server whose certificate bears this name and no other."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    return tls


@asynccontextmanager
async def listening(app: web.Application, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Its port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HERE, 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def kubeconfig(folder: Path, port: int, cluster: Mapping[str, object], user: Mapping[str, object]) -> Path:
    """A file in `folder`: `cluster` and `user` with what they say beside the server."""
    known = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": f"https://{HERE}:{port}", **cluster}}],
        "users": [{"name": "a", "user": dict(user)}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(known))
    return path
