"""A small OpenID Connect issuer of the tests' own: discovery, keys that rotate, code with PKCE, device code.

It signs in whoever `claims` describe, without asking. `forge` may replace the ID token before it goes out.
"""

import base64
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.http_double import HttpDouble, Quiet

CLIENT_ID = "jobyard-test"
CLIENT_SECRET = "issuer-and-platform-know-it"
ALGORITHM = "RS256"


@dataclass(frozen=True)
class SigningKey:
    """A key pair and its name."""

    kid: str
    private: rsa.RSAPrivateKey

    def public(self) -> dict[str, Any]:
        jwk: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


def new_key() -> SigningKey:
    return SigningKey(secrets.token_hex(4), rsa.generate_private_key(public_exponent=65537, key_size=2048))


@dataclass
class Issuer:
    """What it knows, and what a test changes."""

    url: str = ""
    key: SigningKey = field(default_factory=new_key)
    claims: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[dict[str, Any]], str] | None = None
    confirmed: bool = False
    refuses: str | None = None
    secret_in_form: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self) -> SigningKey:
        """A new key; the old one is not listed any more."""
        self.key = new_key()
        return self.key

    def sign(self, claims: dict[str, Any], key: SigningKey | None = None, **header: Any) -> str:
        used = key or self.key
        return jwt.encode(claims, used.private, algorithm=ALGORITHM, headers={"kid": used.kid, **header})

    def id_token(self, nonce: str | None) -> str:
        """For whoever `claims` describe."""
        now = int(time.time())
        standard = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims = {**standard, **self.claims, **({"nonce": nonce} if nonce else {})}
        return self.forge(claims) if self.forge else self.sign(claims)

    # --- its endpoints

    def get(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, Any], str | None]:
        """Status, body, where to go."""
        self.asked[path] += 1
        match path:
            case "/.well-known/openid-configuration":
                return 200, self._description(), None
            case "/keys":
                return 200, {"keys": [self.key.public(), {"kty": "strange", "kid": "x"}, "no key"]}, None
            case "/authorize":
                return 302, {}, self._authorized(query)
        return 404, {}, None

    def post(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any], str | None]:
        self.asked[path] += 1
        by_form = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        by_header = authorization == "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if not (by_form if self.secret_in_form else by_header):
            return 401, {"error": "invalid_client"}, None
        if path == "/device":
            return 200, self._device(), None
        if form.get("grant_type") == "authorization_code":
            return self._for_code(form)
        return self._for_device(form)

    def _description(self) -> dict[str, Any]:
        ways = {"token_endpoint_auth_methods_supported": ["client_secret_post"]} if self.secret_in_form else {}
        return {
            **ways,
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "device_authorization_endpoint": f"{self.url}/device",
        }

    def _authorized(self, query: dict[str, str]) -> str:
        assert (query["response_type"], query["client_id"], query["code_challenge_method"]) == (
            "code",
            CLIENT_ID,
            "S256",
        )
        if self.refuses:
            return f"{query['redirect_uri']}?{urlencode({'error': self.refuses, 'state': query['state']})}"
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _for_code(self, form: dict[str, str]) -> tuple[int, dict[str, Any], None]:
        query = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query is None or (query["code_challenge"], query["redirect_uri"]) != (challenge, form["redirect_uri"]):
            return 400, {"error": "invalid_grant"}, None
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": self.id_token(query.get("nonce"))}, None

    def _device(self) -> dict[str, Any]:
        self.confirmed = False
        self.codes["device"] = {"code": secrets.token_urlsafe(8)}
        return {
            "device_code": self.codes["device"]["code"],
            "user_code": "ABCD-EFGH",
            "verification_uri": f"{self.url}/activate",
            "expires_in": 600,
            "interval": 1,
        }

    def _for_device(self, form: dict[str, str]) -> tuple[int, dict[str, Any], None]:
        if form["device_code"] != self.codes.get("device", {}).get("code"):
            return 400, {"error": "expired_token"}, None
        if self.refuses:
            return 400, {"error": self.refuses}, None
        if not self.confirmed:
            return 400, {"error": "authorization_pending"}, None
        del self.codes["device"]
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": self.id_token(None)}, None


def settings(idp: Issuer) -> dict[str, str]:
    """A platform's, to sign in at this issuer."""
    given = {
        "ISSUER": idp.url,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "VCS": "researchers=lab:member,leads=lab:admin,everybody=default:member",
        "ADMIN_GROUP": "operators",
        "STEPS_PER_MINUTE": "100000",
    }
    return {f"JOBYARD_GATEWAY_OIDC_{name}": value for name, value in given.items()}


def who(idp: Issuer, name: str, *groups: str, **claims: Any) -> None:
    """Who sits at the browser."""
    idp.claims = {"sub": f"sub-of-{name}", "preferred_username": name, "groups": list(groups), **claims}


@contextmanager
def issuer() -> Iterator[Issuer]:
    """An issuer that listens on the loopback."""
    state = Issuer()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(state.get(parts.path, _flat(parts.query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(state.post(self.path, _flat(body.decode()), self.headers.get("Authorization", "")))

        def _answer(self, answer: tuple[int, dict[str, Any], str | None]) -> None:
            status, body, location = answer
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content)

    with HttpDouble(Handler) as server:
        state.url = server.url
        yield state


def _flat(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded, keep_blank_values=True).items()}
