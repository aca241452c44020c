"""Users of the server: connections that ask and wait for the answer, and streams of events beside them.

One process, one thread, readiness from the system (epoll): a request costs some 20 microseconds here, so on the
same machine it takes little from the server. What a user waits for is measured from before the request is sent
until the last byte of the answer is there, and includes the time that this process is behind.
"""

import heapq
import random
import select
import socket
import time
from array import array
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "


@dataclass
class Route:
    """What was seen of one route."""

    waits: array = field(default_factory=lambda: array("d"))
    """Seconds, of each answer."""
    errors: dict = field(default_factory=dict)
    """How often which status, or what happened instead."""

    def failed(self, why):
        self.errors[why] = self.errors.get(why, 0) + 1


class Connection:
    """A connection to the server, and what has come of an answer."""

    def __init__(self, address):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def ask(self, path):
        # A request fits into the system's buffer.
        self.socket.send(b"GET %b HTTP/1.1\r\nhost: localhost\r\n\r\n" % path.encode())


class User(Connection):
    """Asks, waits for the answer, asks again."""

    def __init__(self, address):
        super().__init__(address)
        self.route, self.began, self.head, self.missing = None, 0.0, b"", 0

    def begin(self, route, path):
        self.route, self.began, self.head, self.missing = route, time.perf_counter(), b"", None
        self.ask(path)

    def receive(self, buffer):
        """Takes what is there: the status once the answer is complete, else `None`."""
        count = self.socket.recv_into(buffer)
        if count == 0:
            raise ConnectionError("the server has closed the connection")
        if self.missing is None:
            self.head += bytes(buffer[:count])
            end = self.head.find(HEAD_END)
            if end < 0:
                return None
            at = self.head.lower().find(LENGTH, 0, end) + len(LENGTH)
            length = int(self.head[at : self.head.find(b"\r", at)])
            self.missing = length - (len(self.head) - end - len(HEAD_END))
        else:
            self.missing -= count
        return None if self.missing else int(self.head[9:12])


class Stream(Connection):
    """A client of the activity stream, who takes whatever comes."""

    def __init__(self, address):
        super().__init__(address)
        self.events = self.gaps = 0
        self.ask("/api/v1/activity/stream")

    def receive(self, buffer):
        count = self.socket.recv_into(buffer)
        if count == 0:
            raise ConnectionError("the server has closed the stream")
        text = bytes(buffer[:count])
        self.events += text.count(b"\ndata: ")
        self.gaps += text.count(b"\nevent: gap")


class Crowd:
    """Users and streams of one server."""

    def __init__(self, address, users, streams, mix, pause=0.0, seed=7):
        """`mix`: of each route its name, and the paths of which one is asked for by chance."""
        self.chance = random.Random(seed)
        self.mix = [(name, list(paths)) for name, paths in mix.items()]
        self.routes = {name: Route() for name in mix}
        self.pause = pause
        self.lost_streams = 0
        self.users = [User(address) for _ in range(users)]
        self.streams = [Stream(address) for _ in range(streams)]

    def run(self, seconds):
        """Lets them ask for so long; gives the seconds that it took, for the last answers are waited for."""
        poll, by_file = select.epoll(), {}
        for one in self.users + self.streams:
            poll.register(one, select.EPOLLIN)
            by_file[one.fileno()] = one
        buffer = memoryview(bytearray(256 << 10))
        began = time.perf_counter()
        until = began + seconds
        # When who asks next. They come one after the other, as people do.
        spread = max(self.pause, 0.1)
        due = [(began + self.chance.uniform(0, spread), n) for n in range(len(self.users))]
        heapq.heapify(due)
        numbers = {user.fileno(): n for n, user in enumerate(self.users)}
        busy = 0
        while (now := time.perf_counter()) < until or busy:
            while due and due[0][0] <= now < until:
                busy += self.ask(self.users[heapq.heappop(due)[1]])
            wait = min(until, due[0][0]) - now if due and now < until else 1.0
            for file, _ in poll.poll(max(wait, 0)):
                one = by_file[file]
                if isinstance(one, Stream):
                    self.follow(one, buffer, poll)
                elif self.receive(one, buffer, poll):
                    busy -= 1
                    if one.route is not None:
                        pause = self.chance.uniform(0.5, 1.5) * self.pause
                        heapq.heappush(due, (time.perf_counter() + pause, numbers[file]))
        return time.perf_counter() - began

    def ask(self, user):
        """Whether the user has a request under way now."""
        name, paths = self.chance.choice(self.mix)
        try:
            user.begin(self.routes[name], self.chance.choice(paths))
            return True
        except OSError as error:
            user.route.failed(type(error).__name__)
            return False

    def receive(self, user, buffer, poll):
        """Whether the user has no request under way any more."""
        try:
            status = user.receive(buffer)
        except OSError as error:
            user.route.failed(type(error).__name__)
            user.route = None
            poll.unregister(user)
            return True
        if status is None:
            return False
        user.route.waits.append(time.perf_counter() - user.began)
        if status != 200:
            user.route.failed(str(status))
        return True

    def follow(self, stream, buffer, poll):
        try:
            stream.receive(buffer)
        except OSError:
            self.lost_streams += 1
            poll.unregister(stream)
