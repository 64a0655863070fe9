// The stories of a line that works.

package main

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// join pairs and starts the station with these channels.
func (b *bed) join(channels ...string) *peer {
	b.north.ok("card", "south")
	l, share := b.north.pair(b.me, nil)
	b.share = share
	b.north.channels(channels...)
	b.north.start()
	return b.peer(l)
}

// dialled makes a peer that dials the station on these bearers.
func (b *bed) dialled(bearers ...string) *peer {
	list := []string{}
	for _, bearer := range bearers {
		list = append(list, names[bearer]+" accept="+bearer)
	}
	p := b.join(list...)
	for _, bearer := range bearers {
		p.dial(bearer, b.north.port)
	}
	return p
}

var names = map[string]string{"tcp": "cable", "udp": "radio"}

func (p *peer) dial(bearer, address string) {
	name := names[bearer]
	if bearer == "udp" {
		p.wires[name] = p.arrivals.dialUDP(name, address)
	} else {
		p.wires[name] = p.arrivals.dialTCP(name, address)
	}
}

// listening makes a peer that the station dials on these bearers.
func (b *bed) listening(bearers ...string) *peer {
	l, share := b.north.pair(b.me, nil)
	b.share = share
	p, list := b.peer(l), []string{}
	for _, bearer := range bearers {
		listen := p.arrivals.listenTCP
		if bearer == "udp" {
			listen = p.arrivals.listenUDP
		}
		address, stop := listen("127.0.0.1:0")
		p.closers = append(p.closers, stop)
		list = append(list, names[bearer]+" "+bearer+"://"+address)
	}
	b.north.channels(list...)
	b.north.start()
	return p
}

// opened waits for an epoch in which both have said HELD.
func (p *peer) opened() {
	expect(p.until(8, func() bool {
		e := p.current()
		return e != nil && e.heard && p.echoes > 0 && p.probes > 0
	}), "no line within 8 s: %d knocks, %d responses, faults %v", p.knocks,
		len(p.responses), p.faults)
}

// says: a message of ours arrives there, and they say HELD of it.
func (p *peer) says(b *bed, precedence byte, text string) record {
	r := p.submit(record{precedence: precedence, kind: kindMessage,
		text: text})
	log := &p.ours[precedence]
	expect(p.until(8, func() bool {
		return int(log.acked) == len(log.leaves)
	}), "HELD of %d, said %d: faults %v", log.acked, len(log.leaves),
		p.faults)
	expect(log.heard.root == log.leaves.short(), "another root in HELD")
	m := b.north.came(r.number)
	expect(m.Precedence == precedences[precedence] && m.Text == "",
		"north shows %+v of our message %d", m, r.number)
	return r
}

// reads: north reads it, and it is what was said.
func (p *peer) reads(b *bed, r record) {
	before := len(p.receipts)
	m := b.north.read(b.north.came(r.number).Name)
	expect(m.Text == r.text, "north read %.80q, said was %.80q", m.Text,
		r.text)
	expect(p.until(5, func() bool { return len(p.receipts) > before }),
		"no receipt of %d", r.number)
	got := p.receipts[before]
	expect(got.precedence == r.precedence && len(got.refs) > 0 &&
		got.refs[0] == reference{relRead, false, r.number},
		"the receipt of %d is %+v", r.number, got)
}

// hears: a message of theirs arrives here, signed, and they see it delivered.
func (p *peer) hears(b *bed, precedence byte, text string) record {
	before := len(p.messages)
	answer := b.north.background("send", "south", text, "--precedence",
		precedences[precedence], "--wait", "delivered", "--timeout", "8s")
	expect(p.until(9, func() bool {
		_, _, done := answer()
		return done && p.proved(precedence)
	}), "not delivered: have %d messages, faults %v", len(p.messages),
		p.faults)
	out, status, _ := answer()
	expect(status == 0, "send --wait delivered: %d: %s", status, out)
	expect(len(p.messages) == before+1, "%d messages came",
		len(p.messages)-before)
	r := p.messages[before]
	expect(r.text == text && r.precedence == precedence,
		"it came as %.80q", r.text)
	m := b.north.find(text)
	expect(m.Rung == "delivered" && m.Number == r.number,
		"north shows %+v of its own", m)
	return r
}

// talk is what every line must carry: a record each way with its checkpoint,
// HELD of each, probe and echo both ways, ACKs, and what each side sees.
func (b *bed) talk(p *peer, states ...string) {
	p.opened()
	p.reads(b, p.says(b, 3, "from the Go side"))
	p.hears(b, 3, "from the real side")
	p.reads(b, p.says(b, 0, "a FLASH from the Go side"))
	p.hears(b, 0, "a FLASH from the real side")
	acks := p.acks + p.alone
	expect(p.until(5, func() bool {
		return p.acks+p.alone > acks && b.north.status().State == states[0] &&
			b.north.status().PeerSees.State == states[0] &&
			p.viewed.line == lineState[states[0]]
	}), "north sees %+v, it told us %+v", b.north.status(), p.viewed)
	alone := p.alone
	expect(p.until(5, func() bool { return p.alone > alone }),
		"no ECHO was the ACK of its PROBE's frame")
	for name := range p.wires {
		state, seen := "", ""
		// While we ask, we answer nothing: it may be in doubt for a moment.
		expect(p.until(5, func() bool {
			state, seen = b.north.channel(name)
			return state == "up" && seen == "up" &&
				p.viewed.channels[string(p.tag(name))] == 1
		}), "%s is %s, seen as %s; VIEW says %d", name, state, seen,
			p.viewed.channels[string(p.tag(name))])
	}
}

var lineState = map[string]byte{"open": 1, "last-channel": 2}

func cards(b *bed) {
	text := b.north.ok("card", "south")
	theirs, raw, err := readCard("Dear colleague,\n\n" + text + "\nbye")
	need(err)
	expect(theirs.name == "north" && theirs.addressee == "south",
		"the card is of %s for %s", theirs.name, theirs.addressee)
	expect(len(theirs.channels) == 2 &&
		theirs.channels[0] == channel{"cable", "tcp://" + b.north.port},
		"channels of the card: %v", theirs.channels)
	expect(strings.TrimSpace(cardText(raw)) == strings.TrimSpace(text),
		"the text of the card is another")
	l, share := b.north.pair(b.me, []channel{{"radio", "udp://[::1]:9"}})
	shown := strings.Fields(b.north.ok("safety", "south"))
	expect(strings.Contains(strings.Join(shown, " "), l.safety()),
		"safety number %s, north shows %s", l.safety(), shown)

	// Cards that are to be refused leave the line as it is.
	refuse := func(what, card string) {
		out, status := b.north.run("pair", b.north.write("bad.card", card))
		expect(status == 1, "%s: exit status %d: %s", what, status, out)
	}
	good := b.me.cardFor("north", share, nil)
	broken := append([]byte{}, good...)
	broken[len(broken)-1] ^= 1
	refuse("a broken signature", cardText(broken))
	refuse("for another", cardText(b.me.cardFor("west", share, nil)))
	refuse("a zero share", cardText(b.me.cardFor("north", make([]byte, 32),
		nil)))
	other := b.me
	other.name = "north"
	refuse("our own name", cardText(other.cardFor("north", share, nil)))
	low := b.me
	low.xPk = make([]byte, 32)
	refuse("a low order key", cardText(low.cardFor("north", share, nil)))
	refuse("a cut card", cardText(good)[:200])

	// Two names of one tag: no VIEW could say which is meant.
	seen := map[string]string{}
	for i := 0; ; i++ {
		name := fmt.Sprintf("n%x", i)
		twin := seen[string(l.tag(name))]
		if twin != "" {
			b.north.channels(twin+" accept=udp", name+" accept=tcp")
			break
		}
		seen[string(l.tag(name))] = name
	}
	out, status := b.north.run("pair", b.north.write("good.card",
		cardText(good)))
	expect(status == 1 && strings.Contains(out, "cannot be told apart"),
		"two channels of one tag: exit status %d: %s", status, out)
}

func initiator(bearer string) func(*bed) {
	return func(b *bed) {
		p := b.dialled(bearer)
		b.talk(p, "last-channel")
		expect(len(p.responses) > 0 && p.epochs[0].initiator,
			"the epoch is not ours")
	}
}

func responder(bearer string) func(*bed) {
	return func(b *bed) {
		p := b.listening(bearer)
		p.passive = true
		b.talk(p, "last-channel")
		expect(!p.current().initiator && p.knocks > 0, "the epoch is ours")
	}
}

func bothChannels(b *bed) {
	p := b.dialled("udp", "tcp")
	b.talk(p, "open")
	long := strings.Repeat("All stations: ", 292)
	p.reads(b, p.says(b, 2, long+"from Go"))
	p.hears(b, 2, long+"from C")
	before := map[string]int{}
	for name, n := range p.segmentsOn {
		before[name] = n
	}
	p.hears(b, 0, "a FLASH goes on both")
	for _, name := range []string{"cable", "radio"} {
		expect(p.segmentsOn[name] > before[name], "no FLASH on %s", name)
	}
	// One channel dies; what is said goes over the other.
	p.wires["cable"].close()
	delete(p.wires, "cable")
	p.hears(b, 3, "over what is left")
	p.says(b, 3, "the same")
}

// narrow: what is said on a slow channel is held and acknowledged in BRIEF.
func narrow(b *bed) {
	p := b.join("radio accept=udp rate=9600")
	p.dial("udp", b.north.port)
	// No probe of theirs has to come: the handshake proved the channel.
	expect(p.until(8, func() bool {
		return p.current() != nil && p.current().heard
	}), "no line within 8 s: %d knocks, faults %v", p.knocks, p.faults)
	for i := 0; i < 4; i++ {
		p.says(b, byte(i), fmt.Sprintf("over a slow channel, %d", i))
	}
	expect(p.briefs > 0, "no BRIEF: %d ACKs", p.acks)
	for codec := byte(1); codec <= 2; codec++ {
		p.sayPacked(b, codec, fmt.Sprintf("packed with codec %d", codec))
	}
}

// smallFrames: no frame is larger than our HELLO says.
func smallFrames(b *bed) {
	p := b.join("radio accept=udp", "cable accept=tcp")
	p.frame = 192
	p.dial("udp", b.north.port)
	p.dial("tcp", b.north.port)
	b.talk(p, "open")
	p.hears(b, 2, strings.Repeat("In small steps. ", 256))
}

// bothKnock: both dial, and knock at once. Both handshakes may complete; they
// must end under the same epoch.
func bothKnock(b *bed) {
	p := b.listening("udp")
	p.dial("udp", b.north.port)
	b.talk(p, "last-channel")
}

// renewal: a new epoch while the old one lives.
func renewal(b *bed) {
	p := b.dialled("udp", "tcp")
	b.talk(p, "open")
	old := p.current()
	p.open()
	expect(p.until(5, func() bool {
		return p.current() != old && p.current().heard
	}), "no new epoch")
	p.hears(b, 3, "under the new epoch")
	p.says(b, 3, "and back")
	fresh := p.current().lane("radio")
	expect(len(fresh.accepted) > 0 ||
		len(p.current().lane("cable").accepted) > 0, "nothing came in it")
	// What is sent under the old one is still heard, and acknowledged.
	n := old.lane("radio")
	counter := n.next
	p.wires["radio"].write(n.out.seal(counter, put(chunkHeld,
		p.sayHeld().encode())))
	n.next++
	expect(p.until(1, func() bool { return n.acked[counter] }),
		"the old epoch is deaf")
}

// receipts: rungs rise on both sides.
func receipts(b *bed) {
	p := b.dialled("udp")
	p.opened()
	mine := p.says(b, 1, "please read")
	theirs := p.hears(b, 2, "please read too")
	p.reads(b, mine)
	b.north.ok("understood", b.north.came(mine.number).Name)
	expect(p.until(5, func() bool { return len(p.receipts) == 2 }),
		"%d receipts came", len(p.receipts))
	r := p.receipts[1]
	expect(r.precedence == 1 && len(r.refs) > 0 &&
		r.refs[0] == reference{relUnderstood, false, mine.number},
		"the receipt is %+v", r)
	for _, step := range []struct {
		rel  uint64
		rung string
	}{{relRead, "read"}, {relUnderstood, "understood"}, {relRead,
		"understood"}} {
		p.submit(record{precedence: 2, kind: kindReceipt,
			refs: []reference{{step.rel, false, theirs.number}}})
		expect(p.until(5, func() bool {
			return int(p.ours[2].acked) == len(p.ours[2].leaves) &&
				b.north.find("please read too").Rung == step.rung
		}), "north shows %+v", b.north.find("please read too"))
	}
}

// outOfOrder: a record behind a gap, a record in parts, a record twice.
func outOfOrder(b *bed) {
	p := b.dialled("udp")
	p.opened()
	for _, text := range []string{"first", strings.Repeat("second ", 300)} {
		p.submit(record{precedence: 3, kind: kindMessage, text: text})
	}
	log := &p.ours[3]
	p.resent = time.Now().Add(time.Hour) // by hand, what follows
	parts := segments(3, 2, log.canonical[1], 1024)
	expect(len(parts) == 3, "%d parts", len(parts))
	p.send("radio", parts[2])
	expect(p.until(4, func() bool { return len(log.heard.parts) == 1 }),
		"no part in HELD within 4 s: %+v", log.heard)
	have := log.heard.parts[0]
	expect(have.index == 2 && have.mask ==
		units(len(log.canonical[1]))&^units(2048), "part is %+v", have)
	p.send("radio", parts[0])
	p.send("radio", parts[1])
	expect(p.until(3, func() bool { return log.covers(2) }),
		"no range in HELD: %+v", log.heard)
	expect(log.acked == 0 && len(b.north.messages()) == 0,
		"shown before what precedes it")
	one := segments(3, 1, log.canonical[0], 1024)[0]
	p.send("radio", one)
	p.send("radio", one)
	expect(p.until(3, func() bool { return log.acked == 2 }),
		"HELD of %d", log.acked)
	expect(len(b.north.messages()) == 2, "shown twice")

	// A unit that comes again is answered with HELD.
	serial := p.theirs.serial
	p.send("radio", one)
	expect(p.until(2, func() bool { return p.theirs.serial > serial }),
		"no HELD for a record that is there already")
	expect(binary.BigEndian.Uint32([]byte{0, 0, 0, 2}) == log.acked,
		"HELD went back")
}
