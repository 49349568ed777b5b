"""A second worker on the same store, in a process of its own: answers on a port until its input ends.

python -m tests.api.second_worker STORE PORT
"""

from __future__ import annotations

import os
import sys
import threading

import uvicorn

from api.app import LOCAL_HOSTS, create_app
from api.protocol import QuickProtocol
from geo.bootstrap import open_services


def main():
    store, port = sys.argv[1:]
    app = create_app(open_services(store_url=store), hosts=LOCAL_HOSTS, close=True)
    # The tests close this process's input when they are done, even where they fail.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    address = {"host": "127.0.0.1", "port": int(port)}
    uvicorn.run(app, **address, http=QuickProtocol, log_level="error", access_log=False, lifespan="on")


if __name__ == "__main__":
    main()
