// Chunks: what frames, handshake payloads and bundles hold (protocol.md 5).

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

const (
	chunkPad        = 0
	chunkProbe      = 1
	chunkEcho       = 2
	chunkView       = 3
	chunkAck        = 4
	chunkHeld       = 5
	chunkSegment    = 6
	chunkCheckpoint = 9
	chunkHello      = 11
	chunkOpenings   = 15
	chunkBrief      = 16
)

type chunk struct {
	kind byte
	body []byte
}

func put(kind byte, body []byte) []byte {
	b := []byte{kind, 0, 0}
	binary.BigEndian.PutUint16(b[1:], uint16(len(body)))
	return append(b, body...)
}

// parse splits a sequence. What stands before a fault stands.
func parse(b []byte) (list []chunk, err error) {
	for len(b) > 0 && b[0] != chunkPad {
		if len(b) < 3 || int(binary.BigEndian.Uint16(b[1:])) > len(b)-3 {
			return list, errors.New("a chunk beyond the end")
		}
		end := 3 + int(binary.BigEndian.Uint16(b[1:]))
		list = append(list, chunk{b[0], b[3:end]})
		b = b[end:]
	}
	for _, c := range b {
		if c != 0 {
			return list, errors.New("padding that is not zero")
		}
	}
	return list, nil
}

// asks says whether a frame with this chunk is to be acknowledged.
func asks(kind byte) bool {
	return kind != chunkPad && kind != chunkView && kind != chunkAck &&
		kind != chunkBrief
}

// ack is one ACK: ranges from high down, as counters.
type ack struct {
	index   uint32
	high    uint32
	counted map[uint32]bool
}

func encodeAck(index uint32, accepted map[uint32]bool) []byte {
	list := make([]uint32, 0, len(accepted))
	for c := range accepted {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool { return list[i] > list[j] })
	b := binary.BigEndian.AppendUint32(nil, index)
	b = binary.BigEndian.AppendUint32(b, list[0])
	b = append(b, 0, 0, 0)
	run, last, count := uint32(0), list[0], 0
	type further struct{ gap, run uint32 }
	first, more := uint32(0), []further{}
	gap := uint32(0)
	flush := func() {
		if count == 0 {
			first = run
		} else {
			more = append(more, further{gap, run})
		}
		count++
	}
	for _, c := range list[1:] {
		if list[0]-c > 4095 || count == 31 {
			break
		}
		if c == last-1 {
			run++
		} else {
			flush()
			gap, run = last-c-2, 0
		}
		last = c
	}
	flush()
	b[10] = byte(len(more))
	b = binary.BigEndian.AppendUint16(b, uint16(first))
	for _, f := range more {
		b = binary.BigEndian.AppendUint16(b, uint16(f.gap))
		b = binary.BigEndian.AppendUint16(b, uint16(f.run))
	}
	return b
}

func decodeAck(b []byte) (a ack, err error) {
	if len(b) < 13 || b[10] > 31 || len(b) != 13+4*int(b[10]) {
		return a, errors.New("an ACK of a wrong length")
	}
	a = ack{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]),
		map[uint32]bool{}}
	low := int64(a.high)
	take := func(from, run int64) error {
		low = from - run
		if low < 0 || low < int64(a.high)-4095 {
			return errors.New("an ACK that reaches too far")
		}
		for c := low; c <= from; c++ {
			a.counted[uint32(c)] = true
		}
		return nil
	}
	if err := take(low, int64(binary.BigEndian.Uint16(b[11:]))); err != nil {
		return a, err
	}
	for b = b[13:]; len(b) > 0; b = b[4:] {
		gap := int64(binary.BigEndian.Uint16(b))
		err := take(low-gap-2, int64(binary.BigEndian.Uint16(b[2:])))
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// span is a range of whole records behind a gap.
type span struct {
	first uint32
	count uint16
}

// part is what is held of a record that is not whole: bit k is unit k.
type part struct {
	index uint32
	mask  uint64
}

type heldLog struct {
	precedence  byte
	upto, limit uint32
	root        [8]byte
	ranges      []span
	parts       []part
}

type held struct {
	boot     uint64
	serial   uint32
	prekeyID uint32 // 0: none
	prekey   []byte
	logs     []heldLog
}

func (h held) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, h.boot)
	b = binary.BigEndian.AppendUint32(b, h.serial)
	if h.prekeyID == 0 {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		b = binary.BigEndian.AppendUint32(b, h.prekeyID)
		b = append(b, h.prekey...)
	}
	for _, l := range h.logs {
		b = append(b, l.precedence)
		b = binary.BigEndian.AppendUint32(b, l.upto)
		b = append(b, l.root[:]...)
		b = binary.BigEndian.AppendUint32(b, l.limit)
		b = append(b, byte(len(l.ranges)), byte(len(l.parts)))
		for _, r := range l.ranges {
			b = binary.BigEndian.AppendUint32(b, r.first)
			b = binary.BigEndian.AppendUint16(b, r.count)
		}
		for _, p := range l.parts {
			b = binary.BigEndian.AppendUint32(b, p.index)
			b = binary.BigEndian.AppendUint64(b, p.mask)
		}
	}
	return b
}

func decodeHeld(b []byte) (h held, err error) {
	if len(b) < 13 || len(b) > 893 || b[12] > 3 {
		return h, errors.New("a HELD of a wrong form")
	}
	h.boot = binary.BigEndian.Uint64(b)
	h.serial = binary.BigEndian.Uint32(b[8:])
	flags := b[12]
	b = b[13:]
	if flags&1 != 0 {
		if len(b) < 36 || binary.BigEndian.Uint32(b) == 0 {
			return h, errors.New("a HELD with a broken prekey")
		}
		h.prekeyID = binary.BigEndian.Uint32(b)
		h.prekey, b = append([]byte{}, b[4:36]...), b[36:]
	}
	for len(b) > 0 {
		var l heldLog
		if l, b, err = decodeHeldLog(b); err != nil {
			return h, err
		}
		n := len(h.logs)
		if n > 0 && l.precedence <= h.logs[n-1].precedence {
			return h, errors.New("logs of a HELD that do not ascend")
		}
		h.logs = append(h.logs, l)
	}
	if flags&2 != 0 {
		if h.logs, err = withRest(h.logs); err != nil {
			return h, err
		}
	}
	return h, nil
}

// withRest adds the logs that do not stand because nothing of them is held.
func withRest(said []heldLog) (all []heldLog, err error) {
	if len(said) == 4 {
		return nil, errors.New("a HELD with a rest that there is not")
	}
	for p, window := range []uint32{64, 64, 128, 2048} {
		nothing := heldLog{precedence: byte(p), limit: window}
		if len(said) > 0 && said[0].precedence == byte(p) {
			l := said[0]
			if l.upto == 0 && l.limit == window &&
				len(l.ranges)+len(l.parts) == 0 {
				return nil, errors.New("a log of the rest that stands")
			}
			all, said = append(all, l), said[1:]
		} else {
			all = append(all, nothing)
		}
	}
	return all, nil
}

func decodeHeldLog(b []byte) (l heldLog, rest []byte, err error) {
	if len(b) < 19 || b[0] > 3 || b[17] > 16 || b[18] > 8 ||
		len(b) < 19+6*int(b[17])+12*int(b[18]) {
		return l, nil, errors.New("a log of a HELD of a wrong form")
	}
	l.precedence = b[0]
	l.upto = binary.BigEndian.Uint32(b[1:])
	copy(l.root[:], b[5:])
	l.limit = binary.BigEndian.Uint32(b[13:])
	ranges, parts := int(b[17]), int(b[18])
	b = b[19:]
	if l.limit < l.upto || l.upto == 0 && l.root != [8]byte{} {
		return l, nil, errors.New("a HELD with a limit or root of no sense")
	}
	end := uint64(l.upto)
	for ; ranges > 0; ranges, b = ranges-1, b[6:] {
		r := span{binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:])}
		if uint64(r.first) <= end+1 || r.count == 0 {
			return l, nil, errors.New("ranges of a HELD without gaps")
		}
		if end = uint64(r.first) + uint64(r.count) - 1; end > 1<<32-1 {
			return l, nil, errors.New("ranges of a HELD beyond the end")
		}
		l.ranges = append(l.ranges, r)
	}
	last := l.upto
	for ; parts > 0; parts, b = parts-1, b[12:] {
		p := part{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])}
		if p.index <= last || p.mask == 0 {
			return l, nil, errors.New("parts of a HELD that do not ascend")
		}
		last = p.index
		l.parts = append(l.parts, p)
	}
	return l, b, nil
}

// view is what its sender sees of the line.
type view struct {
	serial   uint32
	line     byte
	channels map[string]byte // by tag
}

func (v view) encode() []byte {
	tags := make([]string, 0, len(v.channels))
	for t := range v.channels {
		tags = append(tags, t)
	}
	sort.Strings(tags)
	b := binary.BigEndian.AppendUint32(nil, v.serial)
	b = append(b, 0, v.line, byte(len(tags)))
	for _, t := range tags {
		b = append(append(b, t...), v.channels[t])
	}
	return b
}

func decodeView(b []byte) (v view, err error) {
	if len(b) < 7 || b[4] > 2 || b[5] > 6 || b[6] > 16 ||
		len(b) != 7+5*int(b[6]) {
		return v, errors.New("a VIEW of a wrong form")
	}
	v = view{binary.BigEndian.Uint32(b), b[5], map[string]byte{}}
	last := ""
	for b = b[7:]; len(b) > 0; b = b[5:] {
		tag := string(b[:4])
		if tag <= last && last != "" || b[4] > 6 {
			return v, errors.New("channels of a VIEW out of order")
		}
		v.channels[tag], last = b[4], tag
	}
	return v, nil
}

type segment struct {
	precedence byte
	last       bool
	index      uint32
	offset     int
	bytes      []byte
}

func (s segment) encode() []byte {
	flags := s.precedence
	if s.last {
		flags |= 1 << 4
	}
	b := binary.BigEndian.AppendUint32([]byte{flags}, s.index)
	b = binary.BigEndian.AppendUint16(b, uint16(s.offset))
	return append(b, s.bytes...)
}

func decodeSegment(b []byte) (s segment, err error) {
	if len(b) < 8 || len(b) > 8199 || b[0]&0xec != 0 {
		return s, fmt.Errorf("a SEGMENT of a wrong form: % x", b)
	}
	s = segment{b[0] & 3, b[0]&16 != 0, binary.BigEndian.Uint32(b[1:]),
		int(binary.BigEndian.Uint16(b[5:])), b[7:]}
	end := s.offset + len(s.bytes)
	if s.index == 0 || s.offset%128 != 0 || end > 8192 ||
		!s.last && (len(s.bytes)%128 != 0 || end == 8192) {
		return s, errors.New("a SEGMENT with broken units")
	}
	return s, nil
}

// brief is HELD of one log and the ACK of what brought it (5.11).
type brief struct {
	serial      uint32
	log         heldLog
	high, first uint32 // counters high - first to high
}

func decodeBrief(b []byte) (v brief, err error) {
	if len(b) != 22 || b[0] > 3 {
		return v, errors.New("a BRIEF of a wrong form")
	}
	v.serial = binary.BigEndian.Uint32(b[1:])
	v.log = heldLog{precedence: b[0], upto: binary.BigEndian.Uint32(b[5:])}
	copy(v.log.root[:], b[9:17])
	v.log.limit = v.log.upto + windows[b[0]]
	v.high, v.first = binary.BigEndian.Uint32(b[17:]), uint32(b[21])
	if v.log.upto == 0 || v.first > v.high {
		return v, errors.New("a BRIEF of nothing")
	}
	return v, nil
}

// hello says versions 1 to 1 unless told otherwise.
func hello(least, greatest byte, frame uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{least, greatest}, frame)
}

// openings is what a station says in a handshake of its opening numbers (2.3).
type openings struct {
	made, seen uint64
}

func (o openings) encode() []byte {
	if o.made|o.seen < 1<<32 {
		b := binary.BigEndian.AppendUint32(nil, uint32(o.made))
		return binary.BigEndian.AppendUint32(b, uint32(o.seen))
	}
	b := binary.BigEndian.AppendUint64(nil, o.made)
	return binary.BigEndian.AppendUint64(b, o.seen)
}

// decodeOpenings finds them in a payload; nil if it says none.
func decodeOpenings(list []chunk) (*openings, error) {
	for _, c := range list {
		if c.kind != chunkOpenings {
			continue
		}
		if len(c.body) == 8 {
			return &openings{uint64(binary.BigEndian.Uint32(c.body)),
				uint64(binary.BigEndian.Uint32(c.body[4:]))}, nil
		}
		if len(c.body) != 16 {
			return nil, errors.New("OPENINGS of a wrong size")
		}
		o := openings{binary.BigEndian.Uint64(c.body),
			binary.BigEndian.Uint64(c.body[8:])}
		if (o.made|o.seen)>>63 != 0 || (o.made|o.seen)>>32 == 0 {
			return nil, errors.New("OPENINGS out of bounds")
		}
		return &o, nil
	}
	return nil, nil
}
