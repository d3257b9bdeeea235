# SPDX-License-Identifier: BSD-2-Clause
"""A disk server that holds requests back: NBD (its protocol document, "fixed newstyle") on a Unix socket, for one QEMU.

The bytes are in memory. hold() lets the next request of a kind wait, release() lets what is held go on, or fail. QEMU waits for
what it has begun when a guest resets a device, and the guest with it: that is how a request comes back late.
"""
import os
import socket
import struct
import threading
import time

READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
EIO = 5


class Server:
    def __init__(self, path, data):
        self.data = bytearray(data)
        self.cond = threading.Condition()	# over the fields below
        self.armed = {}			# kind: how many of the next ones are held
        self.held = 0			# so many wait now
        self.caught = 0			# so many did altogether
        self.tickets = []		# errors (0: none) for held ones that may go
        self.log = []			# (kind, offset, length), in order of coming
        if os.path.exists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()

    # -- the protocol

    def serve(self):
        try:
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def talk(self, s):
        try:
            self.negotiate(s)
            self.transmit(s)
        except (OSError, EOFError):
            pass

    def negotiate(self, s):
        s.sendall(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
        receive(s, 4)
        while True:
            _magic, option, length = struct.unpack(">8sII", receive(s, 16))
            receive(s, length)
            if option == 1:	# EXPORT_NAME: no answer but the export
                s.sendall(struct.pack(">QH", len(self.data), 0x5))
                return
            if option in (6, 7):	# INFO, GO
                answer(s, option, 3, struct.pack(">HQH", 0, len(self.data), 0x5))	# with flags, with flush
                answer(s, option, 1, b"")
                if option == 7:
                    return
            else:
                answer(s, option, 0x80000001, b"")	# not supported

    def transmit(self, s):
        sending = threading.Lock()
        while True:
            _magic, _flags, kind, handle, offset, length = struct.unpack(">IHHQQI", receive(s, 28))
            if kind == DISCONNECT:
                return
            data = receive(s, length) if kind == WRITE else b""
            threading.Thread(target=self.handle, args=(s, sending, kind, handle, offset, length, data), daemon=True).start()

    def handle(self, s, sending, kind, handle, offset, length, data):
        error = self.wait_turn(kind, offset, length)
        with self.cond:
            if kind == WRITE and not error:
                self.data[offset : offset + length] = data
            reply = bytes(self.data[offset : offset + length]) if kind == READ and not error else b""
        with sending:
            s.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + reply)

    def wait_turn(self, kind, offset, length):
        with self.cond:
            self.log.append((kind, offset, length))
            if not self.armed.get(kind):
                return 0
            self.armed[kind] -= 1
            self.held += 1
            self.caught += 1
            self.cond.notify_all()
            self.cond.wait_for(lambda: self.tickets)
            self.held -= 1
            return self.tickets.pop(0)

    # -- for the test

    def hold(self, kind, count=1):
        with self.cond:
            self.armed[kind] = count

    def wait_caught(self, count, seconds):
        """Until so many requests were held altogether."""
        with self.cond:
            return self.cond.wait_for(lambda: self.caught >= count, seconds)

    def release(self, error=0):
        with self.cond:
            self.tickets.append(error)
            self.cond.notify_all()

    def serve_late(self, kind, seconds, count=1, error=0):
        """In a thread: each of the next `count` of its kind is answered so many seconds late."""
        self.hold(kind, count)
        before = self.caught

        def run():
            for i in range(count):
                self.wait_caught(before + i + 1, 120)
                if not self.held:	# stop_late()
                    return
                time.sleep(seconds)
                self.release(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def stop_late(self, thread):
        """No more are held; the thread of serve_late() ends when those that are have gone."""
        with self.cond:
            self.armed = {}
            self.caught += 1000
            self.cond.notify_all()
        thread.join()

    def close(self):
        self.socket.close()


def receive(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def answer(s, option, kind, data):
    s.sendall(struct.pack(">QIII", 0x3E889045565A9, option, kind, len(data)) + data)
