"""The shortest honest way in Python: threads, http.client, hashlib. `python_downloads.py URLS THREADS`"""

import hashlib
import http.client
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

BUFFER = 1 << 20


def fetch(connection, path, name):
    """A file to the disk; gives what its bytes hash to."""
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200, (path, answer.status)
    digest, buffer = hashlib.sha256(), memoryview(bytearray(BUFFER))
    with open(name, "wb") as out:
        while got := answer.readinto(buffer):
            digest.update(buffer[:got])
            out.write(buffer[:got])
    return digest.hexdigest()


def work(urls, failed):
    connection = None
    for url in urls:
        parts = urlsplit(url)
        connection = connection or http.client.HTTPConnection(parts.netloc)
        connection.request("GET", f"{parts.path}.CHECKSUM")
        wanted = connection.getresponse().read().split()[0].decode()
        if fetch(connection, parts.path, Path(parts.path).name) != wanted:
            failed.append(url)


class Shared:
    """An iterator that threads may share."""

    def __init__(self, items):
        self.items, self.lock = iter(items), threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.items)


def main():
    urls, failed = Shared(Path(sys.argv[1]).read_text().split()), []
    threads = [threading.Thread(target=work, args=(urls, failed)) for _ in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failed else 0)


main()
