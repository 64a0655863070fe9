// A station that has lost its ledger gets its records back from the other
// one (protocol.md 5.9): the Go side loses, the real one gives.

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

const (
	chunkReturn  = 8
	chunkLost    = 12
	chunkFound   = 13
	kindReturned = 11
)

// found is what the other side says of our log.
type found struct {
	precedence  byte
	ask         uint64
	match, upto uint32
	root        [8]byte
	number      uint64
	checkpoint  []byte // as in CHECKPOINT, or none
	ranges      int
}

// ask says LOST of one log, and again until the condition holds; next 0: what
// is there at all.
func (p *peer) ask(precedence byte, ask uint64, next uint32,
	condition func() bool) bool {
	for repeat := byte(0); repeat < 20; repeat++ {
		flags := repeat
		if flags > 1 {
			flags = 1
		}
		b := binary.BigEndian.AppendUint64([]byte{precedence, flags}, ask)
		b = binary.BigEndian.AppendUint32(b, next)
		p.send("radio", put(chunkLost, append(b, make([]byte, 9)...)))
		if p.until(0.3, condition) {
			return true
		}
	}
	return false
}

func decodeFound(b []byte) (f found, err error) {
	wrong := errors.New("a FOUND of a wrong form")
	if len(b) < 35 || b[0] > 3 || b[1] > 1 || b[34] > 16 ||
		len(b) != 35+100*int(b[1])+6*int(b[34]) {
		return f, wrong
	}
	f = found{precedence: b[0], ask: binary.BigEndian.Uint64(b[2:]),
		match:  binary.BigEndian.Uint32(b[10:]),
		upto:   binary.BigEndian.Uint32(b[14:]),
		number: binary.BigEndian.Uint64(b[26:]), ranges: int(b[34])}
	copy(f.root[:], b[18:26])
	if f.match > f.upto || f.upto == 0 && f.root != [8]byte{} {
		return f, wrong
	}
	if b[1] == 1 {
		f.checkpoint = append([]byte{f.precedence}, b[35:135]...)
	}
	return f, nil
}

// giveBack collects what comes back; true if the chunk was of that kind.
func (p *peer) giveBack(c chunk) bool {
	switch c.kind {
	case chunkFound:
		f, err := decodeFound(c.body)
		if err != nil {
			p.fault("%v", err)
		} else {
			p.found[f.precedence] = &f
		}
		return true
	case chunkReturn:
		s, err := decodeSegment(c.body)
		if err != nil {
			p.fault("a RETURN: %v", err)
		} else {
			p.takeReturn(&p.ours[s.precedence], s)
		}
		return true
	}
	return false
}

func (p *peer) takeReturn(log *log, s segment) {
	if s.index <= uint32(len(log.leaves)) {
		return
	}
	if s.index > uint32(len(log.leaves))+64 {
		p.fault("a RETURN beyond the window that was asked for")
		return
	}
	r := log.bytes[s.index]
	if r == nil {
		r = &pieces{}
		log.bytes[s.index] = r
	}
	end := s.offset + len(s.bytes)
	copy(r.buffer[s.offset:], s.bytes)
	r.mask |= units(end) &^ units(s.offset)
	if s.last {
		r.size = end
	}
	for {
		index := uint32(len(log.leaves)) + 1
		r = log.bytes[index]
		if r == nil || r.size == 0 || r.mask != units(r.size) {
			return
		}
		canonical := append([]byte{}, r.buffer[:r.size]...)
		got, err := decodeRecord(canonical)
		if err != nil || got.index != index {
			p.fault("a RETURN that does not decode: %v", err)
			return
		}
		log.canonical = append(log.canonical, canonical)
		log.leaves = append(log.leaves,
			p.leaf(p.me.ed.Public().(edKey), canonical))
	}
}

func restored(b *bed) {
	p := b.dialled("udp")
	p.opened()
	p.says(b, 3, "one")
	p.says(b, 3, strings.Repeat("two of many words ", 200))
	p.says(b, 0, "three, a FLASH")
	p.hears(b, 3, "theirs")
	p.wires["radio"].close()

	// All that is left is the identity, the card and the count of knocks.
	q := b.peer(p.line)
	q.highest, q.restored = p.highest, true
	q.dial("udp", b.north.port)
	q.opened()
	var asks [4]uint64
	for i := range asks {
		asks[i] = binary.BigEndian.Uint64(random(8)) | 1
		expect(q.ask(byte(i), asks[i], 0, func() bool {
			return q.found[byte(i)] != nil
		}), "no FOUND of log %d: %v", i, q.faults)
	}
	for i, f := range q.found {
		was := p.ours[i].leaves
		expect(f.ask == asks[i] && f.match == 0 && f.ranges == 0 &&
			int(f.upto) == len(was) && f.root == was.short() &&
			f.number == p.number, "FOUND says %+v of log %d", f, i)
		if len(was) == 0 {
			continue
		}
		// Our own signature, which we have lost, proves what comes back.
		own := p.sign(i, was)
		expect(bytes.Equal(f.checkpoint, own), "the checkpoint is another")
		expect(q.ask(i, asks[i], 1, func() bool {
			return len(q.ours[i].leaves) == len(was)
		}), "%d records of log %d came back: %v", len(q.ours[i].leaves), i,
			q.faults)
		root := q.ours[i].leaves.root()
		expect(bytes.Equal(root[:], own[5:37]), "they are others")
	}
	for i := range q.ours {
		q.ours[i].acked = uint32(len(q.ours[i].leaves))
		q.ours[i].limit = q.ours[i].acked + windows[i]
	}
	q.number, q.restored = p.number, false
	q.submit(record{precedence: 0, kind: kindReturned,
		text: "our records were lost, and came back"})
	q.says(b, 3, "here we are again")
	expect(q.until(5, func() bool { return len(q.messages) == 1 }),
		"what they said did not come again: %d", len(q.messages))
	expect(q.messages[0].text == "theirs", "it came as %.80q",
		q.messages[0].text)
	q.hears(b, 2, "good to hear you")
}
