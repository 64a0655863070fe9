// Records, and the tree and checkpoints that prove them (protocol.md 6, 10).

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

const (
	kindMessage = 1
	kindReceipt = 2

	relRead       = 5
	relUnderstood = 6
)

var precedences = []string{"flash", "immediate", "priority", "routine"}

// windows is how many records of each precedence may be under way.
var windows = []uint32{64, 64, 128, 2048}

// reference points to a record; own: of the same author.
type reference struct {
	rel    uint64
	own    bool
	number uint64
}

type record struct {
	precedence byte
	index      uint32
	number     uint64
	id         []byte
	kind       uint64
	written    uint64 // Unix ms
	marking    uint64
	subject    string
	text       string
	refs       []reference
	more       fields // other keys, as they came
}

func (r record) encode() []byte {
	f := fields{{0, uint64(1)}, {1, uint64(r.precedence)},
		{2, uint64(r.index)}, {3, r.number}, {4, r.id}, {5, r.kind},
		{6, r.written}}
	rest := append(fields{}, r.more...)
	rest = append(rest, entry{8, r.marking})
	if r.subject != "" {
		rest = append(rest, entry{12, r.subject})
	}
	if r.text != "" {
		rest = append(rest, entry{13, r.text})
	}
	if len(r.refs) > 0 {
		list := []interface{}{}
		for _, ref := range r.refs {
			list = append(list,
				[]interface{}{ref.rel, ref.own, ref.number})
		}
		rest = append(rest, entry{17, list})
	}
	for key := uint64(7); key <= 20; key++ {
		if v := rest.get(key); v != nil {
			f = append(f, entry{key, v})
		}
	}
	return encode(f)
}

var errRecord = errors.New("not a record")

// decodeRecord reads canonical bytes. The bounds are those of 6.1; what this
// program has no use for is kept, so that encode gives the same bytes.
func decodeRecord(b []byte) (r record, err error) {
	f, err := decodeFields(b)
	if err != nil || len(b) > 8192 || len(f) < 8 ||
		f[0] != (entry{0, uint64(1)}) {
		return r, errRecord
	}
	var number [9]uint64
	for _, key := range []uint64{1, 2, 3, 5, 6, 8} {
		v, ok := f.get(key).(uint64)
		if !ok {
			return r, errRecord
		}
		number[key] = v
	}
	id, ok := f.get(4).([]byte)
	if !ok || len(id) != 16 || number[1] > 3 || number[2] == 0 ||
		number[2] > 1<<32-1 || number[3] == 0 || number[3] >= 1<<63 ||
		number[5] > 255 || number[6] > 253402300799999 || number[8] > 2 {
		return r, errRecord
	}
	r = record{precedence: byte(number[1]), index: uint32(number[2]),
		number: number[3], id: id, kind: number[5], written: number[6],
		marking: number[8]}
	for _, e := range f[7:] {
		if err := r.field(e); err != nil {
			return r, err
		}
	}
	if !bytes.Equal(r.encode(), b) {
		return r, errRecord
	}
	return r, nil
}

// field takes one of the keys from 7 on.
func (r *record) field(e entry) error {
	text, isText := e.value.(string)
	switch e.key {
	case 8:
	case 12, 13:
		if !isText || text == "" || len(text) > 4096 {
			return errRecord
		}
		if e.key == 12 {
			r.subject = text
		} else {
			r.text = text
		}
	case 17:
		list, ok := e.value.([]interface{})
		if !ok || len(list) == 0 || len(list) > 8 {
			return errRecord
		}
		for _, item := range list {
			three, ok := item.([]interface{})
			if !ok || len(three) != 3 {
				return errRecord
			}
			rel, ok1 := three[0].(uint64)
			own, ok2 := three[1].(bool)
			number, ok3 := three[2].(uint64)
			if !ok1 || !ok2 || !ok3 || rel > 255 || number == 0 {
				return errRecord
			}
			r.refs = append(r.refs, reference{rel, own, number})
		}
	default:
		if e.key > 20 {
			return errRecord
		}
		r.more = append(r.more, e)
	}
	return nil
}

// segments cuts canonical bytes into SEGMENT chunks of at most room bytes.
func segments(precedence byte, index uint32, canonical []byte,
	room int) (list [][]byte) {
	for offset := 0; offset < len(canonical); {
		end := offset + room/128*128
		if end > len(canonical) {
			end = len(canonical)
		}
		s := segment{precedence, end == len(canonical), index, offset,
			canonical[offset:end]}
		list = append(list, put(chunkSegment, s.encode()))
		offset = end
	}
	return list
}

// tree is one log: leaves of RFC 6962.
type tree [][32]byte

func (l *line) leaf(author ed25519.PublicKey, canonical []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(l.id)
	h.Write(author)
	h.Write(canonical)
	var out [32]byte
	copy(out[:], h.Sum(nil))
	return out
}

func (t tree) root() [32]byte {
	switch len(t) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return t[0]
	}
	split := 1
	for split*2 < len(t) {
		split *= 2
	}
	left, right := t[:split].root(), t[split:].root()
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// short is a root as HELD has it.
func (t tree) short() (out [8]byte) {
	if len(t) > 0 {
		root := t.root()
		copy(out[:], root[:])
	}
	return out
}

type checkpoint struct {
	precedence byte
	size       uint32
	root       [32]byte
	signature  []byte
}

func (l *line) checkpointText(author ed25519.PublicKey,
	c checkpoint) []byte {
	return []byte(fmt.Sprintf("openline/%s/%s/%s\n%d\n%s\n",
		hex.EncodeToString(l.id), hex.EncodeToString(author),
		precedences[c.precedence], c.size,
		base64.StdEncoding.EncodeToString(c.root[:])))
}

// sign makes our checkpoint of a log.
func (l *line) sign(precedence byte, t tree) []byte {
	c := checkpoint{precedence: precedence, size: uint32(len(t)),
		root: t.root()}
	author := l.me.ed.Public().(ed25519.PublicKey)
	b := binary.BigEndian.AppendUint32([]byte{precedence}, c.size)
	b = append(b, c.root[:]...)
	return append(b, ed25519.Sign(l.me.ed, l.checkpointText(author, c))...)
}

// readCheckpoint takes one of the peer's; its signature must hold.
func (l *line) readCheckpoint(b []byte) (c checkpoint, err error) {
	if len(b) != 101 || b[0] > 3 {
		return c, errors.New("a CHECKPOINT of a wrong form")
	}
	c.precedence, c.size = b[0], binary.BigEndian.Uint32(b[1:])
	copy(c.root[:], b[5:37])
	c.signature = append([]byte{}, b[37:]...)
	if c.size == 0 ||
		!ed25519.Verify(l.peer.ed, l.checkpointText(l.peer.ed, c),
			c.signature) {
		return c, errors.New("a checkpoint with a wrong signature")
	}
	return c, nil
}
