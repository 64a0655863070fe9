// Frames: the epochs' keys, sealing, opening, the replay window
// (protocol.md 2.6, 4).

package main

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

// half is one direction of one channel in one epoch.
type half struct {
	aead  cipher.AEAD
	index uint32
}

func newHalf(session []byte, channel string) half {
	b := hash(36, session, []byte("openline frame 1"), []byte(channel))
	aead, err := chacha20poly1305.New(b[:32])
	if err != nil {
		panic(err)
	}
	return half{aead, binary.BigEndian.Uint32(b[32:])}
}

func nonce(counter uint32) []byte {
	n := make([]byte, 12)
	binary.LittleEndian.PutUint64(n[4:], uint64(counter))
	return n
}

func (h half) seal(counter uint32, chunks []byte) []byte {
	b := make([]byte, 9)
	b[0] = typeFrame
	binary.BigEndian.PutUint32(b[1:], h.index)
	binary.BigEndian.PutUint32(b[5:], counter)
	return h.aead.Seal(b, nonce(counter), chunks, b[:9])
}

// lane is a channel in an epoch, both directions.
type lane struct {
	channel  string
	out, in  half
	next     uint32          // our next counter
	accepted map[uint32]bool // theirs
	high     uint32
	asking   int             // frames that wait for our ACK
	acked    map[uint32]bool // ours that they acknowledged
	flying   map[uint32]bool // ours that ask, until then
}

type epoch struct {
	number    uint64
	initiator bool // ours
	confirmed bool
	send      []byte // session keys
	receive   []byte
	lanes     map[string]*lane
	heard     bool // a HELD of the peer came in it
	told      bool // a HELD of ours went in it
}

func newEpoch(number uint64, initiator bool, send, receive []byte) *epoch {
	return &epoch{number: number, initiator: initiator, send: send,
		receive: receive, lanes: map[string]*lane{}}
}

func (e *epoch) lane(channel string) *lane {
	if e.lanes[channel] == nil {
		e.lanes[channel] = &lane{channel: channel,
			out: newHalf(e.send, channel), in: newHalf(e.receive, channel),
			accepted: map[uint32]bool{}, acked: map[uint32]bool{},
			flying: map[uint32]bool{}}
	}
	return e.lanes[channel]
}

var errFrame = errors.New("no frame of this lane")

// open checks, opens and marks; what it returns is authentic and fresh.
func (n *lane) open(packet []byte) ([]byte, error) {
	if len(packet) < 25 || len(packet) > 4096 ||
		binary.BigEndian.Uint32(packet[1:]) != n.in.index {
		return nil, errFrame
	}
	counter := binary.BigEndian.Uint32(packet[5:])
	if n.accepted[counter] || uint64(counter)+4095 < uint64(n.high) {
		return nil, errors.New("a counter that is not fresh")
	}
	plain, err := n.in.aead.Open(nil, nonce(counter), packet[9:],
		packet[:9])
	if err != nil {
		return nil, err
	}
	n.accepted[counter] = true
	if counter > n.high {
		n.high = counter
	}
	return plain, nil
}
