"""Senders that never stop by themselves: one connection each, and a list of what was answered 200."""

import threading
import time

from served import Wire


class Sender(threading.Thread):
    """Pings one job, each with a number of its own as its body, until it is told to stop or cannot go on."""

    def __init__(self, server, slug: str, step: str = "") -> None:
        super().__init__()
        self.server, self.slug, self.step = server, slug, step
        self.answered: list[str] = []
        self.refused: list[int] = []
        self.ending = ""
        self.stopping = False
        self.asked_at = time.monotonic()
        self.start()

    @property
    def waited(self) -> float:
        """Seconds that the ping on its way has been without an answer."""
        return time.monotonic() - self.asked_at

    def run(self) -> None:
        try:
            with Wire(self.server, 20) as wire:
                self.send(wire)
        except OSError as problem:
            self.ending = type(problem).__name__

    def send(self, wire: Wire) -> None:
        number = 0
        while not self.stopping:
            number += 1
            self.asked_at = time.monotonic()
            wire.ping(self.slug + self.step, method="POST", body=b"%d" % number)
            answer = wire.answer()
            if answer is None:
                self.ending = "closed without an answer"
                return
            if answer.status == 200:
                self.answered.append(str(number))
            else:
                self.refused.append(answer.status)
            if answer.headers.get("connection") == "close":
                self.ending = "goodbye"
                return

    def stop(self) -> None:
        self.stopping = True
        self.join()


def jobs_file(names, notify="screen: {console: {}}") -> str:
    lines = "".join(f"  {name}: {{schedule: every 1h, grace: 30m}}\n" for name in names)
    channel = notify.split(":")[0]
    return f"defaults: {{timezone: UTC, notify: [{channel}]}}\nchannels: {{{notify}}}\njobs:\n{lines}"
