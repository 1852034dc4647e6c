"""ASGI, Python's contract for async applications. A server that knows it: uvicorn hello_asgi:app"""


async def app(scope, receive, send):
    headers = [(b'content-type', b'text/plain')]
    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
    await send({'type': 'http.response.body', 'body': f'Hello from {scope["path"]}!\n'.encode()})
