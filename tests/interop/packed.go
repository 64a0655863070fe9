// Packed segments (protocol.md 5.7), in Brotli streams that leave the bytes as
// they are: the station must take them, whoever packed.

package main

import (
	"encoding/binary"
	"time"
)

// stored is a Brotli stream (RFC 7932) of one uncompressed meta-block: window
// bits 14, not the last, its length, the bytes; then an empty last one.
func stored(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	head := uint32(len(b)-1)<<2 | 1<<18
	out := []byte{0x61, byte(head), byte(head >> 8), byte(head >> 16)}
	return append(append(out, b...), 3)
}

// short is the short form of a record without a language: the subject is the
// only one of the others that it knows.
func (r record) short() []byte {
	what, others := byte(r.marking), []byte{}
	if r.subject != "" {
		what |= 1 << 4
		others = encode(fields{{12, r.subject}})[1:]
	}
	b := append([]byte{what}, encode(fields{{0, r.number}})[2:]...)
	b = append(append(b, r.id...), byte(r.kind))
	b = binary.BigEndian.AppendUint16(b, uint16(r.written>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(r.written))
	b = append(b, 0)
	if len(others) > 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(len(others)))
	}
	return append(b, stored(append(others, r.text...))...)
}

// packed is a SEGMENT with the whole record.
func packed(r record, codec byte, bytes []byte) []byte {
	b := segment{r.precedence, true, r.index, 0, bytes}.encode()
	b[0] |= codec << 2
	return put(chunkSegment, b)
}

// sayPacked: they take a record in a codec, and nothing of a broken one.
func (p *peer) sayPacked(b *bed, codec byte, text string) {
	r := p.submit(record{precedence: 3, kind: kindMessage, text: text,
		subject: "fire"})
	p.resent = time.Now().Add(time.Hour) // by hand, what follows
	log := &p.ours[3]
	index := len(log.canonical)
	bytes := stored(log.canonical[index-1])
	if codec == 1 {
		bytes = r.short()
	}
	p.send("radio", packed(r, codec, bytes[:len(bytes)-1]))
	p.until(0.5, func() bool { return int(log.acked) == index })
	expect(int(log.acked) < index, "codec %d: a cut stream is held", codec)
	p.send("radio", packed(r, codec, bytes))
	expect(p.until(5, func() bool { return int(log.acked) == index }),
		"codec %d: not held: faults %v", codec, p.faults)
	// Its root is ours, so each byte is; its receipt would come packed.
	b.north.came(r.number)
}
