// Bundles and the pouch file (protocol.md 3).

package main

import (
	"encoding/binary"
	"errors"

	"github.com/flynn/noise"
)

type prekey struct {
	id     uint32
	sk, pk []byte
}

func newPrekey() *prekey {
	sk, pk := xPair()
	return &prekey{binary.BigEndian.Uint32(random(4)) | 1, sk, pk}
}

// envelope is what stands in front of a bundle, sealed under the PSK.
type envelope struct {
	number uint64
	prekey uint32
	seen   uint64
	heard  uint64
}

const envelopeSize = 28 + wrapped

func (v envelope) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, v.number)
	b = binary.BigEndian.AppendUint32(b, v.prekey)
	b = binary.BigEndian.AppendUint64(b, v.seen)
	return binary.BigEndian.AppendUint64(b, v.heard)
}

func decodeEnvelope(b []byte) envelope {
	return envelope{binary.BigEndian.Uint64(b),
		binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint64(b[12:]),
		binary.BigEndian.Uint64(b[20:])}
}

func (l *line) pouchConfig(plain []byte, initiator bool) noise.Config {
	prologue := append([]byte("openline pouch 1"), l.id...)
	return noise.Config{CipherSuite: suite(noise.DH25519),
		Pattern: noise.HandshakeK, Initiator: initiator,
		Prologue:     append(prologue, plain...),
		PresharedKey: l.psk, PresharedKeyPlacement: 0}
}

// sealBundle seals chunks to the peer's prekey of v.
func (l *line) sealBundle(v envelope, to []byte, chunks []byte) []byte {
	plain := v.encode()
	config := l.pouchConfig(plain, true)
	config.StaticKeypair = noise.DHKey{Private: l.me.xSk, Public: l.me.xPk}
	config.PeerStatic = to
	state, err := noise.NewHandshakeState(config)
	need(err)
	message, _, _, err := state.WriteMessage(nil, chunks)
	need(err)
	return append(l.wrap(typeBundle, plain), message...)
}

// openBundle opens one; prekeys are ours, by id.
func (l *line) openBundle(bundle []byte,
	prekeys map[uint32]*prekey) (v envelope, chunks []byte, err error) {
	if len(bundle) < envelopeSize+48 || len(bundle) > 65535 ||
		bundle[0] != typeBundle {
		return v, nil, errors.New("not a bundle")
	}
	plain, err := l.unwrap(bundle[:envelopeSize])
	if err != nil {
		return v, nil, err
	}
	v = decodeEnvelope(plain)
	key := prekeys[v.prekey]
	if v.number == 0 || key == nil {
		return v, nil, errors.New("a bundle to a prekey that is not ours")
	}
	config := l.pouchConfig(plain, false)
	config.StaticKeypair = noise.DHKey{Private: key.sk, Public: key.pk}
	config.PeerStatic = l.peer.x
	state, err := noise.NewHandshakeState(config)
	need(err)
	chunks, _, _, err = state.ReadMessage(nil, bundle[envelopeSize:])
	return v, chunks, err
}

const pouchMagic = "OLB1"

func writePouch(bundles ...[]byte) []byte {
	out := []byte(pouchMagic)
	for _, b := range bundles {
		out = binary.BigEndian.AppendUint16(out, uint16(len(b)))
		out = append(out, b...)
	}
	return out
}

func readPouch(b []byte) (bundles [][]byte, err error) {
	if len(b) < 4 || string(b[:4]) != pouchMagic {
		return nil, errors.New("not a pouch file")
	}
	for b = b[4:]; len(b) > 0; {
		if len(b) < 2 {
			return bundles, errors.New("a pouch file that is cut")
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; n == 0 || n > len(b) {
			return bundles, errors.New("a pouch file that is cut")
		}
		bundles, b = append(bundles, b[:n]), b[n:]
	}
	return bundles, nil
}

// ownPrekeys are the keys to which bundles for us may come.
func (p *peer) ownPrekeys() map[uint32]*prekey {
	keys := map[uint32]*prekey{0: {0, p.me.xSk, p.me.xPk}}
	if p.prekey != nil {
		keys[p.prekey.id] = p.prekey
	}
	return keys
}

// takeBundle opens one and takes its chunks; what it said of itself.
func (p *peer) takeBundle(bundle []byte) envelope {
	v, plain, err := p.openBundle(bundle, p.ownPrekeys())
	need(err)
	list, err := parse(plain)
	need(err)
	if len(list) == 0 || list[0].kind != chunkHeld {
		p.fault("a bundle that does not begin with HELD")
	}
	behind := false
	for _, c := range list {
		switch c.kind {
		case chunkHeld:
			h, err := decodeHeld(c.body)
			need(err)
			p.takeHeld(nil, h)
		case chunkCheckpoint:
			if behind {
				p.fault("a CHECKPOINT behind records in a bundle")
			}
			p.takeCheckpoint(c.body)
		case chunkSegment:
			behind = true
			s, err := decodeSegment(c.body)
			need(err)
			if s.offset != 0 || !s.last {
				p.fault("a record in parts in a bundle")
			}
			p.takeSegment(s)
		default:
			p.fault("a chunk of type %d in a bundle", c.kind)
		}
	}
	if v.number > p.took {
		p.took = v.number
	}
	return v
}

// makeBundle says HELD, checkpoints and what is not acknowledged.
func (p *peer) makeBundle(number uint64, id uint32, to []byte) []byte {
	chunks := put(chunkHeld, p.sayHeld().encode())
	for i := range p.ours {
		if len(p.ours[i].leaves) > 0 {
			chunks = append(chunks, put(chunkCheckpoint,
				p.sign(byte(i), p.ours[i].leaves))...)
		}
	}
	for i := range p.ours {
		log := &p.ours[i]
		for n := int(log.acked); n < len(log.leaves); n++ {
			for _, s := range segments(byte(i), uint32(n+1),
				log.canonical[n], 8192) {
				chunks = append(chunks, s...)
			}
		}
	}
	return p.sealBundle(envelope{number, id, p.took, p.theirs.boot}, to,
		chunks)
}
