// Who the two stations are: keys, cards, and what both derive from them
// (protocol.md 1).

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/curve25519"
)

type identity struct {
	name string
	ed   ed25519.PrivateKey
	xSk  []byte
	xPk  []byte
}

// channel is one entry of a card: a name and a url.
type channel struct{ name, url string }

type card struct {
	name, addressee string
	ed              ed25519.PublicKey
	x, share        []byte
	channels        []channel
}

func random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
	return b
}

func hash(size int, key []byte, parts ...[]byte) []byte {
	h, err := blake2b.New(size, key)
	if err != nil {
		panic(err)
	}
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func xPair() (sk, pk []byte) {
	sk = random(32)
	pk, err := curve25519.X25519(sk, curve25519.Basepoint)
	if err != nil {
		panic(err)
	}
	return sk, pk
}

func newIdentity(name string) identity {
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	xSk, xPk := xPair()
	return identity{name, ed, xSk, xPk}
}

const (
	cardBegin  = "-----BEGIN OPENLINE CARD-----"
	cardEnd    = "-----END OPENLINE CARD-----"
	cardPrefix = "openline card 1\n"
)

// cardFor makes the card by which this identity introduces itself to a peer.
func (id identity) cardFor(peer string, share []byte,
	channels []channel) []byte {
	list := []interface{}{}
	for _, c := range channels {
		list = append(list, []interface{}{c.name, c.url})
	}
	body := encode(fields{{0, uint64(1)}, {1, id.name}, {2, peer},
		{3, []byte(id.ed.Public().(ed25519.PublicKey))}, {4, id.xPk},
		{5, share}, {6, list}})
	signed := append([]byte(cardPrefix), body...)
	return append(body, ed25519.Sign(id.ed, signed)...)
}

func cardText(b []byte) string {
	text, out := base64.StdEncoding.EncodeToString(b), cardBegin+"\n"
	for len(text) > 64 {
		out, text = out+text[:64]+"\n", text[64:]
	}
	return out + text + "\n" + cardEnd + "\n"
}

// readCard takes a card out of a text and checks its form and signature.
func readCard(text string) (c card, raw []byte, err error) {
	refused := errors.New("not a card")
	begin := strings.Index(text, cardBegin)
	if begin < 0 {
		return c, nil, refused
	}
	text = text[begin+len(cardBegin):]
	end := strings.Index(text, cardEnd)
	if end < 0 {
		return c, nil, refused
	}
	letters := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").
		Replace(text[:end])
	raw, err = base64.StdEncoding.Strict().DecodeString(letters)
	if err != nil || len(raw) < 64 || len(raw) > 8192 {
		return c, nil, refused
	}
	body, signature := raw[:len(raw)-64], raw[len(raw)-64:]
	f, err := decodeFields(body)
	if err != nil || len(f) != 7 || f[6].key != 6 || f[0].value != uint64(1) {
		return c, nil, refused
	}
	var ok [6]bool
	c.name, ok[0] = f[1].value.(string)
	c.addressee, ok[1] = f[2].value.(string)
	c.ed, ok[2] = f[3].value.([]byte)
	c.x, ok[3] = f[4].value.([]byte)
	c.share, ok[4] = f[5].value.([]byte)
	list, isList := f[6].value.([]interface{})
	ok[5] = isList && len(list) <= 16
	for _, is := range ok {
		if !is {
			return c, nil, refused
		}
	}
	if len(c.ed) != 32 || len(c.x) != 32 || len(c.share) != 32 {
		return c, nil, refused
	}
	for _, item := range list {
		pair, ok := item.([]interface{})
		if !ok || len(pair) != 2 {
			return c, nil, refused
		}
		name, ok1 := pair[0].(string)
		url, ok2 := pair[1].(string)
		if !ok1 || !ok2 || len(url) == 0 || len(url) > 255 {
			return c, nil, refused
		}
		c.channels = append(c.channels, channel{name, url})
	}
	if !ed25519.Verify(c.ed, append([]byte(cardPrefix), body...),
		signature) {
		return c, nil, errors.New("a card with a wrong signature")
	}
	return c, raw, nil
}

// line is what two stations share; `low` says whether ours is the lower.
type line struct {
	me   identity
	peer card
	id   []byte
	psk  []byte
	low  bool
}

func newLine(me identity, share []byte, peer card) *line {
	l := &line{me: me, peer: peer}
	edMe := []byte(me.ed.Public().(ed25519.PublicKey))
	edLow, xLow, shareLow := edMe, me.xPk, share
	edHigh, xHigh, shareHigh := []byte(peer.ed), peer.x, peer.share
	l.low = bytes.Compare(edMe, peer.ed) < 0
	if !l.low {
		edLow, xLow, shareLow, edHigh, xHigh, shareHigh =
			edHigh, xHigh, shareHigh, edLow, xLow, shareLow
	}
	l.id = hash(32, nil, []byte("openline line id 1"), edLow, xLow, edHigh,
		xHigh)
	l.psk = hash(32, nil, []byte("openline psk 1"), l.id, shareLow,
		shareHigh)
	return l
}

// direction is 1 from the lower station, 2 from the higher.
func (l *line) direction(fromMe bool) []byte {
	if fromMe == l.low {
		return []byte{1}
	}
	return []byte{2}
}

func (l *line) safety() string {
	h := hash(64, nil, []byte("openline safety 1"), l.id,
		hash(32, nil, l.psk))
	for i := 1; i < 5200; i++ {
		h = hash(64, nil, h)
	}
	groups := make([]string, 12)
	for g := range groups {
		five := append([]byte{0, 0, 0}, h[5*g:5*g+5]...)
		groups[g] = fmt.Sprintf("%05d",
			binary.BigEndian.Uint64(five)%100000)
	}
	return strings.Join(groups, " ")
}

// tag names a channel in VIEW.
func (l *line) tag(name string) []byte {
	return hash(32, nil, []byte("openline channel 1"), l.id,
		[]byte(name))[:4]
}
