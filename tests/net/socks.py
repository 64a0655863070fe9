#!/usr/bin/env python3
"""A small SOCKS5 proxy for tests (RFC 1928, RFC 1929), one thread a call.

    socks.py [NAME:PASSWORD@]HOST:PORT TO_HOST:TO_PORT

Whatever name it is asked for, it connects to TO_HOST:TO_PORT: the name exists
nowhere else, so whoever reaches the far end has not looked it up. Prints
`ready`, then `asked NAME PORT` per call. Ends with its standard input.
"""

import socket
import sys
import threading


def host_port(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def exactly(conn, n):
    data = b""
    while len(data) < n:
        more = conn.recv(n - len(data))
        if not more:
            raise ConnectionError("ended half-way")
        data += more
    return data


def greet(conn, login):
    version, count = exactly(conn, 2)
    methods = exactly(conn, count)
    method = 2 if login else 0
    if version != 5 or method not in methods:
        conn.sendall(b"\5\xff")
        raise ConnectionError("no method of ours")
    conn.sendall(bytes((5, method)))
    if not login:
        return
    _, n = exactly(conn, 2)
    name = exactly(conn, n).decode()
    password = exactly(conn, exactly(conn, 1)[0]).decode()
    good = f"{name}:{password}" == login
    conn.sendall(b"\1\0" if good else b"\1\1")
    if not good:
        raise ConnectionError("wrong login")


def asked(conn):
    version, command, _, kind = exactly(conn, 4)
    if kind == 3:
        host = exactly(conn, exactly(conn, 1)[0]).decode()
    else:
        family, n = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, exactly(conn, n))
    port = int.from_bytes(exactly(conn, 2), "big")
    if (version, command) != (5, 1):
        raise ConnectionError("no CONNECT")
    return host, port


def pass_on(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(conn, login, far):
    try:
        greet(conn, login)
        host, port = asked(conn)
        print(f"asked {host} {port}", flush=True)
        try:
            there = socket.create_connection(far, 5)
        except OSError:
            conn.sendall(b"\5\5\0\1\0\0\0\0\0\0")
            return
        there.settimeout(None)
        with there:
            conn.sendall(b"\5\0\0\1\0\0\0\0\0\0")
            threading.Thread(target=pass_on, args=(there, conn),
                             daemon=True).start()
            pass_on(conn, there)
    except OSError:
        pass
    finally:
        conn.close()


def main():
    login, _, at = sys.argv[1].rpartition("@")
    at = host_port(at)
    family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
    listener = socket.create_server(at, family=family)
    print("ready", flush=True)

    def calls():
        while True:
            threading.Thread(target=serve, args=(
                listener.accept()[0], login, host_port(sys.argv[2])),
                daemon=True).start()
    threading.Thread(target=calls, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
