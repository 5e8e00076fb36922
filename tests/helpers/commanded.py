"""A program that is commanded: the real server, and someone who executes as a window would."""

import threading

from ferdesk.adapters.outputs.websocket_stream import WebSocketStream
from ferdesk.runtime.commands import Command, CommandDesk, CommandError


class Window:
    """Executes commands as a window would, on a thread of its own."""

    def __init__(self) -> None:
        self.done: list[Command] = []
        self._came = threading.Event()
        self.desk = CommandDesk(self._came.set)
        self.desk.allow(True)
        self.stream = WebSocketStream(port=0, commands=self.desk)
        self.ends = False
        self._thread = threading.Thread(target=self._execute)
        self._thread.start()

    def _execute(self) -> None:
        while not self.ends:
            self._came.wait(0.05)
            self._came.clear()
            while (asked := self.desk.take()) is not None:
                self.done.append(asked.command)
                if asked.command.name == "snapshot":
                    asked.refuse(CommandError("no_source", "No picture is shown."))
                else:
                    asked.answer({"session": "s1", "recording": True, "study": None, "t_s": 8.25})

    def close(self) -> None:
        self.ends = True
        self._thread.join()
        self.stream.close()
