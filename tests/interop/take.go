// What the other station does with frames and with each kind of chunk.

package main

import (
	"crypto/ed25519"
	"encoding/binary"
)

type edKey = ed25519.PublicKey

// takeFrame tries every pair of epoch and channel with the frame's index.
func (p *peer) takeFrame(a arrival) {
	if len(a.packet) > int(p.frame) || len(a.packet) > a.from.size {
		p.fault("a frame of %d bytes", len(a.packet))
	}
	names := map[string]bool{}
	for _, name := range p.channels() {
		names[name] = true
	}
	if a.from.dialed != "" {
		names = map[string]bool{a.from.dialed: true}
	}
	for _, e := range p.epochs {
		for name := range names {
			n := e.lane(name)
			plain, err := n.open(a.packet)
			if err != nil {
				continue
			}
			if !e.confirmed {
				p.confirm(e)
			}
			p.wires[name] = a.from
			if e == p.current() && !e.told {
				p.tell()
			}
			p.takeChunks(e, n, a.from, plain)
			return
		}
	}
	if !p.forgot {
		p.fault("a frame that nothing opens, %d bytes", len(a.packet))
	}
}

func (p *peer) takeChunks(e *epoch, n *lane, from *wire, plain []byte) {
	list, err := parse(plain)
	if err != nil {
		p.fault("chunks of a frame: %v", err)
	}
	asking, alone, say := false, false, [][]byte{}
	for _, c := range list {
		asking = asking || asks(c.kind)
		switch c.kind {
		case chunkProbe:
			if len(c.body) != 5 || c.body[4] > 1 ||
				binary.BigEndian.Uint32(c.body) == 0 {
				p.fault("a PROBE of a wrong form")
				return
			}
			p.probes++
			alone = c.body[4] == 1 && e == p.current()
			say = append(say, put(chunkEcho, append(append([]byte{},
				c.body[:4]...), 0, 0)), p.sayView())
		case chunkEcho:
			p.takeEcho(n.channel, c.body)
		case chunkView:
			v, err := decodeView(c.body)
			if err != nil {
				p.fault("%v", err)
				return
			}
			p.viewed = v
		case chunkAck:
			p.takeAck(c.body)
		case chunkHeld:
			h, err := decodeHeld(c.body)
			if err != nil {
				p.fault("%v", err)
				return
			}
			p.takeHeld(e, h)
		case chunkBrief:
			if !p.takeBrief(e, n, c.body) {
				return
			}
		case chunkSegment:
			s, err := decodeSegment(c.body)
			if err != nil {
				p.fault("%v", err)
				return
			}
			if !e.told {
				p.fault("a SEGMENT before a HELD of ours")
			}
			p.segmentsOn[n.channel]++
			if p.takeSegment(s) {
				say = append(say, put(chunkHeld, p.sayHeld().encode()))
			}
		case chunkCheckpoint:
			p.takeCheckpoint(c.body)
		default:
			if !p.restored || !p.giveBack(c) {
				p.fault("a chunk of type %d in a frame", c.kind)
				return
			}
		}
	}
	// An ECHO is the ACK of a frame that nothing else waits beside.
	if asking && !(alone && n.asking == 0) {
		n.asking++
		p.sayAck(e, n.channel, 2)
	}
	if len(say) > 0 {
		p.send(n.channel, say...)
	}
}

func (p *peer) takeEcho(channel string, body []byte) {
	b := p.probe[channel]
	if len(body) != 6 {
		p.fault("an ECHO of a wrong form")
		return
	}
	if b == nil || binary.BigEndian.Uint32(body) != b.id {
		return
	}
	p.up[channel] = true
	p.echoes++
	if e := p.current(); e != nil && b.alone {
		n := e.lane(channel)
		if !n.acked[b.n] {
			p.alone++
		}
		n.acked[b.n] = true
		delete(n.flying, b.n)
	}
}

func (p *peer) takeAck(body []byte) {
	a, err := decodeAck(body)
	if err != nil {
		p.fault("%v", err)
		return
	}
	// It may come in another epoch than the frames of which it speaks.
	for _, e := range p.epochs {
		for _, n := range e.lanes {
			if n.out.index != a.index {
				continue
			}
			for c := range a.counted {
				if c >= n.next {
					p.fault("an ACK of frame %d, never sent", c)
					return
				}
				n.acked[c] = true
				delete(n.flying, c)
			}
			// Lost, as section 7 has it.
			for c := range n.flying {
				if c+3 <= a.high {
					delete(n.flying, c)
				}
			}
			p.acks++
		}
	}
}

// takeBrief: a HELD of the epoch's boot, and an ACK of this channel's frames.
func (p *peer) takeBrief(e *epoch, n *lane, body []byte) bool {
	v, err := decodeBrief(body)
	if err != nil {
		p.fault("%v", err)
		return false
	}
	if !e.heard {
		p.fault("a BRIEF before a HELD")
		return false
	}
	for c := v.high - v.first; c != v.high+1; c++ {
		if c >= n.next {
			p.fault("a BRIEF of frame %d, never sent", c)
			return false
		}
		n.acked[c] = true
		delete(n.flying, c)
	}
	p.briefs++
	p.takeHeld(e, held{boot: p.theirs.boot, serial: v.serial,
		logs: []heldLog{v.log}})
	return true
}

func (p *peer) takeHeld(e *epoch, h held) {
	if e != nil {
		e.heard = true
	}
	if p.theirs.boot == h.boot && p.theirs.serial >= h.serial {
		return
	}
	if h.prekeyID == 0 {
		h.prekeyID, h.prekey = p.theirs.prekeyID, p.theirs.prekey
	}
	p.theirs = h
	for _, l := range h.logs {
		if p.restored {
			break // nothing to compare with, until it is back
		}
		own := &p.ours[l.precedence]
		if int(l.upto) > len(own.leaves) {
			p.fault("HELD of %d records, we have %d", l.upto,
				len(own.leaves))
			continue
		}
		if own.leaves[:l.upto].short() != l.root {
			p.fault("HELD with a root that is not ours at %d", l.upto)
			continue
		}
		own.acked, own.limit, own.heard = l.upto, l.limit, l
	}
}

// takeSegment collects units; true if there is something to say in HELD.
func (p *peer) takeSegment(s segment) bool {
	log := &p.other[s.precedence]
	upto := uint32(len(log.leaves))
	if s.index > upto+windows[s.precedence] {
		p.fault("a SEGMENT beyond our limit")
		return false
	}
	if s.index <= upto || log.later[s.index] != nil {
		return true
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
	if r.size == 0 || r.mask != units(r.size) {
		return false
	}
	delete(log.bytes, s.index)
	canonical := append([]byte{}, r.buffer[:r.size]...)
	got, err := decodeRecord(canonical)
	if err != nil || got.precedence != s.precedence ||
		got.index != s.index {
		p.fault("a record that does not decode: %v", err)
		return false
	}
	log.later[s.index] = canonical
	p.inOrder(s.precedence)
	return true
}

// inOrder shows what stands next in the order of its log.
func (p *peer) inOrder(precedence byte) {
	log := &p.other[precedence]
	for {
		canonical := log.later[uint32(len(log.leaves))+1]
		if canonical == nil {
			return
		}
		delete(log.later, uint32(len(log.leaves))+1)
		log.canonical = append(log.canonical, canonical)
		log.leaves = append(log.leaves, p.leaf(p.line.peer.ed, canonical))
		r, _ := decodeRecord(canonical)
		if r.kind == kindReceipt {
			p.receipts = append(p.receipts, r)
		} else {
			p.messages = append(p.messages, r)
		}
		if c := log.early; c != nil && int(c.size) == len(log.leaves) {
			log.early = nil
			p.compare(*c)
		}
	}
}

func (p *peer) takeCheckpoint(body []byte) {
	c, err := p.readCheckpoint(body)
	if err != nil {
		p.fault("%v", err)
		return
	}
	p.compare(c)
}

func (p *peer) compare(c checkpoint) {
	log := &p.other[c.precedence]
	switch {
	case int(c.size) > len(log.leaves):
		log.early = &c
	case log.leaves[:c.size].root() != c.root:
		p.fault("a checkpoint of %d with another root", c.size)
	case log.kept == nil || c.size > log.kept.size:
		log.kept = &c
	}
}

// proved says whether a checkpoint covers all that they said.
func (p *peer) proved(precedence byte) bool {
	log := &p.other[precedence]
	return log.kept != nil && int(log.kept.size) == len(log.leaves)
}
