// The wrapper, and the handshake inside of it (protocol.md 2.1 to 2.3).

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/flynn/noise"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	typeKnock    = 1
	typeResponse = 2
	typeBehind   = 3
	typeFrame    = 4
	typeBundle   = 5
	wrapped      = 41 // what the wrapper adds to its plaintext
)

func siphash24(key, msg []byte) []byte {
	k0 := binary.LittleEndian.Uint64(key)
	k1 := binary.LittleEndian.Uint64(key[8:])
	v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	half := func(a, b, c, d int, s, t int) {
		v[a] += v[b]
		v[c] += v[d]
		v[b] = bits.RotateLeft64(v[b], s) ^ v[a]
		v[d] = bits.RotateLeft64(v[d], t) ^ v[c]
		v[a] = bits.RotateLeft64(v[a], 32)
	}
	rounds := func(n int) {
		for i := 0; i < n; i++ {
			half(0, 1, 2, 3, 13, 16)
			half(2, 1, 0, 3, 17, 21)
		}
	}
	padded := append([]byte{}, msg...)
	for len(padded)%8 != 7 {
		padded = append(padded, 0)
	}
	padded = append(padded, byte(len(msg)))
	for ; len(padded) > 0; padded = padded[8:] {
		m := binary.LittleEndian.Uint64(padded)
		v[3] ^= m
		rounds(2)
		v[0] ^= m
	}
	v[2] ^= 0xff
	rounds(4)
	out := make([]byte, 8)
	binary.LittleEndian.PutUint64(out, v[0]^v[1]^v[2]^v[3])
	return out
}

func (l *line) shortHash(direction, nonce []byte) []byte {
	return siphash24(hash(32, nil, []byte("openline short 1"), l.id,
		direction)[:16], nonce)
}

func (l *line) wrapKey(direction []byte) []byte {
	return hash(32, l.psk, []byte("openline wrap 1"), l.id, direction)
}

func (l *line) wrap(kind byte, plain []byte) []byte {
	d, nonce := l.direction(true), random(16)
	out := append(append([]byte{kind}, nonce...), l.shortHash(d, nonce)...)
	aead, err := chacha20poly1305.NewX(l.wrapKey(d))
	if err != nil {
		panic(err)
	}
	return aead.Seal(out, out[1:25], plain, []byte{kind})
}

var errStranger = errors.New("short hash of no line")

func (l *line) unwrap(packet []byte) ([]byte, error) {
	d := l.direction(false)
	if len(packet) < wrapped ||
		!bytes.Equal(l.shortHash(d, packet[1:17]), packet[17:25]) {
		return nil, errStranger
	}
	aead, err := chacha20poly1305.NewX(l.wrapKey(d))
	if err != nil {
		panic(err)
	}
	return aead.Open(nil, packet[1:25], packet[25:], packet[:1])
}

// opening is the plaintext of a knock and of a response.
type opening struct {
	number  uint64
	channel string
	noise   []byte
}

func (o opening) encode(l *line) []byte {
	b := binary.BigEndian.AppendUint64(nil, o.number)
	return append(append(b, l.tag(o.channel)...), o.noise...)
}

func decodeOpening(l *line, b []byte) (o opening, err error) {
	if len(b) < 12 {
		return o, errors.New("a short opening")
	}
	o.number = binary.BigEndian.Uint64(b)
	for _, name := range names {
		if bytes.Equal(b[8:12], l.tag(name)) {
			o.channel = name
		}
	}
	if o.channel == "" || o.number == 0 || o.number >= 1<<63 {
		return o, errors.New("a malformed opening")
	}
	o.noise = b[12:]
	return o, nil
}

// keyed is a cipher that remembers its key: frames need the keys of Split,
// and the library gives out ciphers only.
type keyed struct {
	noise.Cipher
	key [32]byte
}

type keeping struct{ noise.CipherFunc }

func (k keeping) Cipher(key [32]byte) noise.Cipher {
	return keyed{k.CipherFunc.Cipher(key), key}
}

func suite(dh noise.DHFunc) noise.CipherSuite {
	return noise.NewCipherSuite(dh, keeping{noise.CipherChaChaPoly},
		noise.HashBLAKE2b)
}

// handshake begins IKpsk2 of one opening number on either side.
func (l *line) handshake(initiator bool, number uint64,
	dh noise.DHFunc) *noise.HandshakeState {
	prologue := append([]byte("openline\x01"), l.id...)
	prologue = binary.BigEndian.AppendUint64(prologue, number)
	config := noise.Config{CipherSuite: suite(dh),
		Pattern: noise.HandshakeIK, Initiator: initiator,
		Prologue: prologue, PresharedKey: l.psk, PresharedKeyPlacement: 2,
		StaticKeypair: noise.DHKey{Private: l.me.xSk, Public: l.me.xPk}}
	if initiator {
		config.PeerStatic = l.peer.x
	}
	state, err := noise.NewHandshakeState(config)
	if err != nil {
		panic(err)
	}
	return state
}

func sessionKey(c *noise.CipherState) []byte {
	key := c.Cipher().(keyed).key
	return key[:]
}
