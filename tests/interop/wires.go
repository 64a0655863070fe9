// Bearers: packets over UDP and TCP (protocol.md 4.3). A wire is one way to
// the other station; all wires give their packets to one queue.

package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

type wire struct {
	bearer string
	dialed string // the channel of our own dialling, or nothing
	size   int    // of the largest frame
	write  func([]byte) error
	close  func()
}

type arrival struct {
	from   *wire
	packet []byte
}

// queue is where packets of all wires arrive; full, it drops.
type queue chan arrival

func (q queue) offer(w *wire, packet []byte) {
	select {
	case q <- arrival{w, packet}:
	default:
	}
}

func (q queue) dialUDP(channel, address string) *wire {
	c, err := net.Dial("udp", address)
	need(err)
	w := &wire{"udp", channel, 1200, func(b []byte) error {
		_, err := c.Write(b)
		return err
	}, func() { c.Close() }}
	go func() {
		b := make([]byte, 65536)
		for {
			n, err := c.Read(b)
			if err == nil {
				q.offer(w, append([]byte{}, b[:n]...))
			} else if !isRefused(err) {
				return
			}
		}
	}()
	return w
}

// listenUDP makes a wire for each address that sends something.
func (q queue) listenUDP(address string) (string, func()) {
	c, err := net.ListenPacket("udp", address)
	need(err)
	go func() {
		wires := map[string]*wire{}
		b := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			w := wires[from.String()]
			if w == nil {
				w = &wire{"udp", "", 1200, func(b []byte) error {
					_, err := c.WriteTo(b, from)
					return err
				}, func() {}}
				wires[from.String()] = w
			}
			q.offer(w, append([]byte{}, b[:n]...))
		}
	}()
	return c.LocalAddr().String(), func() { c.Close() }
}

// stream puts a length in front of each packet.
func (q queue) stream(channel string, c net.Conn) *wire {
	var lock sync.Mutex
	w := &wire{"tcp", channel, 4096, func(b []byte) error {
		lock.Lock()
		defer lock.Unlock()
		_, err := c.Write(append(binary.BigEndian.AppendUint16(nil,
			uint16(len(b))), b...))
		return err
	}, func() { c.Close() }}
	go func() {
		defer c.Close()
		for {
			var length [2]byte
			if _, err := io.ReadFull(c, length[:]); err != nil {
				break
			}
			n := binary.BigEndian.Uint16(length[:])
			if n == 0 || n > 4096 {
				break
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(c, b); err != nil {
				break
			}
			q.offer(w, b)
		}
		q.offer(w, nil) // the connection has ended
	}()
	return w
}

func (q queue) dialTCP(channel, address string) *wire {
	c, err := net.Dial("tcp", address)
	need(err)
	return q.stream(channel, c)
}

func (q queue) listenTCP(address string) (string, func()) {
	l, err := net.Listen("tcp", address)
	need(err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			q.stream("", c)
		}
	}()
	return l.Addr().String(), func() { l.Close() }
}

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED)
}
