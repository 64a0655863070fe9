// The other station, as protocol.md has it: what it knows, and what it does
// with each packet. It keeps its ledger in memory and runs on one thread:
// `until` takes what arrives and does what is due.
//
// What is left out, as the document allows it or the tests do not need it:
// congestion and pacing (advice to a sender), attachments, giving back what the
// other side has lost, and Brotli: it packs nothing, and unpacks nothing.

package main

import (
	"encoding/binary"
	"fmt"
	"sort"
	"time"

	"github.com/flynn/noise"
)

// log is one author's records of one precedence.
type log struct {
	canonical [][]byte // by index - 1
	leaves    tree
	// Of ours: what the peer said.
	acked uint32
	limit uint32
	heard heldLog
	// Of theirs: what is not in order, or not whole, yet.
	later map[uint32][]byte
	bytes map[uint32]*pieces
	kept  *checkpoint // the newest whose root was ours
	early *checkpoint // for a size that our copy has not reached
}

// pieces is a record on its way: which units are there.
type pieces struct {
	buffer [8192]byte
	mask   uint64
	size   int // 0: the end is not known
}

// attempt is our handshake under way.
type attempt struct {
	state   *noise.HandshakeState
	number  uint64
	message []byte
	nonces  [][]byte
	next    time.Time
}

// answered is the newest knock that we answered.
type answered struct {
	number   uint64
	response []byte
}

type peer struct {
	*line
	arrivals queue
	wires    map[string]*wire // by channel: where we send
	highest  uint64           // opening number sent or seen
	attempt  *attempt
	made     uint64 // the highest opening number of ours
	verified uint64 // and of theirs, since our start
	// The one that we made before the newest.
	madeBefore uint64
	answered   answered
	epochs     []*epoch
	boot       uint64
	serial     uint32
	theirs     held // their newest HELD, for boot id and prekey
	ours       [4]log
	other      [4]log
	number     uint64
	viewed     view
	views      uint32
	probe      map[string]*probe
	up         map[string]bool // channels on which a probe was echoed
	prekey     *prekey         // our newest
	took       uint64          // the highest bundle of theirs that opened
	frame      uint16          // the largest that we take, as our HELLO says
	payload    []byte          // chunks that go behind HELLO in a knock
	versions   [2]byte
	dh         noise.DHFunc
	closers    []func()

	// What happened, for the tests.
	knocks, behinds, echoes, probes, acks, alone int
	briefs                                       int
	faults                                       []string
	messages                                     []record
	receipts                                     []record
	responses                                    [][]byte // Noise messages taken
	segmentsOn                                   map[string]int
	passive                                      bool // no knocks of our own
	restored                                     bool // our records are lost
	found                                        map[byte]*found
	forgot                                       bool // epochs that they still know
	resent                                       time.Time
}

// probe is our newest on a channel.
type probe struct {
	id    uint32
	alone bool   // its ECHO is to be the ACK of
	n     uint32 // the frame with this counter
	at    time.Time
}

func newPeer(l *line) *peer {
	p := &peer{line: l, arrivals: make(queue, 4096),
		wires: map[string]*wire{}, probe: map[string]*probe{},
		found:    map[byte]*found{},
		up:       map[string]bool{},
		boot:     binary.BigEndian.Uint64(random(8)),
		frame:    4096,
		versions: [2]byte{1, 1}, dh: noise.DH25519,
		segmentsOn: map[string]int{}}
	for i := range p.ours {
		p.ours[i] = log{later: map[uint32][]byte{},
			bytes: map[uint32]*pieces{}}
		p.other[i] = log{later: map[uint32][]byte{},
			bytes: map[uint32]*pieces{}}
	}
	return p
}

func (p *peer) close() {
	for _, w := range p.wires {
		w.close()
	}
	for _, c := range p.closers {
		c()
	}
}

// fault notes that the other station did what the document forbids.
func (p *peer) fault(format string, args ...interface{}) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func micros() uint64 { return uint64(time.Now().UnixNano() / 1000) }

// until runs the station until the condition holds; false: it did not.
func (p *peer) until(seconds float64, condition func() bool) bool {
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for !condition() {
		p.tick()
		select {
		case a := <-p.arrivals:
			p.take(a)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return condition()
		}
	}
	return true
}

func (p *peer) take(a arrival) {
	if a.packet == nil {
		for name, w := range p.wires {
			if w == a.from {
				delete(p.wires, name)
			}
		}
		return
	}
	switch a.packet[0] {
	case typeKnock:
		p.takeKnock(a)
	case typeResponse:
		p.takeResponse(a)
	case typeBehind:
		p.takeBehind(a)
	case typeFrame:
		p.takeFrame(a)
	default:
		p.fault("a packet of type %d on a live channel", a.packet[0])
	}
}

// The initiator (2.4)

// open begins an attempt with the next number.
func (p *peer) open() {
	p.openAs(p.highest + 1)
}

func (p *peer) openAs(number uint64) {
	state := p.handshake(true, number, p.dh)
	payload := put(chunkHello, hello(p.versions[0], p.versions[1], p.frame))
	payload = append(payload, p.sayOpenings()...)
	message, _, _, err := state.WriteMessage(nil,
		append(payload, p.payload...))
	need(err)
	p.attempt = &attempt{state: state, number: number, message: message}
	if number > p.highest {
		p.highest = number
	}
	if number > p.made {
		p.madeBefore, p.made = p.made, number
	}
}

// sayOpenings: who has lost its numbers says none until a handshake.
func (p *peer) sayOpenings() []byte {
	if p.restored && p.made == 0 {
		return nil
	}
	return put(chunkOpenings, openings{p.made, p.verified}.encode())
}

// judgeSeen: which of our knocks they verified. None but ours (2.3).
func (p *peer) judgeSeen(list []chunk) {
	o, err := decodeOpenings(list)
	if err != nil {
		p.fault("%v", err)
	}
	if err != nil || o == nil || p.restored {
		return
	}
	if o.seen > p.made || o.seen < p.made && o.seen > p.madeBefore {
		p.fault("they saw our number %d, and we made %d and %d", o.seen,
			p.made, p.madeBefore)
	}
}

// judgeMade: nobody knocks beside them with their keys.
func (p *peer) judgeMade(list []chunk) {
	o, err := decodeOpenings(list)
	if err != nil {
		p.fault("%v", err)
	} else if o == nil {
		p.fault("a knock without OPENINGS")
	} else if o.made < p.verified && !p.restored {
		p.fault("they made %d and we verified %d", o.made, p.verified)
	}
}

// behindHello is the first chunk that is neither HELLO nor OPENINGS.
func behindHello(list []chunk) chunk {
	for _, c := range list[1:] {
		if c.kind != chunkOpenings {
			return c
		}
	}
	return chunk{}
}

// knockOn wraps the attempt's message 1 anew, for one channel.
func (p *peer) knockOn(channel string) []byte {
	packet := p.wrap(typeKnock, opening{p.attempt.number, channel,
		p.attempt.message}.encode(p.line))
	p.attempt.nonces = append(p.attempt.nonces, packet[1:17])
	return packet
}

func (p *peer) takeResponse(a arrival) {
	plain, err := p.unwrap(a.packet)
	if err != nil {
		p.fault("a response that does not open: %v", err)
		return
	}
	o, err := decodeOpening(p.line, plain)
	if err != nil || len(a.packet) > 661 || len(o.noise) < 48 ||
		len(o.noise) > 560 {
		p.fault("a response of a wrong form")
		return
	}
	if a.from.dialed != "" && a.from.dialed != o.channel {
		p.fault("a response for %s came on %s", o.channel, a.from.dialed)
		return
	}
	p.responses = append(p.responses, o.noise)
	if p.attempt == nil || o.number != p.attempt.number {
		return
	}
	payload, send, receive, err := p.attempt.state.ReadMessage(nil, o.noise)
	if err != nil {
		p.fault("message 2 does not verify: %v", err)
		return
	}
	e := newEpoch(o.number, true, sessionKey(send), sessionKey(receive))
	p.attempt = nil
	list, err := parse(payload)
	if err != nil || len(list) == 0 || list[0].kind != chunkHello ||
		behindHello(list).kind != chunkHeld {
		p.fault("a response without HELLO and HELD first: %v", err)
		return
	}
	p.takeHello(list[0].body)
	p.judgeSeen(list)
	p.wires[o.channel] = a.from
	p.confirm(e)
	h, err := decodeHeld(behindHello(list).body)
	if err != nil || len(h.logs) != 4 {
		p.fault("a response without HELD of all four logs: %v", err)
		return
	}
	p.takeHeld(e, h)
}

func (p *peer) takeHello(b []byte) bool {
	if len(b) != 4 || b[0] == 0 || b[1] < b[0] ||
		binary.BigEndian.Uint16(b[2:]) < 192 {
		p.fault("a HELLO of a wrong form")
		return false
	}
	return b[0] <= 1 && b[1] >= 1
}

func (p *peer) takeBehind(a arrival) {
	plain, err := p.unwrap(a.packet)
	if err != nil || len(plain) != 24 {
		p.fault("a behind that does not open")
		return
	}
	p.behinds++
	number := binary.BigEndian.Uint64(plain)
	if p.attempt == nil || number < p.attempt.number ||
		number > p.highest+1<<32-1 {
		return
	}
	for _, nonce := range p.attempt.nonces {
		if string(nonce) == string(plain[8:]) {
			p.highest = number
			p.open()
			return
		}
	}
}

// The responder (2.5)

func (p *peer) takeKnock(a arrival) {
	plain, err := p.unwrap(a.packet)
	if err != nil {
		p.fault("a knock that does not open: %v", err)
		return
	}
	p.knocks++
	o, err := decodeOpening(p.line, plain)
	if err != nil || len(a.packet) > 661 || len(o.noise) < 96 ||
		len(o.noise) > 608 {
		p.fault("a knock of a wrong form: %v", err)
		return
	}
	if a.from.dialed != "" && a.from.dialed != o.channel {
		p.fault("a knock for %s came on %s", o.channel, a.from.dialed)
		return
	}
	if p.wires[o.channel] == nil {
		p.wires[o.channel] = a.from
	}
	switch {
	case o.number > p.highest+1<<32-1:
		p.fault("an opening number that leaps")
	case o.number > p.answered.number && o.number >= p.highest:
		p.respond(a.from, o)
	case o.number == p.answered.number:
		a.from.write(p.wrap(typeResponse, opening{o.number, o.channel,
			p.answered.response}.encode(p.line)))
	default:
		b := binary.BigEndian.AppendUint64(nil, p.highest)
		a.from.write(p.wrap(typeBehind, append(b, a.packet[1:17]...)))
	}
}

func (p *peer) respond(from *wire, o opening) {
	state := p.handshake(false, o.number, p.dh)
	payload, _, _, err := state.ReadMessage(nil, o.noise)
	if err != nil || string(state.PeerStatic()) != string(p.line.peer.x) {
		p.fault("message 1 does not verify: %v", err)
		return
	}
	list, err := parse(payload)
	if err != nil || len(list) == 0 || list[0].kind != chunkHello ||
		!p.takeHello(list[0].body) {
		p.fault("message 1 without a HELLO of version 1")
		return
	}
	p.judgeSeen(list)
	p.judgeMade(list)
	p.highest = o.number
	answer := put(chunkHello, hello(1, 1, p.frame))
	answer = append(answer, p.sayOpenings()...)
	p.verified = o.number
	answer = append(answer, put(chunkHeld, p.sayHeld().encode())...)
	message, theirs, mine, err := state.WriteMessage(nil, answer)
	need(err)
	p.answered = answered{o.number, message}
	e := newEpoch(o.number, false, sessionKey(mine), sessionKey(theirs))
	e.told = true
	p.epochs = append(p.epochs, e)
	from.write(p.wrap(typeResponse, opening{o.number, o.channel,
		message}.encode(p.line)))
	for name, w := range p.wires {
		if name != o.channel {
			w.write(p.wrap(typeResponse, opening{o.number, name,
				message}.encode(p.line)))
		}
	}
}

// Epochs (2.6)

func (p *peer) confirm(e *epoch) {
	e.confirmed = true
	known := false
	for _, other := range p.epochs {
		known = known || other == e
	}
	if !known {
		p.epochs = append(p.epochs, e)
	}
	if len(p.epochs) > 4 {
		p.epochs = p.epochs[len(p.epochs)-4:]
	}
	if p.attempt != nil && p.attempt.number <= e.number {
		p.attempt = nil
	}
	for i := range p.ours {
		p.ours[i].heard = heldLog{}
	}
	p.tell()
}

// tell says HELD of all logs anew, on every channel.
func (p *peer) tell() {
	if e := p.current(); e != nil && len(p.wires) > 0 {
		e.told = true
		for _, channel := range p.channels() {
			p.send(channel, put(chunkHeld, p.sayHeld().encode()))
		}
	}
}

// current is the epoch that we send under: of the confirmed ones that of the
// highest number, of two the one which the lower station initiated.
func (p *peer) current() *epoch {
	var best *epoch
	for _, e := range p.epochs {
		if e.confirmed && (best == nil || e.number > best.number ||
			e.number == best.number && e.initiator == p.low) {
			best = e
		}
	}
	return best
}

// Sending

func (p *peer) send(channel string, chunks ...[]byte) {
	e, w := p.current(), p.wires[channel]
	if e == nil || w == nil {
		return
	}
	n := e.lane(channel)
	plain := []byte{}
	for _, c := range chunks {
		plain = append(plain, c...)
	}
	if len(plain)+25 > w.size {
		panic("a frame of ours is too large")
	}
	w.write(n.out.seal(n.next, plain))
	for _, c := range chunks {
		if len(c) > 0 && asks(c[0]) {
			n.flying[n.next] = true
		}
	}
	n.next++
}

// channels lists those that we can send on, the same order each time.
func (p *peer) channels() (list []string) {
	for name := range p.wires {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

func (p *peer) sayHeld() held {
	p.serial++
	h := held{boot: p.boot, serial: p.serial}
	if p.prekey != nil {
		h.prekeyID, h.prekey = p.prekey.id, p.prekey.pk
	}
	for i := range p.other {
		log := &p.other[i]
		l := heldLog{precedence: byte(i), upto: uint32(len(log.leaves)),
			root: log.leaves.short()}
		l.limit = l.upto + windows[i]
		later := make([]uint32, 0, len(log.later))
		for index := range log.later {
			later = append(later, index)
		}
		sort.Slice(later, func(a, b int) bool { return later[a] < later[b] })
		for _, index := range later {
			n := len(l.ranges)
			if n > 0 && l.ranges[n-1].first+
				uint32(l.ranges[n-1].count) == index {
				l.ranges[n-1].count++
			} else if n < 16 {
				l.ranges = append(l.ranges, span{index, 1})
			}
		}
		h.logs = append(h.logs, l)
	}
	return h
}

func (p *peer) sayView() []byte {
	up := byte(0)
	v := view{serial: p.views, line: 4, channels: map[string]byte{}}
	for name := range p.wires {
		state := byte(0)
		if p.up[name] {
			state, up = 1, up+1
		}
		v.channels[string(p.tag(name))] = state
	}
	if up > 0 {
		v.line = 2 - up/2
	}
	p.views++
	return put(chunkView, v.encode())
}

func (p *peer) sayProbe(channel string) {
	p.send(channel, p.newProbe(channel), p.sayView())
}

// newProbe is a PROBE for our next frame on a channel: alone if nothing of
// ours there waits for an ACK.
func (p *peer) newProbe(channel string) []byte {
	b := &probe{id: binary.BigEndian.Uint32(random(4)) | 1, at: time.Now()}
	p.probe[channel] = b
	flags := byte(0)
	if e := p.current(); e != nil {
		n := e.lane(channel)
		b.n, b.alone = n.next, len(n.flying) == 0
	}
	if b.alone {
		flags = 1
	}
	return put(chunkProbe, append(binary.BigEndian.AppendUint32(nil, b.id),
		flags))
}

// submit appends a record of ours to its log; `owe` sends it.
func (p *peer) submit(r record) record {
	log := &p.ours[r.precedence]
	p.number++
	r.index, r.number = uint32(len(log.leaves))+1, p.number
	if r.id == nil {
		r.id = random(16)
	}
	r.written = micros() / 1000
	canonical := r.encode()
	log.canonical = append(log.canonical, canonical)
	log.leaves = append(log.leaves, p.leaf(p.me.ed.Public().(edKey),
		canonical))
	p.resent = time.Time{}
	return r
}

// owe sends what the peer's HELD does not cover, and the checkpoint of it.
func (p *peer) owe() {
	e := p.current()
	if e == nil || !e.heard || time.Since(p.resent) < 300*time.Millisecond {
		return
	}
	p.resent = time.Now()
	for _, channel := range p.channels() {
		room := p.wires[channel].size - 25 - 3 - 7
		for i := range p.ours {
			log := &p.ours[i]
			for index := log.acked + 1; index <= log.limit &&
				int(index) <= len(log.leaves); index++ {
				if log.covers(index) {
					continue
				}
				for _, s := range segments(byte(i), index,
					log.canonical[index-1], room) {
					p.send(channel, s)
				}
			}
			if log.acked < uint32(len(log.leaves)) {
				p.send(channel, put(chunkCheckpoint,
					p.sign(byte(i), log.leaves)))
			}
		}
	}
}

// covers says whether a range of the peer's HELD holds a record of ours.
func (l *log) covers(index uint32) bool {
	for _, r := range l.heard.ranges {
		if index >= r.first && index < r.first+uint32(r.count) {
			return true
		}
	}
	return false
}

func (p *peer) tick() {
	now := time.Now()
	if p.current() == nil && p.attempt == nil && !p.passive &&
		len(p.wires) > 0 {
		p.open()
	}
	if a := p.attempt; a != nil && now.After(a.next) {
		a.next = now.Add(time.Second)
		for _, channel := range p.channels() {
			p.wires[channel].write(p.knockOn(channel))
		}
	}
	e := p.current()
	if e == nil {
		return
	}
	for _, channel := range p.channels() {
		b := p.probe[channel]
		// Alone if it can be: what is on its way has a second more.
		if b == nil || now.Sub(b.at) > 2*time.Second ||
			(now.Sub(b.at) > time.Second &&
				len(e.lane(channel).flying) == 0) {
			p.sayProbe(channel)
		}
		p.sayAck(e, channel, 1)
	}
	p.owe()
}

// sayAck acknowledges when so many frames wait for it.
func (p *peer) sayAck(e *epoch, channel string, least int) {
	n := e.lane(channel)
	if n.asking >= least {
		n.asking = 0
		p.send(channel, put(chunkAck, encodeAck(n.in.index, n.accepted)))
	}
}

// units is the mask of all units of a record of a size.
func units(size int) uint64 {
	return uint64(1)<<((size+127)/128) - 1
}
