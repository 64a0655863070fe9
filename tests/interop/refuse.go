// The stories of what a station must refuse, and of pouches.

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/flynn/noise"
)

// quiet: nothing comes back for a while.
func (p *peer) quiet(what string, seconds float64) {
	responses, behinds := len(p.responses), p.behinds
	p.until(seconds, func() bool { return false })
	expect(len(p.responses) == responses && p.behinds == behinds,
		"%s was answered: %d responses, %d behinds", what,
		len(p.responses)-responses, p.behinds-behinds)
}

// knockAgain: the same knock again, replayed and wrapped anew, gets the same
// message 2; nothing once a frame of ours has shown that we have it.
func knockAgain(b *bed) {
	p := b.dialled("udp")
	p.openAs(1)
	packet, anew := p.knockOn("radio"), p.knockOn("radio")
	under, quiet := p.attempt, p.passive
	p.attempt, p.passive = nil, true // so that no response is taken
	p.wires["radio"].write(packet)
	expect(p.until(3, func() bool { return len(p.responses) == 1 }),
		"no response")
	for i, again := range [][]byte{packet, anew} {
		time.Sleep(60 * time.Millisecond) // once in 50 ms, says 2.5
		p.wires["radio"].write(again)
		expect(p.until(2, func() bool { return len(p.responses) == 2+i }),
			"no response to knock %d of the same number", i+2)
		expect(bytes.Equal(p.responses[0], p.responses[1+i]),
			"another message 2")
	}
	p.attempt, p.passive = under, quiet
	b.talk(p, "last-channel")
	expect(p.epochs[0].number == 1 && p.epochs[0].initiator,
		"another epoch than the one we asked for")
	for _, again := range [][]byte{packet, anew, packet} {
		time.Sleep(60 * time.Millisecond)
		p.wires["radio"].write(again)
	}
	p.quiet("a knock whose answer we have", 0.3)
}

// behind, both ways: who is back with an old count is told the newer one.
func behind(b *bed) {
	p := b.dialled("udp")
	p.openAs(1000)
	p.opened()
	p.says(b, 3, "before")

	// Ours: the Go side was put back. Its ledger is whole, its count is not.
	p.epochs, p.highest, p.forgot = nil, 6, true
	p.opened()
	// What north sent or saw: it may have meant to knock with 1001 itself.
	expect(p.behinds > 0 && p.current().number > 1000 &&
		p.current().number < 1005, "%d behinds, epoch %d", p.behinds,
		p.current().number)
	p.says(b, 3, "after")

	// A behind is said once a second at most.
	p.behinds = 0
	p.attempt = nil
	p.openAs(500)
	for i := 0; i < 20; i++ {
		p.wires["radio"].write(p.knockOn("radio"))
	}
	p.attempt.nonces = nil // so that it is not followed
	p.attempt.next = time.Now().Add(time.Hour)
	p.until(0.9, func() bool { return false })
	expect(p.behinds <= 1, "%d behinds in a second", p.behinds)
	p.attempt = nil

	// Theirs: a station that has knocked less often than we have seen.
	b.north.stop()
	q := b.peer(p.line)
	address, stop := q.arrivals.listenUDP("127.0.0.1:0")
	q.closers = append(q.closers, stop)
	q.ours, q.other, q.number = p.ours, p.other, p.number
	q.passive, q.highest = true, 70000
	q.answered.number = 70000
	b.north.channels("radio udp://" + address)
	b.north.start()
	q.opened()
	expect(q.current().number == 70001, "epoch %d", q.current().number)
	q.hears(b, 3, "caught up")
}

// zeroDH is X25519 with an ephemeral key of low order.
type zeroDH struct{ noise.DHFunc }

func (z zeroDH) GenerateKeypair(io.Reader) (noise.DHKey, error) {
	return noise.DHKey{Private: make([]byte, 32),
		Public: make([]byte, 32)}, nil
}

func (z zeroDH) DH(private, public []byte) ([]byte, error) {
	if bytes.Equal(private, make([]byte, 32)) {
		return make([]byte, 32), nil
	}
	if bytes.Equal(public, make([]byte, 32)) {
		return nil, errors.New("zero")
	}
	return z.DHFunc.DH(private, public)
}

// refusals: knocks that must get no answer; after each the line still opens.
func refusals(b *bed) {
	p := b.dialled("udp")
	radio := p.wires["radio"]
	try := func(what string, change func(*peer)) {
		q := b.peer(p.line)
		q.wires["radio"] = radio
		q.arrivals = p.arrivals
		change(q)
		if q.attempt == nil {
			q.openAs(p.highest + 1)
		}
		packet := q.knockOn("radio")
		radio.write(packet)
		q.attempt.next = time.Now().Add(time.Hour)
		q.quiet(what, 0.15)
		delete(q.wires, "radio")
	}
	try("a wrong share", func(q *peer) {
		q.line = newLine(b.me, random(32), p.line.peer)
	})
	try("another identity with the right card's secrets", func(q *peer) {
		other := *p.line
		other.me.xSk, other.me.xPk = xPair()
		q.line = &other
	})
	try("a static key that is ours, to a wrong static of theirs",
		func(q *peer) {
			other := *p.line
			_, other.peer.x = xPair()
			q.line = &other
		})
	try("an ephemeral key of low order", func(q *peer) {
		q.dh = zeroDH{noise.DH25519}
	})
	try("versions 2 to 3", func(q *peer) { q.versions = [2]byte{2, 3} })
	try("an opening number that leaps", func(q *peer) {
		q.openAs(1 << 33)
	})
	try("a number that is not the one in the prologue", func(q *peer) {
		q.openAs(7)
		q.attempt.number = 8
	})
	try("a channel that is not there", func(q *peer) {
		q.openAs(9)
		packet := q.wrap(typeKnock, opening{9, "wire",
			q.attempt.message}.encode(q.line))
		radio.write(packet)
		q.attempt.message = q.attempt.message[:95]
	})
	try("the tag of another line's channel", func(q *peer) {
		q.openAs(9)
		other := *q.line
		other.id = random(32)
		radio.write(q.wrap(typeKnock, opening{9, "radio",
			q.attempt.message}.encode(&other)))
		q.attempt.message = q.attempt.message[:95]
	})
	greeting := put(chunkHello, hello(1, 1, 4096))
	for what, payload := range map[string][]byte{"no HELLO": nil,
		"a HELLO behind another": append(append([]byte{}, greeting...),
			greeting...),
		"a HELLO that is not first": append(put(chunkHeld,
			p.sayHeld().encode()), greeting...),
		"a HELLO of frames of 191": put(chunkHello, hello(1, 1, 191)),
		"a HELLO with version 0":   put(chunkHello, hello(0, 1, 4096)),
		"a HELLO of 5 bytes":       put(chunkHello, append(hello(1, 1, 4096), 0)),
		"OPENINGS of 4 and 8 bytes": append(append([]byte{}, greeting...),
			put(chunkOpenings, make([]byte, 12))...),
		"wide OPENINGS of small numbers": append(append([]byte{},
			greeting...), put(chunkOpenings, make([]byte, 16))...),
		"a PROBE behind HELLO": append(append([]byte{}, greeting...),
			put(chunkProbe, []byte{1, 0, 0, 0, 0})...),
	} {
		try(what, func(q *peer) {
			state := q.handshake(true, 9, q.dh)
			message, _, _, err := state.WriteMessage(nil, payload)
			need(err)
			q.attempt = &attempt{state: state, number: 9,
				message: message}
		})
	}
	p.passive = true
	for _, junk := range [][]byte{{}, {1}, {9}, random(41), random(661),
		random(662), random(1500)} {
		radio.write(junk)
	}
	p.quiet("noise", 0.1)
	p.passive = false

	// Whatever came before: the true one opens, though its payload has a
	// chunk that this version does not know.
	p.payload = put(200, random(40))
	b.talk(p, "last-channel")
	expect(p.current().number < 10, "a refused number was counted: %d",
		p.current().number)
	expect(len(p.responses) > 0, "no response")
}

// framesRefused: frames that are damaged, old, or hold what they must not.
func framesRefused(b *bed) {
	p := b.dialled("udp")
	p.opened()
	p.says(b, 3, "one")
	n, radio := p.current().lane("radio"), p.wires["radio"]
	text := func(s string) []byte {
		r := record{precedence: 3, index: 2, number: 77, id: random(16),
			kind: kindMessage, text: s}
		return segments(3, 2, r.encode(), 1024)[0]
	}
	// Nothing of these counts: neither the frame nor what is in it.
	damaged := n.out.seal(n.next, text("damaged"))
	damaged[len(damaged)-1] ^= 1
	radio.write(damaged)
	p.until(0.2, func() bool { return false })
	expect(!n.acked[n.next], "a damaged frame was acknowledged")

	// A chunk that is refused ends its frame; what stands before it counts.
	type wrong struct {
		what  string
		chunk []byte
	}
	short := put(chunkProbe, make([]byte, 5)) // id 0
	for _, w := range []wrong{{"PROBE with id 0", short},
		{"PROBE with another flag", put(chunkProbe, []byte{1, 2, 3, 4, 2})},
		{"an unknown chunk", put(99, []byte{1})},
		{"COSIGNATURE", put(10, make([]byte, 101))},
		{"HELLO in a frame", put(chunkHello, hello(1, 1, 4096))},
		{"padding with something in it", []byte{0, 1}},
		{"codec 3", []byte{6, 0, 8, 0x1f, 0, 0, 0, 2, 0, 0, 1}},
		{"codec 2 of no stream", []byte{6, 0, 8, 0x1b, 0, 0, 0, 2, 0, 0, 0xff}},
		{"codec 1 of no head", []byte{6, 0, 8, 0x17, 0, 0, 0, 2, 0, 0, 1}},
		{"a length beyond the end", []byte{6, 255, 255, 3}}} {
		echoes := p.echoes
		p.sayBefore("radio", append(w.chunk, text(w.what)...))
		expect(p.until(2, func() bool { return p.echoes > echoes }),
			"%s: what stood before it did not count", w.what)
		expect(len(b.north.messages()) == 1,
			"%s: what stood behind it counts", w.what)
	}

	// A record that must not be taken is still owed.
	for _, r := range []record{
		{precedence: 2, index: 2, number: 9, id: random(16), kind: 1},
		{precedence: 3, index: 3, number: 9, id: random(16), kind: 1},
		{precedence: 3, index: 2, number: 9, id: random(15), kind: 1},
		{precedence: 3, index: 2, number: 9, id: random(16), kind: 1,
			more: fields{{7, ""}}}} {
		for _, s := range segments(3, 2, r.encode(), 1024) {
			p.send("radio", s)
		}
	}
	beyond := record{precedence: 3, index: 2 + 2048, number: 9,
		id: random(16), kind: 1}
	p.send("radio", segments(3, beyond.index, beyond.encode(), 1024)[0])
	p.until(0.5, func() bool { return false })
	expect(p.ours[3].acked == 1 && len(p.ours[3].heard.ranges) == 0 &&
		len(b.north.messages()) == 1, "HELD of %+v", p.ours[3].heard)

	// A checkpoint with a wrong signature, and a frame that is replayed.
	c := p.sign(3, p.ours[3].leaves)
	c[100] ^= 1
	p.send("radio", put(chunkCheckpoint, c))
	packet := n.out.seal(n.next, append(put(chunkProbe, append(
		binary.BigEndian.AppendUint32(nil, 5), 0)), p.sayView()...))
	n.next++
	before := b.north.frames()
	for i := 0; i < 50; i++ {
		radio.write(packet)
	}
	p.until(0.3, func() bool { return false })
	expect(b.north.frames()-before < 40, "a replayed frame counts")
	p.says(b, 3, "two")
	p.hears(b, 3, "three")
}

// sayBefore sends a probe with something behind it.
func (p *peer) sayBefore(channel string, behind []byte) {
	p.send(channel, p.newProbe(channel), behind)
}

// pouch: bundles both ways, to the card's key and to prekeys.
func pouch(b *bed) {
	l, _ := b.north.pair(b.me, nil)
	b.north.channels("pouch courier://" + b.dir)
	b.north.start()
	p := b.peer(l)
	file := filepath.Join(b.dir, "a-file")

	// Theirs, to the key on our card; then to our prekey.
	export := func(text string) envelope {
		b.north.ok("send", "south", text)
		expect(p.until(3, func() bool {
			return b.north.find(text).Name != ""
		}), "not taken")
		os.Remove(file)
		b.north.ok("courier", "export", "south", file)
		data, err := os.ReadFile(file)
		need(err)
		bundles, err := readPouch(data)
		need(err)
		expect(len(bundles) > 0, "an empty pouch")
		v := envelope{}
		for _, bundle := range bundles {
			v = p.takeBundle(bundle)
		}
		expect(len(p.messages) > 0 &&
			p.messages[len(p.messages)-1].text == text && p.proved(3),
			"it brought %+v", p.messages)
		return v
	}
	number := uint64(0)
	give := func(status int, id uint32, key []byte) {
		number++
		need(os.WriteFile(file, writePouch(p.makeBundle(number, id, key)),
			0o600))
		out, got := b.north.run("courier", "import", file)
		expect(got == status, "courier import: %d: %s", got, out)
	}
	v := export("by pouch")
	expect(v.prekey == 0 && v.seen == 0 && v.heard == 0, "envelope %+v", v)
	expect(p.theirs.prekeyID != 0, "no prekey announced")

	p.prekey = newPrekey()
	r := p.submit(record{precedence: 3, kind: kindMessage,
		text: "to the card"})
	give(0, 0, p.line.peer.x)
	m := b.north.read(b.north.came(r.number).Name)
	expect(m.Text == "to the card", "north read %+v", m)
	expect(b.north.find("by pouch").Rung == "delivered", "not delivered: %+v",
		b.north.find("by pouch"))

	first := v.number
	v = export("to the prekey")
	expect(v.prekey == p.prekey.id && v.seen == 1 && v.heard == p.boot &&
		v.number > first, "envelope %+v", v)
	expect(p.ours[3].acked == 1, "HELD of %d", p.ours[3].acked)

	r = p.submit(record{precedence: 0, kind: kindMessage, text: "a FLASH"})
	give(0, p.theirs.prekeyID, p.theirs.prekey)
	give(0, p.theirs.prekeyID, p.theirs.prekey) // the same once more
	n := 0
	for _, m := range b.north.messages() {
		if m.Author == "south" && m.Number == r.number {
			n++
		}
	}
	expect(n == 1, "a FLASH is shown %d times", n)

	// What must not open: another prekey, another share, a damaged byte.
	give(1, 12345, p.theirs.prekey)
	give(1, p.theirs.prekeyID, p.line.peer.x)
	good := p.line
	p.line = newLine(b.me, random(32), good.peer)
	give(1, 0, good.peer.x)
	p.line = good
	bundle := p.makeBundle(99, 0, p.line.peer.x)
	bundle[len(bundle)-1] ^= 1
	need(os.WriteFile(file, writePouch(bundle), 0o600))
	_, status := b.north.run("courier", "import", file)
	expect(status == 1, "a damaged bundle: exit status %d", status)
	need(os.WriteFile(file, []byte("OLB2\x00\x05hello"), 0o600))
	_, status = b.north.run("courier", "import", file)
	expect(status == 1, "another file: exit status %d", status)
	v = export("and still")
	expect(v.prekey == 0 || v.prekey == p.prekey.id, "envelope %+v", v)
}
