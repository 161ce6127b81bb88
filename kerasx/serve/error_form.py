"""The bodies of errors: the server's own, and those that OpenAI's clients read."""

OPENAI = "/v1/"  # paths of OpenAI's protocol begin with it

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error_body(path, status, message, **details):
    """Return the body of an error as a dict.

    Args:
        path: the path of the request.
        status: the HTTP status.
        message: what is wrong.
        details: further entries; `details` lists {"field", "message"} of each wrong field.

    >>> error_body("/generate", 429, "busy")
    {'error': 'busy'}
    >>> error_body("/v1/models", 429, "busy")["error"]["type"]
    'rate_limit_error'
    """
    if not path.startswith(OPENAI):
        return {"error": message, **details}
    wrong = details.get("details") or []
    param = wrong[0]["field"] if wrong else None
    shown = "; ".join(f"{one['field']}: {one['message']}" for one in wrong)
    server = "server_error" if status >= 500 else "invalid_request_error"
    return {
        "error": {
            "message": f"{message}: {shown}" if shown else message,
            "type": _TYPES.get(status, server),
            "param": param,
            "code": details.get("code", details.get("id")),
        }
    }


def status_of(path, status):
    """Return the status of an error: OpenAI's protocol calls an invalid request 400."""
    return 400 if status == 422 and path.startswith(OPENAI) else status
