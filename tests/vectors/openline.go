// The derivations of doc/protocol.md a second time, in another language and
// on other people's primitives, to write the vectors that ours must match:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode \
//	    go run tests/vectors/openline.go > tests/vectors/openline.txt
//
// It shares no line with src/crypto. The test `vectors-openline-go` runs it
// again where Go is installed and compares.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"

	"github.com/flynn/noise"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/curve25519"
)

const head = `# Vectors of the Openline protocol, version 1, for a second implementation.
#
# Blocks of key=value, a blank line between them. Values are hexadecimal,
# but for name, prec, prefix, safety_number, chunks and text_N, which are text,
# and for lower, direction, counter, size, opening, number, prekey and seen,
# which are decimal. No byte stands between or behind the parts of what is
# hashed. lower says whether the first station has the lower Ed25519 key;
# text_N is followed by a newline in what is signed, and in a card. Written by
# openline.go.
`

type station struct {
	name                 string
	seed, edPk, xSk, xPk []byte
	share                []byte
	edSk                 ed25519.PrivateKey
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ramp(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

func block(pairs ...interface{}) {
	fmt.Println()
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case []byte:
			fmt.Printf("%s=%s\n", pairs[i], hex.EncodeToString(v))
		default:
			fmt.Printf("%s=%v\n", pairs[i], v)
		}
	}
}

func hash(size int, key []byte, parts ...[]byte) []byte {
	h, err := blake2b.New(size, key)
	must(err)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func be32(v uint32) []byte {
	b := make([]byte, 4)
	binary.BigEndian.PutUint32(b, v)
	return b
}

func siphash24(key, msg []byte) []byte {
	k0 := binary.LittleEndian.Uint64(key)
	k1 := binary.LittleEndian.Uint64(key[8:])
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573
	rounds := func(n int) {
		for ; n > 0; n-- {
			v0 += v1
			v1 = bits.RotateLeft64(v1, 13) ^ v0
			v0 = bits.RotateLeft64(v0, 32)
			v2 += v3
			v3 = bits.RotateLeft64(v3, 16) ^ v2
			v0 += v3
			v3 = bits.RotateLeft64(v3, 21) ^ v0
			v2 += v1
			v1 = bits.RotateLeft64(v1, 17) ^ v2
			v2 = bits.RotateLeft64(v2, 32)
		}
	}
	padded := append([]byte{}, msg...)
	for len(padded)%8 != 7 {
		padded = append(padded, 0)
	}
	padded = append(padded, byte(len(msg)))
	for ; len(padded) > 0; padded = padded[8:] {
		m := binary.LittleEndian.Uint64(padded)
		v3 ^= m
		rounds(2)
		v0 ^= m
	}
	v2 ^= 0xff
	rounds(4)
	out := make([]byte, 8)
	binary.LittleEndian.PutUint64(out, v0^v1^v2^v3)
	return out
}

func makeStation(name string, from byte) station {
	s := station{name: name, seed: ramp(from, 32), xSk: ramp(from+0x40, 32),
		share: ramp(from+0x80, 32)}
	s.edSk = ed25519.NewKeyFromSeed(s.seed)
	s.edPk = s.edSk.Public().(ed25519.PublicKey)
	var err error
	s.xPk, err = curve25519.X25519(s.xSk, curve25519.Basepoint)
	must(err)
	block("vector", "station", "name", name, "ed_seed", s.seed,
		"ed_pk", s.edPk, "x_sk", s.xSk, "x_pk", s.xPk, "share", s.share)
	return s
}

func safety(lineID, psk []byte) string {
	h := hash(64, nil, []byte("openline safety 1"), lineID, hash(32, nil, psk))
	for i := 1; i < 5200; i++ {
		h = hash(64, nil, h)
	}
	var groups []string
	for ; len(groups) < 12; h = h[5:] {
		var v uint64
		for _, b := range h[:5] {
			v = v<<8 | uint64(b)
		}
		groups = append(groups, fmt.Sprintf("%05d", v%100000))
	}
	return strings.Join(groups, " ")
}

func wrapped(lineID, psk []byte, direction, kind byte, nonce,
	plain []byte) (key, shortKey, packet []byte) {
	key = hash(32, psk, []byte("openline wrap 1"), lineID, []byte{direction})
	shortKey = hash(32, nil, []byte("openline short 1"), lineID,
		[]byte{direction})[:16]
	nonce24 := append(append([]byte{}, nonce...), siphash24(shortKey, nonce)...)
	aead, err := chacha20poly1305.NewX(key)
	must(err)
	packet = append([]byte{kind}, nonce24...)
	return key, shortKey, aead.Seal(packet, nonce24, plain, []byte{kind})
}

func wrap(lineID, psk []byte, direction, kind byte, nonce, plain []byte) {
	key, shortKey, packet := wrapped(lineID, psk, direction, kind, nonce,
		plain)
	block("vector", "wrap", "direction", direction, "wrap_key", key,
		"short_key", shortKey, "type", []byte{kind}, "nonce", nonce,
		"plain", plain, "packet", packet)
}

func frame(session []byte, name string, counter uint32, plain []byte) {
	fk := hash(36, session, []byte("openline frame 1"), []byte(name))
	nonce := make([]byte, 12)
	binary.LittleEndian.PutUint64(nonce[4:], uint64(counter))
	ad := append([]byte{4}, append(append([]byte{}, fk[32:]...),
		be32(counter)...)...)
	aead, err := chacha20poly1305.New(fk[:32])
	must(err)
	block("vector", "frame", "session", session, "name", name,
		"key", fk[:32], "index", fk[32:], "counter", counter, "ad", ad,
		"plain", plain, "sealed", aead.Seal(nil, nonce, plain, ad))
}

// RFC 6962, 2.1, by its recursive definition.
func root(leaves [][]byte) []byte {
	if len(leaves) == 0 {
		h := sha256.Sum256(nil)
		return h[:]
	}
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	h := sha256.Sum256(bytes.Join([][]byte{{1}, root(leaves[:k]),
		root(leaves[k:])}, nil))
	return h[:]
}

func checkpoint(s station, lineID []byte, prec string, size int) {
	var leaves [][]byte
	pairs := []interface{}{"vector", "checkpoint", "name", s.name,
		"prec", prec, "size", size}
	for i := 0; i < size; i++ {
		record := ramp(byte(i), 3*i)
		leaf := sha256.Sum256(bytes.Join([][]byte{{0}, lineID, s.edPk,
			record}, nil))
		leaves = append(leaves, leaf[:])
		pairs = append(pairs, fmt.Sprintf("record_%d", i), record,
			fmt.Sprintf("leaf_%d", i), leaf[:])
	}
	r := root(leaves)
	origin := fmt.Sprintf("openline/%x/%x/%s", lineID, s.edPk, prec)
	root64 := base64.StdEncoding.EncodeToString(r)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root64)
	block(append(pairs, "root", r, "text_1", origin, "text_2", size,
		"text_3", root64, "signature", ed25519.Sign(s.edSk, []byte(text)))...)
}

func cat(parts ...[]byte) []byte {
	return bytes.Join(parts, nil)
}

func be64(v uint64) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint64(b, v)
	return b
}

// A head of deterministic CBOR.
func cbor(major byte, v uint64) []byte {
	m := major << 5
	switch {
	case v < 24:
		return []byte{m | byte(v)}
	case v < 1<<8:
		return []byte{m | 24, byte(v)}
	case v < 1<<16:
		return append([]byte{m | 25}, be64(v)[6:]...)
	case v < 1<<32:
		return append([]byte{m | 26}, be64(v)[4:]...)
	}
	return append([]byte{m | 27}, be64(v)...)
}

func blob(b []byte) []byte { return append(cbor(2, uint64(len(b))), b...) }
func text(s string) []byte { return append(cbor(3, uint64(len(s))), s...) }
func num(v uint64) []byte  { return cbor(0, v) }

type pair struct {
	key   uint64
	value []byte
}

// A map of those pairs whose key is not left out.
func object(pairs []pair, without ...uint64) []byte {
	var b []byte
	n := uint64(0)
next:
	for _, p := range pairs {
		for _, key := range without {
			if p.key == key {
				continue next
			}
		}
		b = cat(b, num(p.key), p.value)
		n++
	}
	return append(cbor(5, n), b...)
}

// A receipt, and a message that has every key. Returns the receipt.
func records(s station, lineID []byte) []byte {
	yes, no := []byte{0xf5}, []byte{0xf4}
	receipt := []pair{{0, num(1)}, {1, num(2)}, {2, num(5)}, {3, num(300)},
		{4, blob(ramp(0x01, 16))}, {5, num(2)}, {6, num(1795428000000)},
		{8, num(0)}, {9, text("duty officer")},
		{17, cat(cbor(4, 1), cbor(4, 3), num(5), no, num(17))}}
	message := []pair{{0, num(1)}, {1, num(0)}, {2, num(1 << 31)},
		{3, num(1<<63 - 1)}, {4, blob(ramp(0xf0, 16))}, {5, num(1)},
		{6, num(253402300799999)}, {7, text("ko")}, {8, num(1)},
		{9, text("general staff")}, {10, text("line")},
		{11, cat(cbor(4, 2), text("a"), text("b"))},
		{12, text("훈련")}, {13, text("훈련 종료")}, {14, text("f")},
		{15, blob(ramp(0x20, 32))}, {16, blob(ramp(0x40, 3))},
		{17, cat(cbor(4, 2), cbor(4, 3), num(2), yes, num(9),
			cbor(4, 3), num(255), no, num(1<<63-1))},
		{18, num(1795431600000)},
		{19, cat(cbor(4, 1), cbor(4, 4), blob(ramp(0x50, 32)), num(70000),
			text("map.png"), text("image/png"))},
		{20, cat(cbor(4, 1), cbor(4, 2), text("r"), blob(ramp(0x60, 64)))}}
	for _, r := range [][]pair{receipt, message} {
		bytes := object(r)
		leaf := sha256.Sum256(cat([]byte{0}, lineID, s.edPk, bytes))
		block("vector", "record", "name", s.name, "bytes", bytes,
			"body", object(r, 2, 3, 20), "leaf", leaf[:])
	}
	return object(receipt)
}

func card(s station, addressee string) {
	body := object([]pair{{0, num(1)}, {1, text(s.name)},
		{2, text(addressee)}, {3, blob(s.edPk)}, {4, blob(s.xPk)},
		{5, blob(s.share)}, {6, cat(cbor(4, 2),
			cbor(4, 2), text("tcp"), text("tcp://192.0.2.1:4430"),
			cbor(4, 2), text("pouch"), text("courier:///media/pouch"))}})
	sig := ed25519.Sign(s.edSk, append([]byte("openline card 1\n"), body...))
	pairs := []interface{}{"vector", "card", "name", s.name, "body", body,
		"signature", sig, "text_0", "-----BEGIN OPENLINE CARD-----"}
	letters := base64.StdEncoding.EncodeToString(append(body, sig...))
	n := 1
	for ; len(letters) > 64; n++ {
		pairs = append(pairs, fmt.Sprintf("text_%d", n), letters[:64])
		letters = letters[64:]
	}
	block(append(pairs, fmt.Sprintf("text_%d", n), letters,
		fmt.Sprintf("text_%d", n+1), "-----END OPENLINE CARD-----")...)
}

func chunk(kind byte, parts ...[]byte) []byte {
	body := cat(parts...)
	return cat([]byte{kind, byte(len(body) >> 8), byte(len(body))}, body)
}

// Sees the keys that a handshake comes to; the last two are the session's.
type spy struct {
	noise.CipherFunc
	keys [][32]byte
}

func (s *spy) Cipher(k [32]byte) noise.Cipher {
	s.keys = append(s.keys, k)
	return s.CipherFunc.Cipher(k)
}

// A state of own's, whose ephemeral key is e. peer: the other's static key,
// nil where the library wants to learn it.
func shake(pattern noise.HandshakePattern, placement int, initiator bool,
	own station, peer, psk, prologue, e []byte) (*noise.HandshakeState,
	*spy) {
	s := &spy{CipherFunc: noise.CipherChaChaPoly}
	hs, err := noise.NewHandshakeState(noise.Config{
		CipherSuite: noise.NewCipherSuite(noise.DH25519, s,
			noise.HashBLAKE2b),
		Random: bytes.NewReader(e), Pattern: pattern, Initiator: initiator,
		Prologue: prologue, PresharedKey: psk,
		PresharedKeyPlacement: placement, PeerStatic: peer,
		StaticKeypair: noise.DHKey{Private: own.xSk, Public: own.xPk}})
	must(err)
	return hs, s
}

var hello = chunk(11, []byte{1, 1, 16, 0})

// A HELD of all logs; the third with what lies behind a gap.
func held(serial uint32) []byte {
	return holding(serial, []byte{0})
}

// The same with a prekey: its number and its public key.
func announcing(serial uint32, prekey uint32, secret []byte) []byte {
	pk, err := curve25519.X25519(secret, curve25519.Basepoint)
	must(err)
	return holding(serial, cat([]byte{1}, be32(prekey), pk))
}

func holding(serial uint32, flags []byte) []byte {
	none := make([]byte, 8)
	return chunk(5, ramp(0x91, 8), be32(serial), flags,
		[]byte{0}, be32(0), none, be32(64), []byte{0, 0},
		[]byte{1}, be32(0), none, be32(64), []byte{0, 0},
		[]byte{2}, be32(5), ramp(0xa1, 8), be32(133), []byte{1, 1},
		be32(8), []byte{0, 2}, be32(7), be64(3),
		[]byte{3}, be32(0), none, be32(2048), []byte{0, 0})
}

// What names a channel of a line.
func tag(lineID []byte, channel string) []byte {
	return hash(32, nil, []byte("openline channel 1"), lineID,
		[]byte(channel))[:4]
}

// Both packets of a handshake that a begins. Returns the first session key.
func handshake(a, b station, lineID, psk []byte) []byte {
	const opening = 7
	prologue := cat([]byte("openline"), []byte{1}, lineID,
		be64(opening))
	headed := func(msg []byte) []byte {
		return cat(be64(opening), tag(lineID, "tcp"), msg)
	}

	init, _ := shake(noise.HandshakeIK, 2, true, a, b.xPk, psk, prologue,
		ramp(0x31, 32))
	payload := cat(hello, chunk(15, be32(5), be32(6)))
	msg, _, _, err := init.WriteMessage(nil, payload)
	must(err)
	_, _, packet := wrapped(lineID, psk, 1, 1, ramp(0x71, 16), headed(msg))
	block("vector", "knock", "name", "tcp", "opening", opening,
		"e_sk", ramp(0x31, 32), "nonce", ramp(0x71, 16), "payload", payload,
		"noise", msg, "packet", packet)

	resp, keys := shake(noise.HandshakeIK, 2, false, b, nil, psk, prologue,
		ramp(0x51, 32))
	_, _, _, err = resp.ReadMessage(nil, msg)
	must(err)
	// OPENINGS of numbers that need more than four bytes.
	payload = cat(hello, chunk(15, be64(1<<32), be64(7)), held(1))
	msg, _, _, err = resp.WriteMessage(nil, payload)
	must(err)
	_, _, packet = wrapped(lineID, psk, 2, 2, ramp(0x81, 16), headed(msg))
	k := keys.keys[len(keys.keys)-2:]
	block("vector", "response", "name", "tcp", "opening", opening,
		"e_sk", ramp(0x51, 32), "nonce", ramp(0x81, 16), "payload", payload,
		"noise", msg, "packet", packet, "from_initiator", k[0][:],
		"to_initiator", k[1][:])
	return k[0][:]
}

// Most of what a frame can hold, as chunks; sealed by a `frame` behind it.
func chunks(record []byte) []byte {
	plain := cat(
		chunk(1, be32(9), []byte{1}),
		chunk(2, be32(8), []byte{0, 3}),
		chunk(3, be32(3), []byte{0, 1, 2}, be32(0x11223344), []byte{1},
			be32(0xca90f095), []byte{3}),
		chunk(4, be32(0x281ac0f0), be32(100), []byte{0, 12}, []byte{2},
			[]byte{0, 10}, []byte{0, 0, 0, 4}, []byte{0, 3, 0, 0}),
		held(2),
		chunk(6, []byte{2 | 1<<4}, be32(5), []byte{0, 0}, record),
		[]byte{0, 0, 0, 0})
	block("vector", "chunks", "chunks", "probe echo view ack held segment",
		"plain", plain)
	return plain
}

// One of 70 bytes: asked for, sent, called done, noted; and one declined.
func attachment() {
	content := ramp(0x09, 70)
	h := hash(32, nil, content)
	want := func(serial uint32, flags byte, size uint64, rest ...[]byte) []byte {
		return chunk(14, be32(serial), []byte{flags}, h, be64(size),
			cat(rest...))
	}
	nothing := make([]byte, 16)
	block("vector", "attachment", "chunks", "want want units units want want want",
		"content", content, "hash", h, "plain", cat(
			want(1, 0, 70, be32(0), be32(1), be64(0)),
			want(2, 0, 65*65536, be32(1), be32(33), be64(1<<62)),
			chunk(17, be32(1), be32(0), []byte{0, 0}, content[:64]),
			chunk(17, be32(1), be32(0), []byte{0, 1}, content[64:]),
			want(3, 1, 70, nothing), want(4, 5, 70, nothing),
			want(5, 2, 70, nothing)))
}

// One to the key on the card, or to the prekey of that number and secret; its
// HELD announces a prekey of the sender's.
func bundle(a, b station, lineID, psk, record []byte, prekey uint32,
	secret []byte) {
	seen, heard := uint64(0), make([]byte, 8)
	payload := cat(held(3),
		chunk(6, []byte{2 | 1<<4}, be32(5), []byte{0, 0}, record))
	to := b
	pairs := []interface{}{"vector", "bundle", "number", 1025, "prekey",
		prekey}
	if prekey != 0 {
		seen, heard = 4096, ramp(0xb1, 8)
		payload = announcing(4, 7, ramp(0x99, 32))
		pk, err := curve25519.X25519(secret, curve25519.Basepoint)
		must(err)
		to.xSk, to.xPk = secret, pk
		pairs = append(pairs, "prekey_sk", secret)
	}
	enveloped := cat(be64(1025), be32(prekey), be64(seen), heard)
	prologue := cat([]byte("openline pouch 1"), lineID, enveloped)
	hs, _ := shake(noise.HandshakeK, 0, true, a, to.xPk, psk, prologue,
		ramp(0x35, 32))
	msg, _, _, err := hs.WriteMessage(nil, payload)
	must(err)
	_, _, envelope := wrapped(lineID, psk, 1, 5, ramp(0x75, 16),
		enveloped)
	block(append(pairs, "seen", seen, "heard", heard, "e_sk",
		ramp(0x35, 32), "nonce", ramp(0x75, 16), "payload", payload,
		"packet", cat(envelope, msg))...)
}

func main() {
	fmt.Print(head)
	a, b := makeStation("north", 0x00), makeStation("south", 0x21)
	low, high, lower := a, b, 1
	if bytes.Compare(b.edPk, a.edPk) < 0 {
		low, high, lower = b, a, 0
	}
	lineID := hash(32, nil, []byte("openline line id 1"), low.edPk, low.xPk,
		high.edPk, high.xPk)
	psk := hash(32, nil, []byte("openline psk 1"), lineID, low.share,
		high.share)
	block("vector", "line", "lower", lower, "line_id", lineID, "psk", psk,
		"safety_number", safety(lineID, psk), "name", "tcp",
		"channel_tag", tag(lineID, "tcp"))

	wrap(lineID, psk, 1, 1, ramp(0xa0, 16), ramp(0, 120))
	wrap(lineID, psk, 2, 3, ramp(0xb0, 16), ramp(7, 24))
	wrap(lineID, psk, 2, 5, ramp(0xc0, 16), nil)

	session := ramp(0xd0, 32)
	frame(session, "tcp", 0, ramp(0, 40))
	frame(session, "tcp", 4294967294, nil)
	frame(session, "sixteen-letters1", 16909060, ramp(1, 167))

	body := []byte("the body of what is signed")
	block("vector", "sign", "name", a.name, "prefix", "openline test 1",
		"body", body, "signature",
		ed25519.Sign(a.edSk, append([]byte("openline test 1"), body...)))

	checkpoint(a, lineID, "flash", 0)
	checkpoint(b, lineID, "immediate", 1)
	checkpoint(a, lineID, "priority", 5)
	checkpoint(b, lineID, "routine", 8)

	key, nonce, ad := ramp(0x11, 32), ramp(0xe0, 24), []byte("a primary key")
	aead, err := chacha20poly1305.NewX(key)
	must(err)
	block("vector", "atrest", "key", key, "ad", ad, "plain", ramp(0, 50),
		"sealed", aead.Seal(append([]byte{}, nonce...), nonce, ramp(0, 50),
			ad))

	// From here on whole packets, as they travel.
	record := records(a, lineID)
	card(a, "south")
	from := handshake(a, b, lineID, psk)
	frame(from, "tcp", 1, chunks(record))
	attachment()
	bundle(a, b, lineID, psk, record, 0, nil)
	bundle(a, b, lineID, psk, record, 3735928559, ramp(0xd1, 32))
}
