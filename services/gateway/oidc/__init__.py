"""Signing in at an OpenID Connect issuer: code with PKCE for browsers, device code for the command line."""
